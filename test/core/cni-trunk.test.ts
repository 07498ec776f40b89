import assert from "node:assert/strict";
import fc from "fast-check";
import { trunkEntries, trunkProblems, type TrunkEntry } from "../../core/cni/trunk";
import { describe as sentence } from "../../core/problem";

const PLACE = { subject: 'Network "lan"', field: "trunk" };

/** The VLANs of entries, as `collectVlanTrunk` of plugins/main/bridge/bridge.go reads them. */
function vlansOf(entries: readonly TrunkEntry[]): number[] {
    return entries.flatMap((entry) =>
        "id" in entry ? [entry.id] : Array.from({ length: entry.maxID - entry.minID + 1 }, (_, n) => entry.minID + n),
    );
}

describe("cni trunk", () => {
    it("writes ids and ranges in the plugin's keys, in order", () => {
        assert.deepEqual(trunkEntries(["200-203", 101], 10), [{ id: 101 }, { minID: 200, maxID: 203 }]);
    });

    it("leaves the native VLAN out, which a second time would become tagged", () => {
        assert.deepEqual(trunkEntries([10, 101], 10), [{ id: 101 }]);
        assert.deepEqual(trunkEntries(["9-11"], 10), [{ id: 9 }, { id: 11 }]);
        assert.deepEqual(trunkEntries(["10-12", "7-10"], 10), [
            { minID: 7, maxID: 9 },
            { minID: 11, maxID: 12 },
        ]);
    });

    it("is the declared VLANs without the native one, each once, whatever the ranges", () => {
        const vlan = fc.integer({ min: 1, max: 4094 });
        const range = fc.tuple(vlan, fc.integer({ min: 0, max: 40 })).map(([low, more]) => {
            return [low, Math.min(low + more, 4094)] as const;
        });
        fc.assert(
            fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), fc.option(vlan), (ranges, native) => {
                const wanted = new Set<number>();
                for (const [low, high] of ranges) {
                    for (let id = low; id <= high; id++) {
                        wanted.add(id);
                    }
                }
                wanted.delete(native ?? 0);
                const written = ranges.map(([low, high]) => (low === high ? low : `${String(low)}-${String(high)}`));
                const entries = trunkEntries(written, native ?? undefined);
                assert.deepEqual(
                    vlansOf(entries),
                    [...wanted].sort((a, b) => a - b),
                );
            }),
        );
    });

    for (const [what, trunk, expected] of [
        ["VLAN 0", [0], /trunk\[0\] 0 is refused/],
        ["VLAN 4095", [101, 4095], /trunk\[1\] 4095/],
        ["a range that runs backwards", ["5-4"], /trunk\[0\] "5-4".*low end first/],
        ["half a range", ["5-"], /"5-"/],
        ["a list in one text", ["1,2"], /"1,2"/],
        ["no VLAN at all", [], /no VLAN beside the native one/],
        ["the native VLAN alone", [10, "10-10"], /no VLAN beside the native one/],
        ["what is no list", "101" as unknown as number[], /list of VLAN ids and ranges/],
    ] as const) {
        it(`refuses ${what}`, () => assert.match(trunkProblems(PLACE, trunk, 10).map(sentence).join("\n"), expected));
    }
});
