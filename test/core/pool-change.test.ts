import assert from "node:assert/strict";
import { type HeldAddress, type PoolBlock, type PoolSpec } from "../../core/pool";
import { changeProblems, deletionProblems, lostAddresses } from "../../core/pool-change";
import { describe as sentence } from "../../core/problem";
import { poolOf } from "./small-pool";

const before = poolOf({ cidr: "10.0.0.0/24", gateway: "10.0.0.1" });

/** An active address of 10.0.0.0/24. */
function held(n: number, rest: Partial<HeldAddress> = {}): HeldAddress {
    return { address: `10.0.0.${String(n)}`, use: "active", owner: `prod/vm-${String(n)}/eth1`, ...rest };
}

function lost(after: Partial<PoolBlock>, ...of: HeldAddress[]): string[] {
    const spec: PoolSpec = { ...before, blocks: [{ ...(before.blocks[0] as PoolBlock), ...after }] };
    return lostAddresses(before, spec, of).map(({ address }) => address);
}

function refusal(after: Partial<PoolBlock>, ...of: HeldAddress[]): string {
    const spec: PoolSpec = { ...before, blocks: [{ ...(before.blocks[0] as PoolBlock), ...after }] };
    return changeProblems(before, spec, of).map(sentence).join("\n");
}

describe("pool change", () => {
    describe("of what may be given out [case 49]", () => {
        it("loses what a narrower range leaves out", () => {
            assert.deepEqual(lost({ ranges: ["10.0.0.10-10.0.0.20"] }, held(9), held(10), held(20), held(21)), [
                "10.0.0.9",
                "10.0.0.21",
            ]);
            assert.deepEqual(lost({ cidr: "10.0.0.0/25" }, held(126), held(127), held(128)), [
                "10.0.0.127",
                "10.0.0.128",
            ]);
        });

        it("loses what is excluded, or the gateway now", () => {
            assert.deepEqual(lost({ exclude: ["10.0.0.8/29"] }, held(7), held(8), held(15), held(16)), [
                "10.0.0.8",
                "10.0.0.15",
            ]);
            assert.deepEqual(lost({ gateway: "10.0.0.254" }, held(2), held(254)), ["10.0.0.254"]);
        });

        it("loses the network and broadcast address when they are reserved again", () => {
            const all: PoolSpec = { ...before, blocks: [{ cidr: "10.0.0.0/24", allocateReserved: true }] };
            const reserved = lostAddresses(all, before, [held(255), held(0), held(3)]);
            assert.deepEqual(
                reserved.map(({ address }) => address),
                ["10.0.0.0", "10.0.0.255"],
            );
        });

        it("loses a block that goes, of either family, told in order", () => {
            const both = { ...before, blocks: [{ cidr: "2001:db8::/64" }, { cidr: "10.0.0.0/24" }] };
            const six: HeldAddress = { address: "2001:DB8::5", use: "retained" };
            const neither = { ...before, blocks: [{ cidr: "192.0.2.0/24" }] };
            assert.deepEqual(lostAddresses(both, before, [six, held(9)]), [six]);
            assert.deepEqual(lostAddresses(both, neither, [six, held(10), held(9)]), [held(9), held(10), six]);
        });

        it("loses nothing by growth", () => {
            const narrow = poolOf({ cidr: "10.0.0.0/24", ranges: ["10.0.0.10-10.0.0.20"], exclude: ["10.0.0.12"] });
            assert.deepEqual(lostAddresses(narrow, before, [held(10), held(20)]), []);
            assert.deepEqual(lost({ cidr: "10.0.0.0/16" }, held(2), held(254)), []);
        });

        it("loses nothing by what concerns only what is chosen from now on", () => {
            const all = Array.from({ length: 253 }, (_none, i) => held(i + 2));
            for (const rest of [{ staticBand: 64 }, { disabled: true }, { dnsServers: ["10.0.0.53"] }, { vlanId: 7 }]) {
                assert.deepEqual(lostAddresses(before, { ...before, ...rest }, all), []);
            }
        });

        it("loses nothing that was outside before, that nobody has, or that is no reservation", () => {
            const outside = held(1);
            const resting = held(30, { use: "quarantined" });
            const foreign = held(31, { use: "foreign" });
            assert.deepEqual(lost({ ranges: ["10.0.0.10-10.0.0.20"] }, outside, resting, foreign), []);
        });

        it("loses everything by a move to another space", () => {
            assert.deepEqual(lostAddresses(before, { ...before, space: "other" }, [held(9)]), [held(9)]);
        });

        it("is judged by what is readable of the pool that the cluster has", () => {
            const edited = poolOf({ cidr: "10.0.0.0/24", ranges: ["10.0.0.5-10.0.0.9", "x"] });
            assert.deepEqual(lostAddresses(edited, poolOf({ cidr: "10.0.0.0/29" }), [held(5), held(8)]), [held(8)]);
        });
    });

    describe("that loses reservations [case 49]", () => {
        it("is refused with each, its owner and the reason", () => {
            assert.equal(
                refusal(
                    { ranges: ["10.0.0.2-10.0.0.20"], exclude: ["10.0.0.12"] },
                    held(30, { use: "retained" }),
                    held(12),
                    held(13),
                ),
                'IPPool "lan": blocks is refused: the change would leave out 2 addresses that are reserved: ' +
                    "10.0.0.12 of prod/vm-12/eth1 (active; it is excluded from 10.0.0.0/24), " +
                    "10.0.0.30 of prod/vm-30/eth1 (retained; it is outside the ranges of 10.0.0.0/24 that may be given " +
                    "out); release them first, or keep them in the pool.",
            );
            assert.match(
                refusal({ gateway: "10.0.0.2" }, held(2)),
                /1 address that is reserved: .*gateway.*release it first/,
            );
        });

        it("names ten of them, and counts the rest", () => {
            const text = (count: number): string =>
                refusal({ ranges: ["10.0.0.200"] }, ...Array.from({ length: count }, (_none, i) => held(i + 100)));
            assert.match(text(10), /leave out 10 .*10\.0\.0\.109 of prod\/vm-109\/eth1 \([^)]*\); release/);
            const eleven = text(11);
            assert.match(eleven, /leave out 11 .*10\.0\.0\.109 of prod\/vm-109\/eth1 \([^)]*\), and 1 more;/);
            assert.doesNotMatch(eleven, /10\.0\.0\.110/);
        });

        it("is no problem where nothing is lost", () => assert.equal(refusal({ cidr: "10.0.0.0/16" }, held(9)), ""));
    });

    describe("by deletion [case 50]", () => {
        const deleting = (...uses: HeldAddress["use"][]): string =>
            deletionProblems(
                before,
                uses.map((use, i) => held(i + 2, { use })),
            )
                .map(sentence)
                .join("\n");

        it("is refused with the counts by state", () => {
            assert.match(
                deleting("active", "active", "retained", "quarantined"),
                /^IPPool "lan": .*2 active, 1 retained and 1 quarantined/,
            );
            assert.match(deleting("retained"), /0 active, 1 retained and 0 quarantined/);
        });

        // Else a program that has both the pool and its users could not be destroyed before the last address has rested.
        it("is none of the matter of addresses that nobody waits for", () => {
            assert.equal(deleting("quarantined", "foreign"), "");
            assert.equal(deleting(), "");
        });
    });
});
