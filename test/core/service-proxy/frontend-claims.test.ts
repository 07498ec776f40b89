import assert from "node:assert/strict";
import * as fc from "fast-check";
import { FrontendClaims } from "../../../core/service-proxy/frontend-claims";
import { frontendsOf } from "../../../core/service-proxy/frontends";
import { ChainSet } from "../../../core/service-proxy/iptables/ruleset";
import { portKey, type ProxyPort } from "../../../core/service-proxy/model";
import { Ruleset } from "../../../core/service-proxy/nftables/ruleset";
import { arbitraryState } from "./arbitrary";

function port(service: string, others: Partial<ProxyPort> = {}): ProxyPort {
    const endpoints = [{ address: "10.10.0.11", port: 8080 }];
    return {
        service,
        name: "",
        family: 4,
        protocol: "TCP",
        clusterIP: `10.96.0.${service.length}`,
        port: 80,
        externalIPs: [],
        scheduler: "Random",
        masquerade: "Always",
        subnets: [],
        internal: { endpoints, whenEmpty: "reject" },
        external: { endpoints, whenEmpty: "reject" },
        externalLocal: false,
        ...others,
    };
}

/** The ports that are served at a place, as `service`. */
function servedAt(ports: readonly ProxyPort[], address: string | undefined, number: number): string[] {
    return new FrontendClaims()
        .decide({ ports })
        .ports.filter((each) =>
            frontendsOf(each).some((frontend) => frontend.address === address && frontend.port === number),
        )
        .map(({ service }) => service);
}

const nobody = { endpoints: [], whenEmpty: "reject" } as const;
const database = port("zz/db", { nodePort: 30080, sourceRanges: ["10.0.0.0/8"] });

describe("a place that several ports ask for", () => {
    it("goes by cluster IP, then node port, external IP and host port, and only then by name", () => {
        const clusterIP = database.clusterIP;
        assert.deepEqual(servedAt([port("a/thief", { externalIPs: [clusterIP] }), database], clusterIP, 80), ["zz/db"]);
        assert.deepEqual(servedAt([port("a/thief", { hostPort: 30080 }), database], undefined, 30080), ["zz/db"]);
        const [one, other] = [port("a/one", { hostPort: 443 }), port("b/second", { hostPort: 443 })];
        assert.deepEqual(servedAt([one, other], undefined, 443), ["a/one"]);
        const [shared, second] = [{ externalIPs: ["192.0.2.1"] }, { externalIPs: ["192.0.2.1"] }];
        assert.deepEqual(servedAt([port("a/one", shared), port("b/second", second)], "192.0.2.1", 80), ["a/one"]);
        const again = [port("a/one", { clusterIP }), database];
        assert.deepEqual(servedAt(again, clusterIP, 80), ["a/one"]);
        assert.deepEqual(servedAt(again, undefined, 30080), ["zz/db"]);
    });

    it("is another one in each protocol and family", () => {
        const datagrams = port("a/one", { protocol: "UDP", hostPort: 30080 });
        const six = port("b/second", { family: 6, clusterIP: "fd00:96::1", hostPort: 30080 });
        const ports = [datagrams, six, database];
        assert.deepEqual(servedAt(ports, undefined, 30080), ["a/one", "b/second", "zz/db"]);
    });

    for (const sourceRanges of [["0.0.0.0/1", "128.0.0.0/1"], ["255.255.255.255/32"]]) {
        it(`is open to those of whom it is, and not to ${sourceRanges.join(", ")}`, () => {
            const thief = port("aa/x", { hostPort: 30080, sourceRanges, internal: nobody, external: nobody });
            const claims = new FrontendClaims();
            const both = claims.decide({ ports: [thief, database] });
            const [ruleset, chains] = [new Ruleset(), new ChainSet("WUKONG")];
            ruleset.update(both);
            chains.update(both);
            const atNode = ruleset.all(4).filter(({ key }) => key === "tcp . 30080");
            const guard = atNode
                .find(({ set }) => set === "node-guarded")
                ?.value.split(" ")
                .at(-1);
            assert.equal(
                ruleset.all(4).find(({ set, key }) => set === "chain" && key === guard)?.value,
                "ip saddr { 10.0.0.0/8 } return\ndrop",
            );
            assert.deepEqual(
                atNode.map(({ set }) => set).sort(),
                ["node-guarded", "node-services"],
                "nothing refuses it for the other",
            );
            const rules = ["nat", "filter"].flatMap((table) =>
                Array.from(chains.all(both.ports, 4, table as "nat" | "filter").values()).flat(),
            );
            assert.deepEqual(
                rules.filter((rule) => rule.includes("--dport 30080")).length,
                2,
                "one leads to the database, one drops others",
            );
        });
    }

    it("is told to those who do not have it, and comes to them when it is free", () => {
        const claims = new FrontendClaims();
        const loser = port("aa/x", { name: "web", hostPort: 30080 });
        const { unserved, ports } = claims.decide({ ports: [loser, database] });
        assert.deepEqual(unserved, [
            "Service aa/x (port web) is not served at its host port (TCP port 30080 of the node by IPv4): Service zz/db " +
                "has it as its node port, and a place is served to one Service (cluster IP before node port before " +
                "external IP before host port, then by name). Give one of the two another host port.",
        ]);
        const changed = { ...database, sourceRanges: ["10.1.0.0/16"] };
        const next = claims.decide({ ports: [loser, changed] });
        assert.equal(next.ports[0], ports[0], "what is left of the loser is the same object");
        assert.equal(claims.served(loser), ports[0]);
        const last = claims.decide({ ports: [loser] });
        assert.deepEqual(last, { ports: [loser], unserved: [] });
        assert.equal(last.ports[0], loser);
    });
});

