import assert from "node:assert/strict";
import fc from "fast-check";
import { type Address, parseAddress } from "../../core/ip";
import {
    blockOf,
    checkStaticAddress,
    compilePool,
    poolArithmetic,
    type PoolBlock,
    type PoolSpec,
    usedAddresses,
    whyNoAddress,
} from "../../core/pool";
import { describe as sentence } from "../../core/problem";
import { reservationName } from "../../core/reservation";
import { modelOf, poolOf, smallPool } from "./small-pool";

function total(block: PoolBlock, rest: Partial<PoolSpec> = {}): string {
    const pool = compilePool(poolOf(block, rest));
    return String(poolArithmetic(pool, usedAddresses(pool, [])).total);
}

/** The sentences that refuse an address asked for by name. */
function refusal(spec: PoolSpec, address: string): string {
    return checkStaticAddress(compilePool(spec), address).map(sentence).join("\n");
}

describe("pool", () => {
    describe("size", () => {
        it("is 254 for a /24 [case 1]", () => assert.equal(total({ cidr: "10.0.0.0/24" }), "254"));

        it("is one less with a gateway [case 2]", () =>
            assert.equal(total({ cidr: "10.0.0.0/24", gateway: "10.0.0.1" }), "253"));

        // RFC 3021 for /31, RFC 6164 for /127.
        const shortest: [string, string][] = [
            ["10.0.0.0/31", "2"],
            ["10.0.0.0/32", "1"],
            ["2001:db8::/127", "2"],
            ["2001:db8::/128", "1"],
        ];
        for (const [cidr, size] of shortest) {
            it(`is ${size} for ${cidr} [case 13]`, () => assert.equal(total({ cidr }), size));
        }

        it("counts gateway and reserved addresses of a /30 [case 14]", () => {
            assert.equal(total({ cidr: "10.0.0.0/30" }), "2");
            assert.equal(total({ cidr: "10.0.0.0/30", gateway: "10.0.0.1" }), "1");
            assert.equal(total({ cidr: "10.0.0.0/30", gateway: "10.0.0.1", allocateReserved: true }), "3");
        });

        it("is exact for IPv6, all but the subnet-router anycast address, in one interval [case 15]", () => {
            assert.equal(total({ cidr: "2001:db8::/64" }), "18446744073709551615");
            assert.equal(total({ cidr: "2001:db8::/48" }), String(2n ** 80n - 1n));
            assert.equal(total({ cidr: "::/0" }), String(2n ** 128n - 1n));
            for (const cidr of ["2001:db8::/64", "2001:db8::/48", "::/0", "0.0.0.0/0"]) {
                const { automatic, families } = compilePool(poolOf({ cidr }));
                assert.deepEqual(
                    families.map((family) => automatic[family].intervals.length),
                    [1],
                );
            }
        });

        it("counts ranges, exclusions, static band and DNS servers", () => {
            assert.equal(
                total({ cidr: "10.0.0.0/24", ranges: ["10.0.0.10-10.0.0.19", "10.0.0.30"], exclude: ["10.0.0.12"] }),
                "10",
            );
            assert.equal(total({ cidr: "10.0.0.0/24" }, { staticBand: 64 }), "190");
            assert.equal(total({ cidr: "10.0.0.0/30" }, { staticBand: 64 }), "0");
            assert.equal(total({ cidr: "10.0.0.0/24" }, { dnsServers: ["10.0.0.53", "192.0.2.1"] }), "253");
        });

        it("excludes without walking addresses: as many intervals as there are holes [case 30]", () => {
            const network = compilePool(poolOf({ cidr: "2001:db8::/64", exclude: ["2001:db8::a:0:0/100"] }));
            assert.equal(network.automatic[6].size, 2n ** 64n - 1n - 2n ** 28n);
            assert.equal(network.automatic[6].intervals.length, 2);
            const exclude = Array.from({ length: 10_000 }, (_none, i) => `2001:db8::${(2 * i + 2).toString(16)}`);
            const singles = compilePool(poolOf({ cidr: "2001:db8::/64", exclude }));
            assert.equal(singles.automatic[6].size, 2n ** 64n - 1n - 10_000n);
            assert.equal(singles.automatic[6].intervals.length, 10_001);
        });
    });

    it("says with which network an address comes [case 20]", () => {
        const pool = compilePool({
            ...poolOf({ cidr: "10.0.0.0/24", gateway: "10.0.0.1" }),
            blocks: [
                { cidr: "10.0.0.0/24", gateway: "10.0.0.1" },
                { cidr: "2001:db8::/64", gateway: "2001:db8::1" },
            ],
        });
        const told = ["10.0.0.9", "2001:db8::9", "10.0.1.9"].map((text) => {
            const block = blockOf(pool, (parseAddress(text) as { value: Address }).value);
            return [block?.subnet.prefixLength, block?.gateway?.text];
        });
        assert.deepEqual(told, [
            [24, "10.0.0.1"],
            [64, "2001:db8::1"],
            [undefined, undefined],
        ]);
    });

    describe("static addresses", () => {
        const spec: PoolSpec = {
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
        };
        const pool = compilePool(spec);

        it("are locked by a name made of space and address [case 21]", () => {
            assert.deepEqual(checkStaticAddress(pool, "10.0.0.7"), []);
            const { value } = parseAddress("10.0.0.7") as { value: Address };
            assert.equal(reservationName(spec.space, value), "lan.v4-10.0.0.7");
        });

        for (const text of ["10.0.0.7/24", "10.0.0.99", "2001:db8::5/64"]) {
            it(`take ${text}`, () => assert.deepEqual(checkStaticAddress(pool, text), []));
        }
        it("take those of the static band [case 26]", () => assert.deepEqual(checkStaticAddress(pool, "10.0.0.2"), []));

        it("take those of a disabled pool [case 36]", () =>
            assert.deepEqual(checkStaticAddress(compilePool({ ...spec, disabled: true }), "10.0.0.7"), []));

        // An address outside the ranges is refused always: who wants it widens the ranges.
        const refused: [string, RegExp, string?][] = [
            ["10.0.1.7", /outside pool "lan" \(10\.0\.0\.0\/24, 2001:db8::\/64\)/],
            ["10.0.0.7/16", /prefix length is not that of 10\.0\.0\.0\/24/],
            ["10.0.0.100", /outside the ranges of 10\.0\.0\.0\/24/, "[case 23]"],
            ["10.0.0.0", /network address of 10\.0\.0\.0\/24/, "[case 24]"],
            ["10.0.0.1", /gateway of 10\.0\.0\.0\/24/, "[case 24]"],
            ["10.0.0.55", /excluded from 10\.0\.0\.0\/24/, "[case 24]"],
            ["2001:db8::", /anycast address of 2001:db8::\/64/, "[case 24]"],
            ["10.0.0.07", /not a canonical IPv4/, "[case 25]"],
            ["10.0.0.300", /not a canonical IPv4/, "[case 25]"],
            ["2001:db8::g", /not an IPv6/, "[case 25]"],
            ["", /not a canonical IPv4/, "[case 25]"],
        ];
        for (const [text, rule, number] of refused) {
            it(`refuse ${JSON.stringify(text)}${number === undefined ? "" : ` ${number}`}`, () => {
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

        it("refuse the broadcast address [case 24]", () =>
            assert.match(
                refusal(poolOf({ cidr: "10.0.0.0/24" }), "10.0.0.255"),
                /broadcast address of 10\.0\.0\.0\/24/,
            ));

        it("take exactly what may be given out", () => {
            fc.assert(
                fc.property(smallPool, (small) => {
                    const compiled = compilePool(small);
                    const taken = Array.from({ length: 32 }, (_none, n) => `10.0.0.${String(n)}`).filter(
                        (text) => checkStaticAddress(compiled, text).length === 0,
                    );
                    assert.deepEqual(taken, modelOf(small).usable);
                }),
            );
        });

        it("may be the same in pools of different spaces, not in one [case 18]", () => {
            const { value } = parseAddress("10.0.0.5") as { value: Address };
            const names = ["blue", "green", "blue"].map((space) => {
                const inSpace = poolOf({ cidr: "10.0.0.0/24" }, { space });
                assert.equal(refusal(inSpace, "10.0.0.5"), "");
                return reservationName(inSpace.space, value);
            });
            assert.deepEqual(names, ["blue.v4-10.0.0.5", "green.v4-10.0.0.5", "blue.v4-10.0.0.5"]);
        });
    });

    describe("without an address to choose", () => {
        const why = (spec: PoolSpec, used: string[], family?: 4 | 6): string => {
            const pool = compilePool(spec);
            return whyNoAddress(pool, usedAddresses(pool, used), family).rule;
        };

        it("says that it is full [case 27]", () =>
            assert.match(
                why(
                    poolOf({ cidr: "10.0.0.0/29" }),
                    [1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${String(n)}`),
                ),
                /^the pool is full \(0 free of 6: /,
            ));

        it("says that it is disabled, full or not [case 36]", () => {
            const spec = poolOf({ cidr: "10.0.0.0/32" }, { disabled: true });
            assert.match(why(spec, []), /disabled/);
            assert.match(why(spec, ["10.0.0.0"]), /disabled/);
        });

        it("names the family that is full, of two [case 34]", () => {
            const spec = { ...poolOf({ cidr: "10.0.0.0/24" }) };
            const dual = { ...spec, blocks: [...spec.blocks, { cidr: "2001:db8::/127" }] };
            assert.match(
                why(dual, ["2001:db8::", "2001:db8::1"], 6),
                /full for IPv6 \(0 free of 2: 2 IPv6 addresses in 2001:db8::\/127; 2 used/,
            );
        });

        it("says that it has no block of the family", () =>
            assert.match(why(poolOf({ cidr: "10.0.0.0/24" }), [], 6), /no IPv6 block/));
    });

    it("is not compiled with errors, and all of them are told", () => {
        assert.throws(
            () => compilePool(poolOf({ cidr: "10.0.0.1/24" }, { vlanId: 0 })),
            /host bits.*vlanId|vlanId.*host bits/s,
        );
    });
});
