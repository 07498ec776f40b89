import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { HttpMethod, RequestContext } from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { connectionKey, loadKubeConfig } from "../../cluster/connection";
import { ClusterError, type ClusterErrorReason } from "../../cluster/errors";

const TOKEN = "marker-5d21-of-the-token";

function kubeconfig(current: string): string {
    return `apiVersion: v1
kind: Config
current-context: ${current}
clusters:
- { name: one, cluster: { server: "https://one.example:6443" } }
- { name: two, cluster: { server: "https://two.example:6443" } }
users:
- { name: me, user: { token: ${TOKEN} } }
contexts:
- { name: first, context: { cluster: one, user: me } }
- { name: second, context: { cluster: two, user: me } }
`;
}

describe("the kubeconfig of a connection", () => {
    let directory: string;
    let file: string;
    const environment = process.env.KUBECONFIG;

    before(() => {
        directory = mkdtempSync(path.join(tmpdir(), "wukong-kubeconfig-"));
        file = path.join(directory, "config");
        writeFileSync(file, kubeconfig("first"));
    });

    afterEach(() => {
        if (environment === undefined) {
            delete process.env.KUBECONFIG;
        } else {
            process.env.KUBECONFIG = environment;
        }
    });

    after(() => rmSync(directory, { recursive: true }));

    const serverOf = (args: Parameters<typeof loadKubeConfig>[0]): unknown =>
        loadKubeConfig(args).getCurrentCluster()?.server;

    it("is given by its contents or its path, else by KUBECONFIG", () => {
        process.env.KUBECONFIG = path.join(directory, "elsewhere");
        writeFileSync(process.env.KUBECONFIG, kubeconfig("second"));
        assert.equal(serverOf({ kubeconfig: kubeconfig("first") }), "https://one.example:6443");
        assert.equal(serverOf({ kubeconfig: file }), "https://one.example:6443");
        assert.equal(serverOf({}), "https://two.example:6443");
    });

    it("is used with the context asked for", () => {
        assert.equal(serverOf({ kubeconfig: file, context: "second" }), "https://two.example:6443");
    });

    /** What it is refused with; nothing in it may be the token. */
    const refusal = (args: Parameters<typeof loadKubeConfig>[0], reason: ClusterErrorReason = "invalid"): string => {
        try {
            loadKubeConfig(args);
        } catch (error) {
            assert.ok(error instanceof ClusterError && error.reason === reason);
            assert.ok(!error.message.includes(TOKEN));
            return error.message;
        }
        throw new Error("The kubeconfig was not refused.");
    };

    it("leads requests through connections that are there", async () => {
        const server = createServer((_request, response) => response.end("{}"));
        let connections = 0;
        server.on("connection", () => (connections += 1));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;
        const here = `http://127.0.0.1:${port}", insecure-skip-tls-verify: true`;
        const client = new ClusterClient(
            loadKubeConfig({ kubeconfig: kubeconfig("first").replace('https://one.example:6443"', here) }),
        );
        try {
            const requests = 8;
            for (let request = 1; request <= requests; request += 1) {
                await client.request("GET", "/api");
            }
            assert.ok(connections < requests, `${connections} connections for ${requests} requests`);
        } finally {
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        }
    });

    it("makes other connections where the user's certificate has been renewed", async () => {
        const certificate = path.join(directory, "certificate");
        const text = kubeconfig("first").replace(`token: ${TOKEN}`, `client-certificate: ${certificate}`);
        const config = loadKubeConfig({ kubeconfig: text });
        const dispatcher = async (contents: string): Promise<unknown> => {
            writeFileSync(certificate, contents);
            const context = new RequestContext("https://one.example:6443/api", HttpMethod.GET);
            await config.applySecurityAuthentication(context);
            return context.getDispatcher();
        };
        const first = await dispatcher("one");
        assert.notEqual(first, undefined);
        assert.equal(await dispatcher("one"), first);
        assert.notEqual(await dispatcher("another"), first);
    });

    it("is refused without the context asked for, which names those that there are", () => {
        assert.equal(
            refusal({ kubeconfig: file, context: "third" }),
            `The kubeconfig ${file} has no context "third", only: first, second. Name one of these as the context.`,
        );
    });

    it("is refused where it is not there, or is none, or selects no cluster", () => {
        const missing = path.join(directory, "missing");
        assert.match(
            refusal({ kubeconfig: missing }, "no-cluster"),
            new RegExp(`^The kubeconfig ${missing} cannot be read\\. Set KUBECONFIG`),
        );
        assert.match(refusal({ kubeconfig: `{ token: ${TOKEN}` }), /^The kubeconfig of the Cluster cannot be read\./);
        assert.match(
            refusal({ kubeconfig: kubeconfig("fourth") }),
            /^The kubeconfig of the Cluster selects no cluster\./,
        );
        process.env.KUBECONFIG = missing;
        assert.match(
            refusal({}, "no-cluster"),
            new RegExp(`^The kubeconfig ${missing} (cannot be read|selects no cluster)\\.`),
        );
    });

    it("tells clients apart, and shows nothing of itself", () => {
        const key = connectionKey({ kubeconfig: kubeconfig("first") });
        assert.ok(!key.includes(TOKEN));
        assert.equal(connectionKey({ kubeconfig: kubeconfig("first") }), key);
        const keys = [key, connectionKey({ kubeconfig: file }), connectionKey({ kubeconfig: file, context: "second" })];
        process.env.KUBECONFIG = "one";
        keys.push(connectionKey({}));
        process.env.KUBECONFIG = "two";
        keys.push(connectionKey({}));
        assert.equal(new Set(keys).size, keys.length);
    });
});
