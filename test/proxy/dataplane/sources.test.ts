import assert from "node:assert/strict";
import { IMPATIENT_MS, NODE, OUTSIDE } from "./lab";
import { backends, proxyPort } from "./ports";
import { all, LAYOUTS, useLab } from "./use-lab";

const VIP = "10.96.0.10";

for (const mode of LAYOUTS) {
    describe(`whose address an endpoint sees, and who may come (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        for (const family of [4, 6] as const) {
            const [vip, bridge] = family === 4 ? [VIP, NODE.bridge] : ["fd00:96::10", "fd00:10::1"];

            it(`is the client's from elsewhere, and the node's from the endpoints' own network, by IPv${family}`, async () => {
                const expected = [`a ${OUTSIDE[family]}`, `a ${bridge}`];
                await suite.holds([proxyPort("a", { family })], expected, async (patienceMs) =>
                    all(
                        suite.lab.connect("outside", vip, 80, { patienceMs }),
                        suite.lab.connect("client", vip, 80, { patienceMs }),
                    ),
                );
            });

            it(`lets an endpoint reach itself, by IPv${family}`, async () => {
                const expected = Array.from({ length: 20 }, () => `a ${bridge}`);
                await suite.holds([proxyPort("a", { family })], expected, async (patienceMs) =>
                    suite.lab.connect("a", vip, 80, { times: 20, atOnce: 20, patienceMs }),
                );
            });

            it(`is the node's for all where the VMs' way back does not lead there, by IPv${family}`, async () => {
                const port = proxyPort("a", { family, masquerade: "Always", subnets: [], nodePort: 30080 });
                const uplink = family === 4 ? NODE.uplink : NODE.uplink6;
                const expected = [`a ${bridge}`, `a ${bridge}`, `a ${bridge}`, `a ${bridge}`];
                await suite.holds([port], expected, async (patienceMs) =>
                    all(
                        suite.lab.connect("outside", vip, 80, { patienceMs }),
                        suite.lab.connect("client", vip, 80, { patienceMs }),
                        suite.lab.connect("node", vip, 80, { patienceMs }),
                        suite.lab.connect("outside", uplink, 30080, { patienceMs }),
                    ),
                );
            });

            it(`is the client's for externalTrafficPolicy Local, and the node has the internal endpoints, by IPv${family}`, async () => {
                const port = proxyPort("b", {
                    family,
                    masquerade: "Always",
                    external: backends("a", { family }),
                    externalLocal: true,
                    nodePort: 30080,
                });
                const uplink = family === 4 ? NODE.uplink : NODE.uplink6;
                const expected = [`a ${OUTSIDE[family]}`, `a ${bridge}`, `b ${bridge}`, `b ${bridge}`];
                await suite.holds([port], expected, async (patienceMs) =>
                    all(
                        suite.lab.connect("outside", uplink, 30080, { patienceMs }),
                        suite.lab.connect("client", uplink, 30080, { patienceMs }),
                        suite.lab.connect("node", uplink, 30080, { patienceMs }),
                        suite.lab.connect("outside", vip, 80, { patienceMs }),
                    ),
                );
            });
        }

        it("reaches itself also where its subnet is not known", async () => {
            await suite.holds([proxyPort("a", { subnets: [] })], ["a 10.10.0.1"], async (patienceMs) =>
                suite.lab.connect("a", VIP, 80, { patienceMs }),
            );
        });

        it("needs no masquerade for other subnets than the port's own", async () => {
            const other = proxyPort("a", {
                service: "default/other",
                clusterIP: "10.96.0.11",
                subnets: ["192.0.2.0/24"],
            });
            await suite.lab.apply(proxyPort("a", { subnets: ["10.10.0.0/24", "10.10.0.0/16"] }), other);
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["a 192.0.2.2"]);
            assert.deepEqual(await suite.lab.connect("outside", "10.96.0.11", 80), ["a 10.10.0.1"]);
        });

        for (const hook of [false, true]) {
            it(`serves VMs of one network where bridged frames ${hook ? "meet" : "do not meet"} the node's rules`, async () => {
                await suite.lab.setBridgeNetfilter(hook);
                // A frame that goes back to where it came from is for the bridge to allow (docs/decisions.md).
                await suite.lab.run("node", "bridge", "link", "set", "dev", "vm-a", "hairpin", hook ? "on" : "off");
                try {
                    await suite.holds([proxyPort("a")], ["a 10.10.0.1", "a 10.10.0.1"], async (patienceMs) =>
                        all(
                            suite.lab.connect("client", VIP, 80, { patienceMs }),
                            suite.lab.connect("a", VIP, 80, { patienceMs }),
                        ),
                    );
                } finally {
                    await suite.lab.setBridgeNetfilter(false);
                    await suite.lab.run("node", "bridge", "link", "set", "dev", "vm-a", "hairpin", "off");
                }
            });
        }

        it("lets in nobody whom only another Service lets come to the same port of the node", async () => {
            const nobody = { endpoints: [], whenEmpty: "reject" } as const;
            const open = {
                service: "aa/open",
                clusterIP: "10.96.0.11",
                sourceRanges: ["0.0.0.0/1", "128.0.0.0/1"],
                internal: nobody,
                external: nobody,
            };
            const closed = proxyPort("a", { service: "zz/db", sourceRanges: ["203.0.113.0/24"], nodePort: 30080 });
            for (const others of [{ hostPort: 30080 }, { port: 30080, externalIPs: [NODE.uplink] }]) {
                await suite.lab.apply(proxyPort("", { ...open, ...others }), closed);
                const patienceMs = IMPATIENT_MS;
                const [[outside], [node]] = await Promise.all([
                    suite.lab.connect("outside", NODE.uplink, 30080, { patienceMs }),
                    suite.lab.connect("client", closed.clusterIP, 80, { patienceMs }),
                ]);
                assert.ok(!outside!.startsWith("a "), `${JSON.stringify(others)}: ${outside!}`);
                assert.equal(node, "a 10.10.0.1", "the database serves its cluster IP");
            }
        });

        it("lets in from outside whom a port's source ranges name, and nobody else", async () => {
            const port = (sourceRanges: string[]): ReturnType<typeof proxyPort> =>
                proxyPort("a", { sourceRanges, nodePort: 30080, hostPort: 9000, externalIPs: ["198.51.100.7"] });
            const reached = async (): Promise<string[]> => {
                const patienceMs = IMPATIENT_MS;
                const results = await Promise.all([
                    suite.lab.connect("outside", NODE.uplink, 30080, { patienceMs }),
                    suite.lab.connect("outside", NODE.uplink, 9000, { patienceMs }),
                    suite.lab.connect("outside", "198.51.100.7", 80, { patienceMs }),
                    suite.lab.connect("outside", VIP, 80, { patienceMs }),
                    suite.lab.connect("node", NODE.uplink, 30080, { patienceMs }),
                ]);
                return results.map(([result]) => result!.split(" ")[0]!);
            };
            await suite.lab.apply(port(["203.0.113.0/24", "2001:db8::/32"]));
            assert.deepEqual(await reached(), ["timeout", "timeout", "timeout", "a", "a"]);
            await suite.lab.apply(port(["192.0.2.0/28", "192.0.2.2/32", "203.0.113.0/24"]));
            assert.deepEqual(await reached(), ["a", "a", "a", "a", "a"]);
            await suite.lab.apply(port(["0.0.0.0/0"]));
            assert.deepEqual(await reached(), ["a", "a", "a", "a", "a"]);
        });
    });
}
