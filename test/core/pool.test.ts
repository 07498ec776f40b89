import assert from "node:assert/strict";
import fc from "fast-check";
import { type Address, addressOf, parseAddress } from "../../core/ip";
import {
    arithmeticClause,
    checkStaticAddress,
    compilePool,
    planAddress,
    poolArithmetic,
    type PoolBlock,
    type PoolSpec,
    usedAddresses,
} from "../../core/pool";
import { errorsOf } from "../../core/problem";
import { validatePool } from "../../core/pool-spec";

function compiled(block: PoolBlock, rest: Partial<PoolSpec> = {}): ReturnType<typeof compilePool> {
    return compilePool({ name: "lan", space: "lan", blocks: [block], ...rest });
}

function total(block: PoolBlock, rest: Partial<PoolSpec> = {}): string {
    const pool = compiled(block, rest);
    return String(poolArithmetic(pool, usedAddresses(pool, [])).total);
}

function drawn(pool: ReturnType<typeof compilePool>, used: Iterable<string>, owner: string): string | undefined {
    return planAddress(pool, usedAddresses(pool, used), owner)?.text;
}

/** A small pool: 10.0.0.0/27 with some ranges and exclusions. */
const host = fc.nat(31).map((n) => `10.0.0.${String(n)}`);
const range = fc
    .tuple(fc.nat(31), fc.nat(31))
    .map(([a, b]) => `10.0.0.${String(Math.min(a, b))}-10.0.0.${String(Math.max(a, b))}`);
const smallPool = fc
    .record({
        ranges: fc.option(fc.array(range, { minLength: 1, maxLength: 3 }), { nil: undefined }),
        exclude: fc.array(fc.oneof(host, range), { maxLength: 3 }),
        gateway: fc.option(host, { nil: undefined }),
        allocateReserved: fc.boolean(),
        staticBand: fc.nat(4),
        dnsServers: fc.array(host, { maxLength: 2 }),
    })
    .map(({ ranges, exclude, gateway, allocateReserved, staticBand, dnsServers }): PoolSpec => ({
        name: "lan",
        space: "lan",
        blocks: [
            {
                cidr: "10.0.0.0/27",
                exclude,
                allocateReserved,
                ...(ranges === undefined ? {} : { ranges }),
                ...(gateway === undefined ? {} : { gateway }),
            },
        ],
        staticBand,
        dnsServers,
    }))
    .filter((spec) => errorsOf(validatePool(spec)).length === 0);

/** What of a small pool may be given out, by walking its 32 addresses. */
function modelOf(spec: PoolSpec): { usable: string[]; automatic: string[] } {
    const [block] = spec.blocks as [PoolBlock];
    const within = (text: string, n: number): boolean => {
        const [first = "", last = first] = text.split("-").map((part) => part.replace("10.0.0.", ""));
        return n >= Number(first) && n <= Number(last);
    };
    const usable: string[] = [];
    for (let n = 0; n < 32; n++) {
        const kept = block.allocateReserved !== true && (n === 0 || n === 31);
        const ranged = block.ranges === undefined || block.ranges.some((text) => within(text, n));
        const excluded = (block.exclude ?? []).some((text) => within(text, n));
        if (!kept && ranged && !excluded && block.gateway !== `10.0.0.${String(n)}`) {
            usable.push(`10.0.0.${String(n)}`);
        }
    }
    const automatic = usable.slice(spec.staticBand ?? 0).filter((text) => spec.dnsServers?.includes(text) !== true);
    return { usable, automatic };
}

