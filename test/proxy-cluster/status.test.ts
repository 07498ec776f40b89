import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import type { StatusServer } from "../../proxy/status/server";
import { testKubeconfig } from "../support/embedded-cluster";
import { PORT, serve, sourceOf } from "./status-source";

const TOKEN = "a-token-of-the-readers-0123456789";

describe("the status API of the node agent", () => {
    const servers: StatusServer[] = [];
    let folder: string;
    let client: ClusterClient;

    before(async () => {
        folder = fs.mkdtempSync(path.join(tmpdir(), "wukong-status-"));
        client = new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig("nobody") }));
    });

    after(async () => {
        await Promise.all(servers.map(async (server) => server.close()));
        fs.rmSync(folder, { recursive: true });
    });

    const started = async (...args: Parameters<typeof serve> extends [unknown, ...infer R] ? R : never) => {
        const server = await serve(client, ...args);
        servers.push(server);
        return server;
    };
    const tokenFile = (text: string): string => {
        const file = path.join(folder, `token-${fs.readdirSync(folder).length}`);
        fs.writeFileSync(file, text, { mode: 0o600 });
        return file;
    };

    // What is read of it is what the test asserts.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const bodyOf = async (response: Response): Promise<any> => response.json();

    it("lists the Services that are served", async () => {
        const { url } = await started();
        const response = await fetch(`${url}/api/v1/services`);
        assert.equal(response.status, 200);
        assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
        const port = {
            ...{ name: "http", protocol: "TCP", family: "IPv4", clusterIP: "10.96.0.10", port: 80 },
            ...{ externalIPs: [], nodePort: 30080, scheduler: "Random", endpoints: 1 },
        };
        const service = {
            ...{ namespace: "shop", name: "web", type: "NodePort", ports: [port] },
            ...{ lastSync: { at: "2026-01-01T00:00:00Z" }, problems: [] },
        };
        assert.deepEqual(await bodyOf(response), { services: [service] });
    });

    it("tells of one the rules that decide", async () => {
        const { url } = await started();
        const service = await bodyOf(await fetch(`${url}/api/v1/services/shop/web`));
        assert.deepEqual(service.ports[0].rules, ["elements = { 10.96.0.10 . tcp . 80 : goto random-1 }"]);
    });

    it("tells each endpoint with its flows, and each VM that is none with the reason", async () => {
        const { url } = await started();
        const response = await fetch(`${url}/api/v1/services/shop/web/endpoints`);
        assert.deepEqual(await bodyOf(response), {
            ...{ namespace: "shop", name: "web" },
            endpoints: [
                {
                    ...{ vm: "web-a", nodeName: "node-1", protocol: "TCP", address: "192.0.2.7", port: 8080 },
                    ...{ ready: true, serving: true, terminating: false, addressFrom: "reservation" },
                    ...{ served: true, flows: 3 },
                },
            ],
            excluded: [{ vm: "web-b", why: ["VM web-b is no endpoint: it is paused."] }],
            problems: [],
        });
    });

    it("says what is not there, in a sentence", async () => {
        const { url } = await started();
        for (const path of ["/api/v1/services/shop/db", "/api/v1/services/shop/db/endpoints"]) {
            const response = await fetch(url + path);
            assert.equal(response.status, 404);
            assert.match((await bodyOf(response)).error, /^No Service shop\/db is served here: /);
        }
        const nothing = await fetch(`${url}/api/v2`);
        assert.deepEqual([nothing.status, Object.keys(await bodyOf(nothing))], [404, ["error"]]);
    });

    it("tells by /livez and /healthz how the agent is", async () => {
        const state = { alive: true, healthy: true };
        const { url } = await started(sourceOf({ isAlive: () => state.alive, isHealthy: () => state.healthy }));
        const codes = async () => [(await fetch(`${url}/livez`)).status, (await fetch(`${url}/healthz`)).status];
        assert.deepEqual(await codes(), [200, 200]);
        state.healthy = false;
        assert.deepEqual(await codes(), [200, 503]);
        state.alive = false;
        assert.deepEqual(await codes(), [503, 503]);
    });

    it("counts for Prometheus what the agent does", async () => {
        const { url, metrics } = await started();
        metrics.synced({ kind: "partial", flowsRemoved: 2 }, 0.01, { ports: [PORT, PORT, PORT] });
        metrics.failed();
        metrics.repaired();
        const response = await fetch(`${url}/metrics`);
        assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
        const lines = (await response.text()).split("\n");
        for (const line of [
            'wukong_proxy_sync_duration_seconds_count{kind="partial"} 1',
            'wukong_proxy_sync_duration_seconds_sum{kind="partial"} 0.01',
            "wukong_proxy_conntrack_deleted_total 2",
            "wukong_proxy_sync_failures_total 1",
            "wukong_proxy_drift_repairs_total 1",
            "wukong_proxy_ports 3",
            "wukong_proxy_endpoints 3",
        ]) {
            assert.ok(lines.includes(line), line);
        }
        assert.ok(lines.some((line) => line.startsWith("process_resident_memory_bytes ")));
    });

    it("keeps where an error comes from to its log", async () => {
        const report = async (): Promise<never> => Promise.reject(new Error("marker of the inside"));
        const { url, log } = await started(sourceOf({ report }));
        const response = await fetch(`${url}/api/v1/services/shop/web/endpoints`);
        assert.equal(response.status, 500);
        assert.doesNotMatch(await response.text(), /marker|node_modules|\.js/);
        assert.match(log.join(), /marker of the inside/);
    });

    describe("asks its readers for a token", () => {
        it("where other machines reach it, or it does not begin to listen", async () => {
            for (const host of ["0.0.0.0", "::", "192.0.2.1", "status.example"]) {
                await assert.rejects(
                    started(sourceOf(), { host }),
                    new RegExp(`The status API at ${host} can be reached`),
                );
            }
        });

        it("that is long enough, from a file that can be read", async () => {
            await assert.rejects(started(sourceOf(), { tokenFile: tokenFile("short\n") }), /a token of 5 characters/);
            await assert.rejects(started(sourceOf(), { tokenFile: "/no/such/file" }), /cannot be read: ENOENT/);
        });

        it("for all but its health", async () => {
            const { url } = await started(sourceOf(), { host: "0.0.0.0", tokenFile: tokenFile(`${TOKEN}\n`) });
            const ask = async (path: string, authorization?: string): Promise<number> => {
                const response = await fetch(url.replace("0.0.0.0", "127.0.0.1") + path, {
                    headers: authorization === undefined ? {} : { authorization },
                });
                if (response.status === 401) {
                    assert.equal(response.headers.get("www-authenticate"), "Bearer");
                    assert.deepEqual(Object.keys(await bodyOf(response)), ["error"]);
                }
                return response.status;
            };
            for (const path of [
                "/api/v1/services",
                "/api/v1/services/shop/web",
                "/api/v1/services/shop/web/endpoints",
                "/metrics",
            ]) {
                assert.equal(await ask(path), 401, path);
                assert.equal(await ask(path, TOKEN), 401, path);
                assert.equal(await ask(path, `Basic ${TOKEN}`), 401, path);
                assert.equal(await ask(path, `Bearer ${TOKEN.slice(1)}`), 401, path);
                assert.equal(await ask(path, `Bearer ${TOKEN}`), 200, path);
            }
            assert.deepEqual([await ask("/livez"), await ask("/healthz")], [200, 200]);
        });
    });
});