describe("the places of all ports", () => {
    it("are given by the last state alone", () => {
        fc.assert(
            fc.property(fc.array(arbitraryState(), { minLength: 1, maxLength: 6 }), (states) => {
                const claims = new FrontendClaims();
                const decided = states.map((ports) => claims.decide({ ports }));
                assert.deepEqual(decided.at(-1), new FrontendClaims().decide({ ports: states.at(-1)! }));
            }),
        );
    });

    it("come to the same in whatever order ports come and change", () => {
        const series = arbitraryState().chain((ports) =>
            fc.tuple(
                fc.constant(ports),
                fc.shuffledSubarray(ports, { minLength: ports.length }),
                fc.array(fc.nat(ports.length)),
            ),
        );
        fc.assert(
            fc.property(series, ([ports, order, drops]) => {
                const claims = new FrontendClaims();
                const present = new Set<ProxyPort>();
                for (const [index, each] of order.entries()) {
                    present.add(each);
                    const dropped = ports[drops[index] ?? ports.length];
                    claims.decide({ ports: ports.filter((one) => present.has(one) && one !== dropped) });
                }
                assert.deepEqual(claims.decide({ ports }), new FrontendClaims().decide({ ports }));
            }),
        );
    });

    it("are each given to exactly one of those that ask for it, and ports that lose none are the same objects", () => {
        fc.assert(
            fc.property(arbitraryState(), (ports) => {
                const servers = (of: readonly ProxyPort[]): Map<string, string[]> => {
                    const found = new Map<string, string[]>();
                    for (const each of of) {
                        for (const { address, port: number } of frontendsOf(each)) {
                            const place = `${each.family} ${each.protocol} ${address} ${number}`;
                            found.set(place, [...(found.get(place) ?? []), portKey(each)]);
                        }
                    }
                    return found;
                };
                const decided = new FrontendClaims().decide({ ports }).ports;
                const [asked, given] = [servers(ports), servers(decided)];
                assert.deepEqual([...given.keys()].sort(), [...asked.keys()].sort());
                for (const [place, [server, ...others]] of given) {
                    assert.deepEqual(others, [], place);
                    assert.ok(asked.get(place)!.includes(server!));
                }
                const contended = [...asked.values()].filter(({ length }) => length > 1).flat();
                decided.forEach((each, index) =>
                    assert.ok(each === ports[index] || contended.includes(portKey(each)), portKey(each)),
                );
            }),
        );
    });
});