describe("pool", () => {
    describe("size", () => {
        it("counts as the RFCs do", () => {
            assert.equal(total({ cidr: "10.0.0.0/24" }), "254");
            assert.equal(total({ cidr: "10.0.0.0/24", gateway: "10.0.0.1" }), "253");
            assert.equal(total({ cidr: "10.0.0.0/31" }), "2");
            assert.equal(total({ cidr: "10.0.0.0/32" }), "1");
            assert.equal(total({ cidr: "2001:db8::/127" }), "2");
            assert.equal(total({ cidr: "2001:db8::/128" }), "1");
            assert.equal(total({ cidr: "10.0.0.0/30" }), "2");
            assert.equal(total({ cidr: "10.0.0.0/30", gateway: "10.0.0.1" }), "1");
            assert.equal(total({ cidr: "10.0.0.0/30", gateway: "10.0.0.1", allocateReserved: true }), "3");
            assert.equal(total({ cidr: "2001:db8::/64" }), "18446744073709551615");
            assert.equal(total({ cidr: "::/0" }), String(2n ** 128n - 1n));
            assert.equal(
                total({ cidr: "10.0.0.0/24", ranges: ["10.0.0.10-10.0.0.19", "10.0.0.30"], exclude: ["10.0.0.12"] }),
                "10",
            );
            assert.equal(total({ cidr: "10.0.0.0/24" }, { staticBand: 64 }), "190");
            assert.equal(total({ cidr: "10.0.0.0/30" }, { staticBand: 64 }), "0");
            assert.equal(total({ cidr: "10.0.0.0/24" }, { dnsServers: ["10.0.0.53", "192.0.2.1"] }), "253");
        });

        it("adds up, whatever is left out", () => {
            fc.assert(
                fc.property(smallPool, fc.array(host), (spec, used) => {
                    const pool = compilePool(spec);
                    const sum = poolArithmetic(pool, usedAddresses(pool, used));
                    assert.equal(
                        sum.outsideRanges + sum.reserved + sum.gateways + sum.excluded + sum.staticOnly + sum.total,
                        sum.addresses,
                    );
                    assert.equal(sum.used + sum.free, sum.total);
                    assert.equal(sum.used + sum.usedElsewhere, BigInt(new Set(used).size));
                    assert.equal(sum.total, BigInt(modelOf(spec).automatic.length));
                }),
            );
        });

        it("is told in a clause", () => {
            const pool = compiled({ cidr: "10.0.0.0/29", gateway: "10.0.0.1" });
            const used = usedAddresses(pool, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
            assert.equal(
                arithmeticClause(pool, used),
                "0 free of 5: 8 addresses in 10.0.0.0/29, less 2 reserved (network, broadcast or anycast), 1 gateway; 5 used",
            );
        });
    });

    describe("planning", () => {
        it("gives free addresses that may be given out, all of them, each once", () => {
            fc.assert(
                fc.property(smallPool, fc.array(host), fc.string(), (spec, held, owner) => {
                    const pool = compilePool(spec);
                    const { automatic } = modelOf(spec);
                    const used = new Set(held);
                    for (let left = automatic.filter((text) => !used.has(text)).length; left > 0; left--) {
                        const text = drawn(pool, used, `${owner}${String(left)}`);
                        assert.ok(text !== undefined && automatic.includes(text) && !used.has(text), text);
                        used.add(text);
                    }
                    assert.equal(drawn(pool, used, owner), undefined);
                }),
            );
        });

        it("steps over addresses to skip as over used ones", () => {
            fc.assert(
                fc.property(smallPool, fc.array(host), fc.array(host), fc.string(), (spec, used, skip, owner) => {
                    const pool = compilePool(spec);
                    const skipping = planAddress(pool, usedAddresses(pool, used), owner, { skip: new Set(skip) });
                    assert.equal(skipping?.text, drawn(pool, [...used, ...skip], owner));
                }),
            );
        });

        it("is deterministic, and moves an owner only when its address is taken", () => {
            const pool = compiled({ cidr: "10.0.0.0/16", gateway: "10.0.0.1" });
            const first = drawn(pool, [], "prod/web/eth1") as string;
            assert.equal(drawn(pool, [], "prod/web/eth1"), first);
            assert.equal(
                drawn(
                    pool,
                    ["10.0.0.2", "10.0.0.3"].filter((text) => text !== first),
                    "prod/web/eth1",
                ),
                first,
            );
            const next = drawn(pool, [first], "prod/web/eth1") as string;
            assert.equal(
                (parseAddress(next) as { value: Address }).value.value,
                (parseAddress(first) as { value: Address }).value.value + 1n,
            );
        });

        it("spreads owners over the pool", () => {
            const pool = compiled({ cidr: "10.0.0.0/16" });
            const picks = new Set(
                Array.from({ length: 1000 }, (_none, i) => drawn(pool, [], `prod/vm-${String(i)}/eth1`)),
            );
            // 1000 balls in 65534 bins: 7.6 pairs are expected to collide, 30 never happen.
            assert.ok(picks.size > 970, String(picks.size));
        });

        it("finds the last free address of a /16", () => {
            const pool = compiled({ cidr: "10.0.0.0/16" });
            const all = Array.from({ length: 65534 }, (_none, i) => addressOf(4, 0x0a000001n + BigInt(i)).text);
            const free = all.splice(40_000, 1)[0];
            const used = usedAddresses(pool, all);
            assert.equal(planAddress(pool, used, "a")?.text, free);
            assert.equal(planAddress(pool, used, "a", { skip: new Set([free as string]) }), undefined);
        });

        it("wraps at the end", () => {
            const pool = compiled({ cidr: "10.0.0.0/30" });
            assert.equal(drawn(pool, ["10.0.0.2"], "a"), "10.0.0.1");
            assert.equal(drawn(pool, ["10.0.0.2"], "b"), "10.0.0.1");
        });

        it("chooses IPv4 first and IPv6 on demand", () => {
            const pool = compilePool({
                name: "lan",
                space: "lan",
                blocks: [{ cidr: "2001:db8::/64" }, { cidr: "10.0.0.0/24" }],
            });
            const used = usedAddresses(pool, []);
            assert.equal(planAddress(pool, used, "a")?.family, 4);
            assert.equal(planAddress(pool, used, "a", { family: 6 })?.family, 6);
            const only6 = compiled({ cidr: "2001:db8::/64" });
            assert.equal(planAddress(only6, usedAddresses(only6, []), "a")?.family, 6);
        });

        it("ignores used addresses of other networks and unreadable ones, and knows other spellings", () => {
            const pool = compiled({ cidr: "2001:db8::/126" });
            assert.equal(drawn(pool, ["2001:DB8:0::1", "2001:db8::2", "10.0.0.1", "x", ""], "a"), "2001:db8::3");
        });
    });

    describe("static addresses", () => {
        const pool = compilePool({
            name: "lan",
            space: "lan",
            blocks: [
                {
                    cidr: "10.0.0.0/24",
                    ranges: ["10.0.0.0-10.0.0.99"],
                    exclude: ["10.0.0.50-10.0.0.59"],
                    gateway: "10.0.0.1",
                },
                { cidr: "2001:db8::/64" },
            ],
            staticBand: 8,
            dnsServers: ["10.0.0.53", "10.0.0.99"],
        });
        for (const text of ["10.0.0.7", "10.0.0.7/24", "10.0.0.2", "10.0.0.99", "2001:db8::5/64"]) {
            it(`takes ${text}`, () => assert.deepEqual(checkStaticAddress(pool, text), []));
        }
        const refused: [string, RegExp][] = [
            ["10.0.1.7", /outside pool "lan" \(10\.0\.0\.0\/24, 2001:db8::\/64\)/],
            ["10.0.0.7/16", /prefix length is not that of 10\.0\.0\.0\/24/],
            ["10.0.0.0", /network address of 10\.0\.0\.0\/24/],
            ["10.0.0.1", /gateway of 10\.0\.0\.0\/24/],
            ["10.0.0.55", /excluded/],
            ["10.0.0.100", /outside the ranges/],
            ["2001:db8::", /anycast/],
            ["10.0.0.07", /not a canonical IPv4/],
            ["10.0.0.300", /not a canonical IPv4/],
            ["2001:db8::g", /not an IPv6/],
            ["", /not a canonical IPv4/],
        ];
        for (const [text, rule] of refused) {
            it(`refuses ${JSON.stringify(text)}`, () => {
                const [problem, ...others] = checkStaticAddress(pool, text, {
                    vm: "web",
                    nic: "eth1",
                    field: "ipConfig.address",
                });
                assert.deepEqual(others, []);
                assert.match(problem?.rule ?? "", rule);
                assert.deepEqual(
                    [problem?.vm, problem?.nic, problem?.field, problem?.value],
                    ["web", "eth1", "ipConfig.address", text],
                );
            });
        }
        it("knows the broadcast address", () => {
            assert.match(
                checkStaticAddress(compiled({ cidr: "10.0.0.0/24" }), "10.0.0.255")[0]?.rule ?? "",
                /broadcast/,
            );
        });

        it("takes exactly what may be given out", () => {
            fc.assert(
                fc.property(smallPool, (spec) => {
                    const small = compilePool(spec);
                    const taken = Array.from({ length: 32 }, (_none, n) => `10.0.0.${String(n)}`).filter(
                        (text) => checkStaticAddress(small, text).length === 0,
                    );
                    assert.deepEqual(taken, modelOf(spec).usable);
                }),
            );
        });
    });

    it("refuses to compile a pool with errors, with all of them", () => {
        assert.throws(() => compiled({ cidr: "10.0.0.1/24" }, { vlanId: 0 }), /host bits.*vlanId|vlanId.*host bits/s);
    });
});
