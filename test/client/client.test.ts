import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { ClusterError, type ClusterErrorReason } from "../../cluster/errors";
import { VIRTUAL_MACHINE } from "../../cluster/kinds";

const TOKEN = "marker-5d21-of-the-token";
const POD = { apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", metadata: { name: "web", namespace: "shop" } };
const PATH = "/apis/kubevirt.io/v1/namespaces/shop/virtualmachines/web";

/** What the API server sends with an error (metav1.Status). */
function status(code: number, reason: string, message: string): object {
    return { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message };
}

describe("the Kubernetes client", () => {
    let server: Server | undefined;
    let requests: IncomingMessage[];

    /** A client of a server that answers like this; the last answer is for all further requests. */
    async function clientOf(answers: RequestListener[], deadlineMs?: number): Promise<ClusterClient> {
        requests = [];
        const listening = createServer((request, response) => {
            requests.push(request);
            answers[Math.min(requests.length, answers.length) - 1]!(request, response);
        });
        server = listening;
        await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
        return new ClusterClient(configFor((listening.address() as AddressInfo).port), deadlineMs);
    }

    afterEach(async () => {
        server?.closeAllConnections();
        await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
        server = undefined;
    });

    const send =
        (code: number, body: object | string, headers: Record<string, string> = {}): RequestListener =>
        (_request, response) => {
            response.writeHead(code, { "content-type": "application/json", ...headers });
            response.end(typeof body === "string" ? body : JSON.stringify(body));
        };
    const reset: RequestListener = (request) => void request.socket.resetAndDestroy();
    const silence: RequestListener = () => undefined;

    const busy = status(429, "TooManyRequests", "too many requests");
    for (const [what, answer] of [
        ["429, too many requests", send(429, busy)],
        ["503, unavailable", send(503, status(503, "ServiceUnavailable", "starting"))],
        ["500, an internal error such as of a webhook that is not there", send(500, status(500, "InternalError", "x"))],
        ["a connection that is reset", reset],
    ] as const) {
        it(`asks again after ${what}`, async () => {
            const client = await clientOf([answer, answer, send(200, POD)]);
            assert.deepEqual(await client.get(VIRTUAL_MACHINE, "shop", "web"), POD);
            assert.deepEqual(
                requests.map(({ url }) => url),
                [PATH, PATH, PATH],
            );
        });
    }

    it("waits as long as a busy server asks for", async () => {
        const arrivals: number[] = [];
        const noted =
            (answer: RequestListener): RequestListener =>
            (request, response) => {
                arrivals.push(performance.now());
                answer(request, response);
            };
        const client = await clientOf([noted(send(429, busy, { "retry-after": "1" })), noted(send(200, POD))]);
        await client.get(VIRTUAL_MACHINE, "shop", "web");
        const [first = 0, second = 0] = arrivals;
        // A timer may fire a millisecond early.
        assert.ok(second - first >= 990, `${second - first} ms`);
    });

    it("gives up in the end, with what the server said", async () => {
        const client = await clientOf([send(503, status(503, "ServiceUnavailable", "etcd is away"))]);
        await rejects(
            client,
            "failed",
            /^The cluster at http:\/\/127\.0\.0\.1:\d+ failed on GET .*web: etcd is away\.$/,
        );
        assert.equal(requests.length, 5);
    });

    for (const [code, reason, kind, says] of [
        [400, "BadRequest", "invalid", /refused GET .*: said so\./],
        [401, "Unauthorized", "unauthorized", /does not accept the kubeconfig's credentials for GET .*\. Renew them\./],
        [403, "Forbidden", "forbidden", /refused GET .*: said so\./],
        [404, "NotFound", "not-found", /said so/],
        [409, "Conflict", "conflict", /said so/],
        [409, "AlreadyExists", "already-exists", /said so/],
        [422, "Invalid", "invalid", /refused GET .*: said so\./],
    ] as const) {
        it(`takes ${code} ${reason} for an answer, and asks once`, async () => {
            const client = await clientOf([send(code, status(code, reason, "said so"))]);
            await rejects(client, kind, says);
            assert.equal(requests.length, 1);
        });
    }

    it("finds nothing where there is nothing", async () => {
        const client = await clientOf([send(404, status(404, "NotFound", "not found"))]);
        assert.equal(await client.find(VIRTUAL_MACHINE, "shop", "web"), undefined);
    });

    it("does not wait longer than its deadline for an answer", async () => {
        const client = await clientOf([silence], 300);
        await rejects(client, "unreachable", /did not answer GET .*web within 0\.3 s\. Check that it runs/);
    });

    it("tells at its deadline what it last saw", async () => {
        const client = await clientOf([send(429, busy, { "retry-after": "60" })], 300);
        await rejects(
            client,
            "unreachable",
            /did not answer GET .* within 0\.3 s; last seen: .*too many requests\. Check/,
        );
    });

    it("tells at once that nobody listens", async () => {
        const closed = await clientOf([silence]);
        const port = Number(new URL(closed.server).port);
        await new Promise((resolve) => server!.close(resolve));
        server = undefined;
        const config = configFor(port);
        let attempts = 0;
        const authenticate = config.applySecurityAuthentication.bind(config);
        config.applySecurityAuthentication = async (context) => {
            attempts += 1;
            await authenticate(context);
        };
        await rejects(new ClusterClient(config), "unreachable", /did not answer GET .*ECONNREFUSED/);
        assert.equal(attempts, 1);
    });

    it("says so where something else answers", async () => {
        const client = await clientOf([send(200, "<html>Sign in</html>", { "content-type": "text/html" })]);
        await rejects(client, "failed", /is no Kubernetes API server: it sends no JSON/);
        assert.equal(requests.length, 1);
    });

    it("keeps the credentials out of what it says", async () => {
        for (const answer of [silence, reset, send(401, status(401, "Unauthorized", "Unauthorized")), send(200, "<")]) {
            const client = await clientOf([answer], 300);
            await rejects(client, undefined, /./);
            assert.equal(requests[0]?.headers.authorization, `Bearer ${TOKEN}`);
            server?.closeAllConnections();
            server?.close();
        }
    });

    it("deletes the object with the uid, and takes another one's place, or none, for done", async () => {
        for (const code of [404, 409]) {
            let body = "";
            const note: RequestListener = (request, response) => {
                request.on("data", (chunk: Buffer) => (body += chunk.toString()));
                request.on("end", () => send(code, status(code, "Conflict", "x"))(request, response));
            };
            const client = await clientOf([note]);
            await client.delete(VIRTUAL_MACHINE, "shop", "web", { uid: "uid-1" });
            assert.deepEqual(JSON.parse(body), { preconditions: { uid: "uid-1" } });
            server?.close();
        }
    });
});

async function rejects(client: ClusterClient, reason: ClusterErrorReason | undefined, says: RegExp): Promise<void> {
    await assert.rejects(client.get(VIRTUAL_MACHINE, "shop", "web"), (error: unknown) => {
        assert.ok(error instanceof ClusterError);
        assert.equal(error.reason, reason ?? error.reason);
        assert.match(error.message, says);
        assert.ok(!error.message.includes(TOKEN));
        return true;
    });
}

function configFor(port: number): KubeConfig {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
        { name: "here", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
        { name: "me", token: TOKEN },
    );
    return config;
}
