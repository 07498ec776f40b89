import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { ClusterClient, type KubernetesObject } from "../../cluster/client";
import { SERVICE } from "../../cluster/kinds";
import { follow } from "../../cluster/reflector";

const object = (name: string, resourceVersion: string): KubernetesObject => ({ metadata: { name, resourceVersion } });
const list = (resourceVersion: string, ...items: KubernetesObject[]): string =>
    JSON.stringify({ metadata: { resourceVersion }, items });
const event = (type: string, of: object): string => `${JSON.stringify({ type, object: of })}\n`;
/** What etcd's compaction makes of a watch (apierrors.NewResourceExpired). */
const EXPIRED = {
    kind: "Status",
    status: "Failure",
    code: 410,
    reason: "Expired",
    message: "too old resource version",
};

describe("following the objects of a kind", () => {
    let server: Server;
    let ending: AbortController;
    let following: Promise<void>;
    let requests: URL[];
    let told: string[];
    let troubles: string[];
    /** Called after each request and each thing that was told. */
    let progress: () => void;

    beforeEach(() => {
        ending = new AbortController();
        following = Promise.resolve();
        [requests, told, troubles] = [[], [], []];
        progress = () => undefined;
    });

    afterEach(async () => {
        ending.abort();
        await following;
        server.closeAllConnections();
        server.close();
        await once(server, "close");
    });

    /** @param answers the next one for each request; the last one for all that come after */
    async function start(answers: ((response: ServerResponse, request: IncomingMessage) => void)[]): Promise<void> {
        server = createServer((request, response) => {
            requests.push(new URL(request.url ?? "", "http://server"));
            answers[Math.min(requests.length, answers.length) - 1]?.(response, request);
            progress();
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        const config = new KubeConfig();
        config.loadFromClusterAndUser(
            { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
            { name: "u" },
        );
        const tell = (text: string): void => {
            told.push(text);
            progress();
        };
        following = follow(
            new ClusterClient(config),
            SERVICE,
            {
                replaced: (objects) => tell(`all: ${objects.map(({ metadata }) => metadata.name).join(" ")}`),
                changed: ({ metadata }) => tell(`changed: ${metadata.name}`),
                removed: ({ metadata }) => tell(`removed: ${metadata.name}`),
            },
            { signal: ending.signal, labelSelector: "a=b", onTrouble: (sentence) => troubles.push(sentence) },
        );
    }

    async function until(condition: () => boolean): Promise<void> {
        await new Promise<void>((resolve) => {
            progress = () => (condition() ? resolve() : undefined);
            progress();
        });
    }

    const send =
        (body: string, code = 200) =>
        (response: ServerResponse): void =>
            void response.writeHead(code, { "content-type": "application/json" }).end(body);
    const begin =
        (...events: string[]) =>
        (response: ServerResponse): void => {
            response.writeHead(200, { "content-type": "application/json" });
            response.flushHeaders();
            events.forEach((each) => response.write(each));
        };
    const versions = (): (string | null)[] => requests.map(({ searchParams }) => searchParams.get("resourceVersion"));

    it("lists, and goes on from the list's version, with the selector in both", async () => {
        await start([
            send(list("7", object("a", "5"), object("b", "6"))),
            begin(
                event("ADDED", object("c", "8")),
                event("MODIFIED", object("a", "9")),
                event("DELETED", object("b", "10")),
            ),
        ]);
        await until(() => told.length === 4);
        assert.deepEqual(told, ["all: a b", "changed: c", "changed: a", "removed: b"]);
        assert.deepEqual(
            requests.map(({ pathname }) => pathname),
            ["/api/v1/services", "/api/v1/services"],
        );
        assert.deepEqual(
            requests.map(({ searchParams }) => searchParams.get("labelSelector")),
            ["a=b", "a=b"],
        );
        assert.deepEqual(versions(), [null, "7"]);
    });

    it("begins a watch that was closed again where it ended, as a bookmark told it", async () => {
        await start([
            send(list("7")),
            (response) => {
                begin(event("ADDED", object("c", "8")), event("BOOKMARK", object("", "20")))(response);
                response.end();
            },
            begin(event("ADDED", object("d", "21"))),
        ]);
        await until(() => told.length === 3);
        assert.deepEqual(told, ["all: ", "changed: c", "changed: d"]);
        assert.deepEqual(versions(), [null, "7", "20"]);
    });

    for (const [how, expire] of [
        ["by an event", begin(event("ERROR", EXPIRED))],
        ["by the answer's code", send(JSON.stringify(EXPIRED), 410)],
    ] as const) {
        it(`lists again where the version is too old, told ${how}`, async () => {
            await start([send(list("7", object("a", "5"))), expire, send(list("90", object("z", "80"))), begin()]);
            await until(() => requests.length === 4);
            assert.deepEqual(told, ["all: a", "all: z"]);
            assert.deepEqual(versions(), [null, "7", null, "90"]);
            assert.deepEqual(troubles, []);
        });
    }

    it("pauses where versions expire as soon as they are listed", async () => {
        await start([
            (response, request) =>
                (request.url?.includes("watch=true") === true ? send(JSON.stringify(EXPIRED), 410) : send(list("7")))(
                    response,
                ),
        ]);
        await until(() => requests.length === 8);
        // Without the pauses, which follow the second list and each after it, there would be no trouble to tell of.
        assert.equal(troubles.length, 2);
        assert.match(troubles[0] ?? "", /^The version of the list of services has expired at once/);
    });

    it("lists again after a failure that was not the version's, and says so", async () => {
        await start([
            send(list("7")),
            (_response, request) => request.socket.resetAndDestroy(),
            send(list("8", object("a", "8"))),
            begin(),
        ]);
        await until(() => requests.length === 4);
        assert.deepEqual(told, ["all: ", "all: a"]);
        assert.equal(troubles.length, 1);
        assert.match(troubles[0] ?? "", /^The watch of services has ended: /);
    });

    it("pauses longer each time where connections are closed at once", async () => {
        await start([
            (response, request) =>
                request.url?.includes("watch=true") === true ? send("")(response) : send(list("7"))(response),
        ]);
        await until(() => requests.length === 8);
        // Four pauses of at least 50, 100, 200 and 400 ms; without them this would be thousands of requests.
        assert.equal(troubles.length, 3);
        assert.match(troubles[0] ?? "", /closed at once/);
    });

    it("lists again after what is told of an object could not be taken in", async () => {
        await start([send(list("7")), begin(event("MODIFIED", {})), send(list("8")), begin()]);
        await until(() => requests.length === 4);
        assert.equal(troubles.length, 1);
        assert.match(troubles[0] ?? "", /services has ended: /);
    });

    it("ends with its signal", async () => {
        await start([send(list("7")), begin()]);
        await until(() => requests.length === 2);
        ending.abort();
        await following;
        assert.equal(requests.length, 2);
    });
});
