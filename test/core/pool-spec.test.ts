import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse as load } from "yaml";
import { canonicalPool, conflictsOf, type ConflictSource, type PoolSpec, validatePool } from "../../core/pool";
import { describe as sentence, errorsOf, warningsOf } from "../../core/problem";
import { poolOf as pool } from "./small-pool";

/** Every error has to name the field, the value where there is one, and the rule. */
function refuses(spec: PoolSpec, ...expected: (string | RegExp)[]): void {
    const text = errorsOf(validatePool(spec)).map(sentence).join("\n");
    for (const part of expected) {
        assert.match(text, typeof part === "string" ? new RegExp(part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : part);
    }
}

/** What is read of a schema. */
interface Schema {
    readonly maxItems?: number;
    readonly items?: Schema;
    readonly properties?: Readonly<Record<string, Schema>>;
}

interface Schemas {
    readonly openAPIV3Schema: { readonly properties: Readonly<Record<string, Schema>> };
}

function accepts(spec: PoolSpec): void {
    assert.deepEqual(errorsOf(validatePool(spec)), []);
}

describe("pool declaration", () => {
    it("refuses host bits and names the network [case 3]", () => {
        refuses(
            pool({ cidr: "10.0.0.5/24" }),
            'IPPool "lan"',
            "blocks[0].cidr",
            "10.0.0.5/24",
            "host bits",
            "10.0.0.0/24",
        );
    });

    for (const cidr of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "2001:db8::/129"]) {
        it(`refuses ${cidr} for its prefix length [case 4]`, () => refuses(pool({ cidr }), cidr, "prefix length"));
    }
    for (const cidr of ["010.0.0.0/24", "10.0/16", "0x0a.0.0.0/8", "167772160/8", " 10.0.0.0/24"]) {
        it(`refuses ${JSON.stringify(cidr)}, which is read otherwise elsewhere [case 5]`, () =>
            refuses(pool({ cidr }), cidr, "not a canonical IPv4"));
    }
    it("refuses IPv4-mapped and zoned networks [case 7]", () => {
        refuses(pool({ cidr: "::ffff:10.0.0.0/120" }), "IPv4-mapped");
        refuses(pool({ cidr: "fe80::1%eth0/64" }), "zone");
    });

    it("accepts another spelling of IPv6, stores the canonical one and says so [case 6]", () => {
        const spec = pool({
            cidr: "2001:DB8:0::/64",
            gateway: "2001:db8:0:0::1",
            exclude: ["2001:DB8::2-2001:db8::00ff", "2001:DB8::1:0/112"],
        });
        accepts(spec);
        assert.match(warningsOf(validatePool(spec)).map(sentence).join(), /2001:db8::\/64/);
        assert.deepEqual(canonicalPool(spec).blocks, [
            {
                cidr: "2001:db8::/64",
                gateway: "2001:db8::1",
                exclude: ["2001:db8::2-2001:db8::ff", "2001:db8::1:0/112"],
            },
        ]);
    });

    it("refuses a gateway outside, of another family, or that no host can have [case 8] [case 9]", () => {
        refuses(
            pool({ cidr: "10.0.0.0/24", gateway: "10.0.1.1" }),
            "blocks[0].gateway",
            "10.0.1.1",
            "outside 10.0.0.0/24",
        );
        refuses(pool({ cidr: "10.0.0.0/24", gateway: "2001:db8::1" }), "family");
        refuses(pool({ cidr: "10.0.0.0/24", gateway: "10.0.0.0" }), "network address");
        refuses(pool({ cidr: "10.0.0.0/24", gateway: "10.0.0.255" }), "broadcast address");
    });

    it("accepts the last IPv6 address and both of a /31 as gateway [case 9]", () => {
        accepts(pool({ cidr: "2001:db8::/64", gateway: "2001:db8::ffff:ffff:ffff:ffff" }));
        accepts(pool({ cidr: "10.0.0.0/31", gateway: "10.0.0.0" }));
        accepts(pool({ cidr: "10.0.0.0/31", gateway: "10.0.0.1" }));
    });

    it("refuses ranges that are reversed, mixed or outside [case 10]", () => {
        refuses(
            pool({ cidr: "10.0.0.0/24", ranges: ["10.0.0.9-10.0.0.3"] }),
            "blocks[0].ranges[0]",
            "start is after end",
        );
        refuses(pool({ cidr: "10.0.0.0/24", ranges: ["10.0.0.1-2001:db8::1"] }), "family");
        refuses(
            pool({ cidr: "10.0.0.0/24", ranges: ["10.0.0.1", "10.0.1.1-10.0.1.9"] }),
            "ranges[1]",
            "outside 10.0.0.0/24",
        );
        refuses(pool({ cidr: "10.0.0.0/24", ranges: ["2001:db8::1"] }), "family");
    });

    it("refuses blocks that overlap, naming both [case 11]", () => {
        refuses(
            {
                name: "lan",
                space: "lan",
                blocks: [{ cidr: "10.0.0.0/24" }, { cidr: "10.1.0.0/24" }, { cidr: "10.0.0.128/25" }],
            },
            "blocks[2].cidr",
            "blocks[0].cidr 10.0.0.0/24",
        );
    });

    it("takes an exclusion outside for a slip, and one of everything for a mistake [case 12]", () => {
        const outside = pool({ cidr: "10.0.0.0/24", exclude: ["10.0.1.0/24"] });
        accepts(outside);
        assert.match(warningsOf(validatePool(outside)).map(sentence).join(), /exclude\[0\].*outside/);
        refuses(pool({ cidr: "10.0.0.0/24", exclude: ["10.0.0.0/24"] }), "0 usable");
        refuses(pool({ cidr: "10.0.0.0/30", gateway: "10.0.0.1", exclude: ["10.0.0.2"] }), "0 usable");
    });

    it("refuses VLAN ids out of 1-4094 [case 16]", () => {
        for (const vlanId of [0, 4095, 1.5, "100" as unknown as number]) {
            refuses(pool({ cidr: "10.0.0.0/24" }, { vlanId }), "vlanId", "1-4094");
        }
        accepts(pool({ cidr: "10.0.0.0/24" }, { vlanId: 4094 }));
    });

    it("refuses bad servers, domains, spaces, names and counts [case 16]", () => {
        refuses(
            pool({ cidr: "10.0.0.0/24" }, { dnsServers: ["10.0.0.53", "not-an-ip"] }),
            "dnsServers[1]",
            "not-an-ip",
        );
        refuses(pool({ cidr: "10.0.0.0/24" }, { searchDomains: ["corp..example"] }), "searchDomains[0]");
        refuses(pool({ cidr: "10.0.0.0/24" }, { space: "A_b" }), "space", "DNS label");
        refuses(pool({ cidr: "10.0.0.0/24" }, { space: "a".repeat(41) }), "DNS label");
        for (const name of ["Lan", "a..b", "a.-b", "lan.", ""]) {
            refuses(pool({ cidr: "10.0.0.0/24" }, { name }), /: name ".*" is refused/);
        }
        accepts(pool({ cidr: "10.0.0.0/24" }, { name: "lan.100-a" }));
        refuses(pool({ cidr: "10.0.0.0/24" }, { staticBand: -1 }), "staticBand");
        refuses(pool({ cidr: "10.0.0.0/24" }, { releaseGraceSeconds: 0.5 }), "releaseGraceSeconds");
        refuses({ name: "lan", space: "lan", blocks: [] }, "blocks 0", "at least one block");
    });

    it("has lists as long as the IPPool's schema takes them, and not longer", () => {
        const { spec } = (
            load(readFileSync("crds/ippools.yaml", "utf8")) as { spec: { versions: [{ schema: Schemas }] } }
        ).spec.versions[0].schema.openAPIV3Schema.properties;
        const { blocks, dnsServers, searchDomains } = spec!.properties!;
        const { ranges, exclude } = blocks!.items!.properties!;
        const v4 = (index: number): string => `10.0.${String(index >> 8)}.${String(index & 255)}`;
        const listOf = <T>(count: number, entry: (index: number) => T): T[] =>
            Array.from({ length: count }, (_none, index) => entry(index));
        const cidr = "10.0.0.0/16";
        const lists: [string, Schema | undefined, (count: number) => PoolSpec][] = [
            ["blocks[0].ranges", ranges, (count) => pool({ cidr, ranges: listOf(count, (i) => v4(i + 1)) })],
            ["blocks[0].exclude", exclude, (count) => pool({ cidr, exclude: listOf(count, (i) => v4(i + 1)) })],
            ["dnsServers", dnsServers, (count) => pool({ cidr }, { dnsServers: listOf(count, v4) })],
            ["searchDomains", searchDomains, (count) => pool({ cidr }, { searchDomains: listOf(count, String) })],
            [
                "blocks",
                blocks,
                (count) => ({ ...pool({ cidr }), blocks: listOf(count, (i) => ({ cidr: `10.${String(i)}.0.0/24` })) }),
            ],
        ];
        for (const [field, schema, of] of lists) {
            const most = schema!.maxItems!;
            accepts(of(most));
            refuses(of(most + 1), `${field} "${String(most + 1)} entries" is refused: it has at most ${String(most)}`);
        }
    });

    it("takes a switch to disable it, and nothing else for one [case 36]", () => {
        accepts(pool({ cidr: "10.0.0.0/24" }, { disabled: true }));
        refuses(
            pool({ cidr: "10.0.0.0/24" }, { disabled: "yes" as unknown as boolean }),
            'disabled "yes"',
            "true or false",
        );
    });

    describe("conflicts", () => {
        const conflicts = (value: PoolSpec["conflicts"]): PoolSpec =>
            pool({ cidr: "10.0.0.0/24" }, { conflicts: value! });

        it("are looked for in all sources, and warned of, by default", () => {
            const sources = ["VirtualMachines", "Services", "Nodes", "Whereabouts"];
            assert.deepEqual(conflictsOf(undefined), { policy: "Warn", sources });
            assert.deepEqual(conflictsOf({ policy: "Enforce" }), { policy: "Enforce", sources });
            assert.deepEqual(conflictsOf({ sources: ["Nodes"] }), { policy: "Warn", sources: ["Nodes"] });
        });

        it("are looked for nowhere with Off", () =>
            assert.deepEqual(conflictsOf({ policy: "Off", sources: ["Nodes"] }), { policy: "Off", sources: [] }));

        it("take each policy and source", () => {
            for (const policy of ["Enforce", "Warn", "Off"] as const) {
                accepts(conflicts({ policy }));
            }
            accepts(conflicts({ sources: ["Whereabouts", "Nodes", "Services", "VirtualMachines"] }));
            accepts(conflicts({}));
        });

        it("refuse others", () => {
            refuses(conflicts({ policy: "off" as "Off" }), 'conflicts.policy "off"', "Enforce, Warn, Off");
            refuses(
                conflicts({ sources: ["Nodes", "Pods" as ConflictSource] }),
                'conflicts.sources[1] "Pods"',
                "VirtualMachines, Services, Nodes, Whereabouts",
            );
            refuses(conflicts({ sources: ["Nodes", "Nodes"] }), "conflicts.sources[1]", "named once");
            refuses(conflicts({ sources: [] }), "conflicts.sources", "no source", "Off");
        });
    });

    it("tells all mistakes at once", () => {
        const spec = pool({ cidr: "10.0.0.0/24", gateway: "x", ranges: ["y"] }, { vlanId: 0, space: "-" });
        assert.equal(errorsOf(validatePool(spec)).length, 4);
    });
});
