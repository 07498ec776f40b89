import assert from "node:assert/strict";
import * as fc from "fast-check";
import { portions, presentIn, cleanupTexts, restoreText } from "../../../core/service-proxy/iptables/restore";
import { ChainSet, explanation } from "../../../core/service-proxy/iptables/ruleset";
import { servedPorts } from "../../../core/service-proxy/iptables/read-back";
import type { Family } from "../../../core/ip";
import type { ProxyPort } from "../../../core/service-proxy/model";
import { arbitraryState } from "./arbitrary";

/** The hash of a name in a chain is of no interest to a reader: letters in the order of their appearance. */
function readable(rules: readonly string[]): string[] {
    const names = new Map<string, string>();
    return rules.map((rule) =>
        rule.replace(/-(SVC|SVL|EXT|FW|SEP)-([A-Z2-7]{16})\b/g, (_, kind: string, hash: string) => {
            names.set(hash, names.get(hash) ?? "abcdef"[names.size]!);
            return `-${kind}-${names.get(hash)!}`;
        }),
    );
}

function port(others: Partial<ProxyPort> = {}): ProxyPort {
    const endpoints = ["10.10.0.11", "10.10.0.12", "10.10.0.13"].map((address) => ({ address, port: 8080 }));
    return {
        service: "default/web",
        name: "http",
        family: 4,
        protocol: "TCP",
        clusterIP: "10.96.0.10",
        port: 80,
        externalIPs: [],
        scheduler: "Random",
        masquerade: "SameSubnet",
        subnets: ["10.10.0.0/24"],
        internal: { endpoints, whenEmpty: "reject" },
        external: { endpoints, whenEmpty: "reject" },
        externalLocal: false,
        ...others,
    };
}

function explained(of: ProxyPort): string[] {
    const chains = new ChainSet("WUKONG");
    chains.update({ ports: [of] });
    return readable(explanation("WUKONG", chains.chainsOf(of)!));
}

