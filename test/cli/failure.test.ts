import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type BareApiServer, startBareApiServer } from "../../scripts/embedded-cluster/bare-api-server";
import { testKubeconfig } from "../support/embedded-cluster";
import { wukong, wukongHere } from "./wukong";

const TOKEN = "marker-77c1-of-the-token";

describe("a failure of wukong", () => {
    let folder: string;
    let files = 0;

    before(() => {
        folder = mkdtempSync(path.join(tmpdir(), "wukong-command-"));
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    /** A kubeconfig for a server, with a token in it. */
    const kubeconfigFor = (server: string, appendix = ""): string => {
        files += 1;
        const file = path.join(folder, `kubeconfig-${String(files)}`);
        const config = {
            apiVersion: "v1",
            kind: "Config",
            clusters: [{ name: "c", cluster: { server } }],
            users: [{ name: "u", user: { token: TOKEN } }],
            contexts: [{ name: "main", context: { cluster: "c", user: "u" } }],
            "current-context": "main",
        };
        writeFileSync(file, JSON.stringify(config, undefined, 1) + appendix);
        return file;
    };

    /** A port of this machine that nobody listens on. */
    const closedPort = async (): Promise<number> => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;
        await new Promise((resolve) => server.close(resolve));
        return port;
    };

    const COMMANDS = [
        ["ipam", "list"],
        ["ipam", "show", "198.18.60.1"],
        ["ipam", "history"],
        ["ipam", "usage"],
    ];
    for (const args of COMMANDS) {
        it(`where the cluster does not answer: ${args.join(" ")} says so in a line, and ends with 1`, async () => {
            const server = `https://127.0.0.1:${String(await closedPort())}`;
            const { code, stdout, stderr } = await wukongHere(args, kubeconfigFor(server));
            assert.deepEqual([code, stdout], [1, ""]);
            assert.match(stderr, /^The cluster at https:\/\/127\.0\.0\.1:\d+ did not answer GET .*ECONNREFUSED.*\.\n$/);
            assert.ok(stderr.includes(server));
        });
    }

    it("shows where it comes from with --debug only, and no secret", async () => {
        const kubeconfig = kubeconfigFor("https://127.0.0.1:1");
        const plain = await wukong(["ipam", "list"], kubeconfig);
        const debug = await wukong(["ipam", "list", "--debug"], kubeconfig);
        assert.doesNotMatch(plain.stderr, /\n./);
        assert.match(debug.stderr, /\nClusterError\n {4}at /);
        assert.ok(debug.stderr.startsWith(plain.stderr));
        assert.ok(!debug.stderr.includes(TOKEN));
        assert.deepEqual([plain.code, debug.code], [1, 1]);
    });

    it("quotes nothing of a kubeconfig that cannot be read, not even with --debug", async () => {
        const kubeconfig = kubeconfigFor("https://127.0.0.1:1", ": {");
        const { code, stderr } = await wukong(["ipam", "list", "--debug", "--kubeconfig", kubeconfig]);
        assert.equal(code, 1);
        assert.match(stderr, /^The kubeconfig .* cannot be read\. .*--kubeconfig/);
        // The cause is there, and it is the parser's, whose message has a part of the file.
        assert.match(stderr, /\nYAML\w*|\nSyntaxError|\nError\n/);
        assert.ok(!stderr.includes(TOKEN));
    });

    it("names the contexts that there are", async () => {
        const kubeconfig = kubeconfigFor("https://127.0.0.1:1");
        const args = ["ipam", "list", "--kubeconfig", kubeconfig, "--context", "side\u001b[31m"];
        const { code, stderr } = await wukong(args);
        assert.equal(code, 1);
        assert.match(stderr, /^The kubeconfig .* has no context "side\\u001b\[31m", only: main\. .*\.\n$/);
    });

    it("takes the kubeconfig and the context of the command line before those of the environment", async () => {
        const good = await testKubeconfig();
        const context = /current-context: "?([\w.-]+)/.exec(readFileSync(good, "utf8"))?.[1] ?? "";
        const args = ["ipam", "list", "--kubeconfig", good, "--context", context];
        assert.equal((await wukong(args, kubeconfigFor("https://127.0.0.1:1"))).code, 0);
    });

    it("says what the user may not do", async () => {
        const { code, stdout, stderr } = await wukong(["ipam", "list"], await testKubeconfig("nobody"));
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^The cluster at .* refused GET .*cannot list resource "ipreservations".*\n$/);
    });

    it("does not come to who may only read", async () => {
        const reader = await testKubeconfig("reader");
        for (const args of [
            ["ipam", "list"],
            ["ipam", "history"],
        ]) {
            const { code, stderr } = await wukongHere(args, reader);
            assert.ok(code === 0 && !stderr.includes("refused"), stderr);
        }
    });

    const MISTAKES: [string[], RegExp][] = [
        [[], /^Usage: wukong /],
        [["ipam"], /^Usage: wukong ipam /],
        [["ipam", "lst"], /^Unknown command 'lst' \(Did you mean list\?\)/],
        [["ipam", "list", "--stat", "Active"], /^Unknown option '--stat' \(Did you mean --state\?\)/],
        [["ipam", "list", "--state", "broken"], /The states are Active, Retained, Quarantined, Reusable\./],
        [["ipam", "list", "--vm", "web"], /'web' is invalid\. A virtual machine is named as namespace\/name\./],
        [["ipam", "list", "--space", "a,b"], /'a,b' is invalid\. A space is a DNS label/],
        [["ipam", "list", "-o", "xml"], /'xml' is invalid\. Allowed choices are table, json, yaml\./],
        [["ipam", "list", "10.0.0.1"], /^Too many arguments for 'list'/],
        [["ipam", "show"], /^Missing required argument 'subject'\./],
        [["ipam", "show", "10.0.0.300"], /'10\.0\.0\.300' .* It is not a canonical IPv4 address/],
        [["ipam", "show", "fe80::1%eth0"], /It has a zone/],
        [["ipam", "show", "01:00:5e:00:00:01"], /It is a multicast address/],
        [["ipam", "show", "web"], /It is no address, MAC address, virtual machine/],
        [["ipam", "show", "a\u001b[2Jb"], /'a\\u001b\[2Jb'/],
        [
            ["ipam", "history", "--since", "yesterday"],
            /Write a time as 2026-11-01T00:00:00Z, or how long ago it was as 30d\./,
        ],
        [["ipam", "history", "--since", "2026-13-01T00:00:00Z"], /Write a time/],
    ];
    for (const [args, message] of MISTAKES) {
        it(`on the command line ends with 64: ${JSON.stringify(args)}`, async () => {
            const { code, stdout, stderr } = await wukongHere(args);
            assert.deepEqual([code, stdout], [64, ""]);
            assert.match(stderr, message);
            assert.doesNotMatch(stderr, /^\s+at /m);
            if (!stderr.startsWith("Usage")) {
                assert.match(stderr, /^[^\n]* See `wukong [^\n]*\.\n$/);
            }
        });
    }

    describe("on a cluster without the kinds", () => {
        let server: BareApiServer | undefined;

        before("start an API server that knows Kubernetes' own kinds only", async function () {
            this.timeout(120_000);
            server = await startBareApiServer();
        });

        after(async () => server?.stop());

        const KINDS: [string[], string][] = [
            [["ipam", "list"], "ipreservations"],
            [["ipam", "show", "198.18.60.1", "--space", "lan"], "ipreservations"],
            [["ipam", "history"], "ipreservations"],
            [["ipam", "usage"], "ippools"],
            [["ipam", "usage", "web"], "ippools"],
        ];
        for (const [args, kind] of KINDS) {
            it(`${args.join(" ")} says how to install them`, async () => {
                const { code, stdout, stderr } = await wukongHere(args, server?.kubeconfig);
                assert.deepEqual([code, stdout], [1, ""]);
                assert.match(
                    stderr,
                    new RegExp(`^The cluster at https:\\S+ does not know ${kind}\\.vm\\.novasphere\\.dev`),
                );
                assert.match(stderr, /Install it: kubectl apply -f \S+crds\/.*\n$/);
                assert.doesNotMatch(stderr, /\n./);
            });
        }
    });
});
