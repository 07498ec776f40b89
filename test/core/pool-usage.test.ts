import assert from "node:assert/strict";
import fc from "fast-check";
import {
    arithmeticClause,
    compilePool,
    type HeldAddress,
    poolArithmetic,
    type PoolArithmetic,
    type PoolSpec,
    usedAddresses,
} from "../../core/pool";
import { heldAddress, host, modelOf, poolOf, smallPool } from "./small-pool";

function sumOf(spec: PoolSpec, used: Iterable<string | HeldAddress>, family?: 4 | 6): PoolArithmetic {
    const pool = compilePool(spec);
    return poolArithmetic(pool, usedAddresses(pool, used), family);
}

function clause(spec: PoolSpec, used: Iterable<string | HeldAddress>, family?: 4 | 6): string {
    const pool = compilePool(spec);
    return arithmeticClause(pool, usedAddresses(pool, used), family);
}

/** Addresses 10.0.0.1 on, used as said. */
function held(...uses: Partial<HeldAddress>[]): HeldAddress[] {
    return uses.map((use, i) => ({ address: `10.0.0.${String(i + 1)}`, use: "active", ...use }));
}

describe("pool usage", () => {
    describe("arithmetic", () => {
        it("adds up, whatever is left out and however it is used [case 73]", () => {
            fc.assert(
                fc.property(smallPool, fc.array(fc.oneof(host, heldAddress)), (spec, used) => {
                    const sum = sumOf(spec, used);
                    assert.equal(
                        sum.outsideRanges + sum.reserved + sum.gateways + sum.excluded + sum.staticOnly + sum.total,
                        sum.addresses,
                    );
                    assert.equal(sum.active + sum.retained + sum.quarantined + sum.foreign + sum.free, sum.total);
                    assert.equal(sum.used + sum.free, sum.total);
                    const { automatic } = modelOf(spec);
                    const texts = new Set(used.map((each) => (typeof each === "string" ? each : each.address)));
                    assert.equal(sum.total, BigInt(automatic.length));
                    assert.equal(sum.used, BigInt(automatic.filter((text) => texts.has(text)).length));
                    assert.equal(sum.used + sum.usedElsewhere, BigInt(texts.size));
                }),
            );
        });

        it("counts each use of what could be chosen", () => {
            const uses = held({}, {}, { use: "retained" }, { use: "quarantined" }, { use: "foreign" });
            const { active, retained, quarantined, foreign, free, usedElsewhere } = sumOf(
                poolOf({ cidr: "10.0.0.0/29" }, { staticBand: 1 }),
                uses,
            );
            assert.deepEqual([active, retained, quarantined, foreign, free, usedElsewhere], [1n, 1n, 1n, 1n, 1n, 1n]);
        });

        it("counts an address once, for its reservation rather than for its use", () => {
            const { active, quarantined, foreign } = sumOf(poolOf({ cidr: "2001:db8::/120" }), [
                { address: "2001:db8::1", use: "foreign" },
                { address: "2001:db8::1", use: "quarantined" },
                { address: "2001:DB8:0::1", use: "active" },
                { address: "2001:db8::2", use: "active" },
                { address: "2001:db8::2", use: "foreign" },
                "2001:db8::2",
            ]);
            assert.deepEqual([active, quarantined, foreign], [1n, 1n, 0n]);
        });

        it("leaves out addresses of other networks and unreadable ones", () => {
            const { used, usedElsewhere } = sumOf(poolOf({ cidr: "10.0.0.0/29" }), [
                "10.0.1.1",
                "2001:db8::1",
                "x",
                "",
            ]);
            assert.deepEqual([used, usedElsewhere], [0n, 0n]);
        });

        it("keeps families apart [case 34]", () => {
            const spec = { ...poolOf({ cidr: "10.0.0.0/29" }) };
            const dual = { ...spec, blocks: [...spec.blocks, { cidr: "2001:db8::/125" }] };
            const used = ["10.0.0.1", "2001:db8::1", "2001:db8::2"];
            assert.deepEqual([sumOf(dual, used, 4).used, sumOf(dual, used, 6).used], [1n, 2n]);
            assert.deepEqual([sumOf(dual, used, 4).free, sumOf(dual, used, 6).free], [5n, 5n]);
        });
    });

    describe("clause", () => {
        it("says where the addresses of a full pool went, and who has most [case 27]", () => {
            const used = held(
                { owner: "prod/web/eth1" },
                { owner: "prod/web/eth1#1" },
                { owner: "prod/db/eth1" },
                { use: "retained", owner: "owner:vip" },
                { use: "quarantined", reusableAt: "2026-11-21T15:00:00Z", owner: "test/a/eth1" },
                { use: "quarantined", reusableAt: "2026-11-21T15:59:00+01:00", owner: "prod/web/eth2" },
            );
            assert.equal(
                clause(poolOf({ cidr: "10.0.0.0/29" }), used),
                "0 free of 6: 8 addresses in 10.0.0.0/29, less 2 reserved (network, broadcast or anycast); 6 used: " +
                    "3 active, 1 retained, 2 quarantined (the next is reusable at 2026-11-21T15:59:00+01:00); " +
                    "top owners: prod/web (3), owner:vip (1), prod/db (1), ...",
            );
            assert.match(
                clause(poolOf({ cidr: "10.0.0.0/29", exclude: ["10.0.0.6"] }), used),
                /^0 free of 5: .* 1 excluded; 5 used: 3 active, 1 retained, 1 quarantined/,
            );
        });

        it("says only what there is", () => {
            assert.equal(
                clause(poolOf({ cidr: "10.0.0.0/29", gateway: "10.0.0.1" }), ["10.0.0.2", "10.0.0.3"]),
                "3 free of 5: 8 addresses in 10.0.0.0/29, less 2 reserved (network, broadcast or anycast), 1 gateway; " +
                    "2 used: 2 active",
            );
            assert.equal(
                clause(poolOf({ cidr: "10.0.0.0/31" }), []),
                "2 free of 2: 2 addresses in 10.0.0.0/31; 0 used",
            );
        });

        it("names owners where the pool is full only", () => {
            assert.doesNotMatch(clause(poolOf({ cidr: "10.0.0.0/31" }), held({ owner: "prod/web/eth1" })), /owners/);
        });

        it("tells what is in use without a reservation, and who uses it", () => {
            assert.match(
                clause(poolOf({ cidr: "10.0.0.1/32" }), held({ use: "foreign", owner: "Service prod/web" })),
                /1 used: 1 in use without a reservation; top owners: Service prod\/web \(1\)$/,
            );
        });
    });
});