describe("the chains of iptables", () => {
    it("lead from the cluster IP by 1/n probabilities to each endpoint", () => {
        assert.deepEqual(explained(port()), [
            '-A WUKONG-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -m comment --comment "default/web:http cluster IP" -j WUKONG-SVC-a',
            "-A WUKONG-SVC-a -s 10.10.0.0/24 -j WUKONG-MARK-MASQ",
            "-A WUKONG-SVC-a -m statistic --mode random --probability 0.3333333333 -j WUKONG-SEP-b",
            "-A WUKONG-SVC-a -m statistic --mode random --probability 0.5000000000 -j WUKONG-SEP-c",
            "-A WUKONG-SVC-a -j WUKONG-SEP-d",
            "-A WUKONG-SEP-d -s 10.10.0.13/32 -j WUKONG-MARK-MASQ",
            "-A WUKONG-SEP-d -p tcp -m tcp -j DNAT --to-destination 10.10.0.13:8080",
            "-A WUKONG-SEP-c -s 10.10.0.12/32 -j WUKONG-MARK-MASQ",
            "-A WUKONG-SEP-c -p tcp -m tcp -j DNAT --to-destination 10.10.0.12:8080",
            "-A WUKONG-SEP-b -s 10.10.0.11/32 -j WUKONG-MARK-MASQ",
            "-A WUKONG-SEP-b -p tcp -m tcp -j DNAT --to-destination 10.10.0.11:8080",
            "-A WUKONG-CLUSTER-IPS -d 10.96.0.10/32 -j WUKONG-REJECT",
            "-A WUKONG-INVALID -s 10.10.0.0/24 -j DROP",
        ]);
    });

    it("lead from a node port by those who may come to the node's own endpoints", () => {
        const endpoints = [{ address: "10.10.0.12", port: 8080 }];
        const local = port({
            masquerade: "Always",
            internal: { endpoints, whenEmpty: "reject" },
            external: { endpoints, whenEmpty: "drop" },
            externalLocal: true,
            nodePort: 30080,
            sourceRanges: ["192.0.2.0/24"],
            scheduler: "RoundRobin",
            affinitySeconds: 60,
        });
        const from = explained(local);
        const start = from.findIndex((rule) => rule.includes("NODEPORTS"));
        assert.deepEqual(readable(from.slice(start, start + 7)), [
            '-A WUKONG-NODEPORTS -p tcp -m tcp --dport 30080 -m comment --comment "default/web:http node port" -j WUKONG-FW-a',
            "-A WUKONG-FW-a -m addrtype --src-type LOCAL -j WUKONG-EXT-a",
            "-A WUKONG-FW-a -s 192.0.2.0/24 -j WUKONG-EXT-a",
            "-A WUKONG-EXT-a -m addrtype --src-type LOCAL -j WUKONG-MARK-MASQ",
            "-A WUKONG-EXT-a -m addrtype --src-type LOCAL -j WUKONG-SVC-a",
            "-A WUKONG-EXT-a -s 10.10.0.0/24 -j WUKONG-MARK-MASQ",
            "-A WUKONG-EXT-a -j WUKONG-SVL-a",
        ]);
    });

    it("do not depend on the states before, and changes lead from one state to the next", () => {
        fc.assert(
            fc.property(fc.array(arbitraryState(), { minLength: 1, maxLength: 6 }), (states) => {
                const long = new ChainSet("WUKONG");
                const held = new Map<string, string>();
                states.forEach((ports, index) => {
                    for (const { family, table, written, removed } of long.update({ ports })) {
                        written.forEach((rules, chain) => held.set(`${family} ${table} ${chain}`, rules.join("\n")));
                        removed.forEach((chain) =>
                            assert.ok(held.delete(`${family} ${table} ${chain}`), `${index}: ${chain} was there`),
                        );
                    }
                });
                const short = new ChainSet("WUKONG");
                short.update({ ports: states.at(-1)! });
                for (const family of [4, 6] as const) {
                    for (const table of ["nat", "filter"] as const) {
                        for (const [chain, rules] of short.all(states.at(-1)!, family, table)) {
                            const key = `${family} ${table} ${chain}`;
                            const byChanges = held.get(key);
                            held.delete(key);
                            const isFixed = /^(MARK-MASQ|POSTROUTING|REJECT|FILTER)$/.test(chain);
                            const isUntouched = byChanges === undefined && states.every((ports) => ports.length === 0);
                            assert.ok(isFixed || isUntouched || byChanges === rules.join("\n"), key);
                        }
                    }
                }
                assert.deepEqual([...held.keys()], [], "nothing is left over");
            }),
        );
    });

    it("are not written again where an endpoint of another port changes", () => {
        const other = port({ service: "default/other", clusterIP: "10.96.0.11" });
        const chains = new ChainSet("WUKONG");
        chains.update({ ports: [other, port()] });
        const endpoints = port().internal.endpoints.slice(0, 2);
        const changed = port({ internal: { endpoints, whenEmpty: "reject" } });
        const changes = chains.update({ ports: [other, changed] });
        assert.deepEqual(
            changes.map(({ family, table, written, removed }) => [
                family,
                table,
                [...written.keys()].map((chain) => chain.slice(0, 4)),
                removed.length,
            ]),
            [[4, "nat", ["SVC-"], 1]],
        );
    });

    it("come after those that they jump to, in portions and in all", () => {
        fc.assert(
            fc.property(arbitraryState(), fc.constantFrom<Family>(4, 6), (ports, family) => {
                const set = new ChainSet("WUKONG");
                set.update({ ports });
                for (const table of ["nat", "filter"] as const) {
                    const known = new Set<string>();
                    const all = set.all(ports, family, table);
                    const parts = portions(all, 5);
                    assert.deepEqual(
                        parts.flatMap((part) => [...part.keys()]),
                        [...all.keys()],
                    );
                    for (const part of parts) {
                        part.forEach((_, chain) => known.add(chain));
                        for (const [, to] of restoreText("WUKONG", table, { written: part, removed: [] }).matchAll(
                            / -j WUKONG-(\S+)/g,
                        )) {
                            assert.ok(known.has(to!), to);
                        }
                    }
                }
            }),
        );
    });

    it("go in an order in which none is jumped to any more", () => {
        const present = presentIn(
            [
                ":PREROUTING ACCEPT [0:0]",
                ":KUBE-SERVICES - [0:0]",
                ":WUKONG-SEP-AAAAAAAAAAAAAAAA - [0:0]",
                ":WUKONG-SERVICES - [0:0]",
                ":WUKONG-USER - [0:0]",
                ":WUKONG-SVC-AAAAAAAAAAAAAAAA - [0:0]",
                "-A PREROUTING -j KUBE-SERVICES",
                "-A PREROUTING -j WUKONG-USER",
                '-A PREROUTING -m comment --comment "wukong service proxy" -j WUKONG-SERVICES',
            ].join("\n"),
            "WUKONG",
        );
        assert.deepEqual(cleanupTexts("WUKONG", "nat", present, 2), [
            `*nat
:WUKONG-SERVICES - [0:0]
:WUKONG-SVC-AAAAAAAAAAAAAAAA - [0:0]
-D PREROUTING -m comment --comment "wukong service proxy" -j WUKONG-SERVICES
-X WUKONG-SERVICES
-X WUKONG-SVC-AAAAAAAAAAAAAAAA
COMMIT
`,
            `*nat
:WUKONG-SEP-AAAAAAAAAAAAAAAA - [0:0]
-X WUKONG-SEP-AAAAAAAAAAAAAAAA
COMMIT
`,
        ]);
        assert.deepEqual(cleanupTexts("WUKONG", "nat", { chains: [], jumps: [] }, 2), []);
    });

    it("tell which UDP ports they served", () => {
        const save = `:WUKONG-SERVICES - [0:0]
-A WUKONG-NODEPORTS -p udp -m udp --dport 30053 -m comment --comment "default/dns:dns node port" -j WUKONG-EXT-A
-A WUKONG-SERVICES -d fd00:96::10/128 -p udp -m udp --dport 53 -m comment --comment "default/dns:dns cluster IP" -j WUKONG-SVC-A
-A WUKONG-SERVICES -d fd00:96::10/128 -p tcp -m tcp --dport 80 -j WUKONG-SVC-B
-A WUKONG-EXT-A -j WUKONG-SVC-A
-A WUKONG-SVC-A -j WUKONG-MARK-MASQ
-A WUKONG-SVC-A -j WUKONG-SEP-A
-A WUKONG-SEP-A -s fd00:10::11/128 -j WUKONG-MARK-MASQ
-A WUKONG-SEP-A -p udp -m udp -j DNAT --to-destination [fd00:10::11]:8053
-A WUKONG-MARK-MASQ -j MARK --set-xmark 0x8000/0x8000`;
        const endpoints = [{ address: "fd00:10::11", port: 8053 }];
        assert.deepEqual(
            servedPorts(6, save, "WUKONG").map((served) => [
                served.clusterIP,
                served.port,
                served.nodePort,
                served.internal.endpoints,
            ]),
            [
                ["fd00:96::10", 53, undefined, endpoints],
                ["", 30053, 30053, endpoints],
            ],
        );
    });
});
