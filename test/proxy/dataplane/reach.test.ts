import assert from "node:assert/strict";
import { addressOf, NODE } from "./lab";
import { backends, proxyPort } from "./ports";
import { all, MODES, useLab } from "./use-lab";

const NOBODY = { endpoints: [], whenEmpty: "reject" } as const;
const VIP = "10.96.0.10";

for (const mode of MODES) {
    describe(`where the ports of Services are reached (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        for (const family of [4, 6] as const) {
            const vip = family === 4 ? VIP : "fd00:96::10";

            it(`serves a cluster IP from outside, from the node and from VMs beside the endpoint, by IPv${family}`, async () => {
                await suite.holds([proxyPort("a", { family })], ["a", "a", "a", "a"], async (patienceMs) => {
                    const from = ["outside", "node", "client", "b"] as const;
                    const results = await all(...from.map((each) => suite.lab.connect(each, vip, 80, { patienceMs })));
                    return results.map((result) => result.split(" ")[0]!);
                });
            });

            it(`refuses at once where there is no endpoint, by IPv${family}`, async () => {
                const [internal, external] = [NOBODY, NOBODY];
                const udp = { protocol: "UDP", name: "dns", port: 53 } as const;
                const ports = [
                    proxyPort("", { family, internal, external, nodePort: 30080 }),
                    proxyPort("", { family, internal, external, nodePort: 30080, ...udp }),
                ];
                const refused = "ECONNREFUSED";
                await suite.holds(
                    ports,
                    Array.from({ length: 5 }, () => refused),
                    async (patienceMs) =>
                        all(
                            suite.lab.connect("outside", vip, 80, { patienceMs }),
                            suite.lab.connect("client", vip, 80, { patienceMs }),
                            suite.lab.connect("node", vip, 80, { patienceMs }),
                            suite.lab.ask("outside", vip, 53, { patienceMs }),
                            suite.lab.ask("node", vip, 53, { patienceMs }),
                        ),
                );
            });

            it(`refuses ports that a cluster IP does not have, by IPv${family}`, async () => {
                await suite.holds([proxyPort("a", { family })], ["ECONNREFUSED", "ECONNREFUSED"], async (patienceMs) =>
                    all(
                        suite.lab.connect("outside", vip, 81, { patienceMs }),
                        suite.lab.ask("outside", vip, 80, { patienceMs }),
                    ),
                );
            });

            it(`serves a node port at each address of the node, but not for others, by IPv${family}`, async () => {
                const ports = [
                    proxyPort("b", { family, nodePort: 30080, hostPort: 8443 }),
                    proxyPort("c", { family, nodePort: 30080, protocol: "UDP", name: "dns", port: 53 }),
                ];
                const [uplink, bridge] = family === 4 ? [NODE.uplink, NODE.bridge] : [NODE.uplink6, "fd00:10::1"];
                await suite.holds(ports, ["b", "b", "b", "b", "b", "c"], async (patienceMs) => {
                    const results = await all(
                        suite.lab.connect("outside", uplink, 30080, { patienceMs }),
                        suite.lab.connect("outside", bridge, 30080, { patienceMs }),
                        suite.lab.connect("outside", uplink, 8443, { patienceMs }),
                        suite.lab.connect("client", uplink, 30080, { patienceMs }),
                        suite.lab.connect("node", uplink, 30080, { patienceMs }),
                        suite.lab.ask("outside", uplink, 30080, { patienceMs }),
                    );
                    return results.map((result) => result.split(" ")[0]!);
                });
            });
        }

        it("leaves alone what passes the node on a node port's number, and its loopback", async () => {
            await suite.lab.apply(proxyPort("b", { nodePort: 8080 }));
            assert.deepEqual(await suite.lab.connect("outside", NODE.uplink, 8080), ["b 192.0.2.2"]);
            assert.deepEqual(await suite.lab.connect("outside", addressOf("a"), 8080), ["a 192.0.2.2"]);
            assert.deepEqual(await suite.lab.connect("node", "127.0.0.1", 8080), ["ECONNREFUSED"]);
        });

        it("serves the addresses of load balancers", async () => {
            await suite.holds(
                [proxyPort("a", { externalIPs: ["198.51.100.7", "198.51.100.8"] })],
                ["a 192.0.2.2", "a 192.0.2.2"],
                async (patienceMs) =>
                    all(
                        suite.lab.connect("outside", "198.51.100.7", 80, { patienceMs }),
                        suite.lab.connect("outside", "198.51.100.8", 80, { patienceMs }),
                    ),
            );
        });

        it("takes several ports and protocols of one address to their own endpoints' ports", async () => {
            const ports = [
                proxyPort("", { internal: backends("a"), external: NOBODY }),
                proxyPort("", { name: "s", port: 443, internal: backends("b", { port: 8081 }), external: NOBODY }),
                proxyPort("", { name: "u", protocol: "UDP", internal: backends("c"), external: NOBODY }),
            ];
            await suite.holds(ports, ["a 192.0.2.2", "b 192.0.2.2", "c 192.0.2.2"], async (patienceMs) =>
                all(
                    suite.lab.connect("outside", VIP, 80, { patienceMs }),
                    suite.lab.connect("outside", VIP, 443, { patienceMs }),
                    suite.lab.ask("outside", VIP, 80, { patienceMs }),
                ),
            );
        });

        it("takes connections to each endpoint's own port", async () => {
            const endpoints = [...backends("a").endpoints, ...backends("a", { port: 8081 }).endpoints];
            await suite.lab.apply(
                proxyPort("", { scheduler: "RoundRobin", internal: { endpoints, whenEmpty: "reject" } }),
            );
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80, { times: 2 }), ["a 192.0.2.2", "a 192.0.2.2"]);
            await suite.lab.request("a", { do: "stop", protocol: "TCP", port: 8081 });
            try {
                assert.deepEqual((await suite.lab.connect("outside", VIP, 80, { times: 2 })).sort(), [
                    "ECONNREFUSED",
                    "a 192.0.2.2",
                ]);
            } finally {
                await suite.lab.request("a", { do: "serve", protocol: "TCP", port: 8081, name: "a" });
            }
        });

        it("drops where the node has no endpoint of its own, and says nothing", async () => {
            const external = { endpoints: [], whenEmpty: "drop" } as const;
            const port = proxyPort("a", {
                external,
                externalLocal: true,
                nodePort: 30080,
                externalIPs: ["198.51.100.7"],
            });
            await suite.lab.apply(port);
            const patienceMs = 400;
            assert.deepEqual(
                [
                    ...(await suite.lab.connect("outside", NODE.uplink, 30080, { patienceMs })),
                    ...(await suite.lab.connect("outside", "198.51.100.7", 80, { patienceMs })),
                    (await suite.lab.connect("node", NODE.uplink, 30080))[0]?.split(" ")[0],
                    (await suite.lab.connect("node", "198.51.100.7", 80))[0]?.split(" ")[0],
                ],
                ["timeout", "timeout", "a", "a"],
            );
        });

        it("follows endpoints, ports and Services that come, change and go", async () => {
            const reached = async (port: number): Promise<string> =>
                (await suite.lab.connect("outside", VIP, port))[0]!;
            await suite.lab.apply(proxyPort(""));
            assert.equal(await reached(80), "ECONNREFUSED");
            await suite.lab.apply(proxyPort("a"));
            assert.equal(await reached(80), "a 192.0.2.2");
            await suite.lab.apply(proxyPort("bc"));
            assert.match(await reached(80), /^[bc] /);
            await suite.lab.apply(proxyPort("c"), proxyPort("a", { name: "other", port: 81 }));
            assert.deepEqual([await reached(80), await reached(81)], ["c 192.0.2.2", "a 192.0.2.2"]);
            await suite.lab.apply(proxyPort("a", { name: "other", port: 81 }));
            assert.deepEqual([await reached(80), await reached(81)], ["ECONNREFUSED", "a 192.0.2.2"]);
            await suite.lab.apply(proxyPort("a", { nodePort: 30081 }));
            assert.deepEqual(await suite.lab.connect("outside", NODE.uplink, 30081), ["a 192.0.2.2"]);
            await suite.lab.apply(proxyPort("a", { nodePort: 30082 }));
            assert.deepEqual(await suite.lab.connect("outside", NODE.uplink, 30082), ["a 192.0.2.2"]);
            assert.deepEqual(await suite.lab.connect("outside", NODE.uplink, 30081), ["ECONNREFUSED"]);
        });

        it("gives the first in their order a place that two ports claim, and the other one when it has gone", async () => {
            const first = proxyPort("a", { service: "default/a", clusterIP: "10.96.0.1", nodePort: 30080 });
            const second = proxyPort("bc", { service: "default/b", clusterIP: "10.96.0.2", nodePort: 30080 });
            const reached = async (): Promise<string> =>
                (await suite.lab.connect("outside", NODE.uplink, 30080))[0]!.split(" ")[0]!;
            await suite.lab.apply(second);
            assert.match(await reached(), /[bc]/);
            await suite.lab.apply(first, second);
            assert.equal(await reached(), "a");
            await suite.lab.apply(second);
            assert.match(await reached(), /[bc]/);
        });
    });
}
