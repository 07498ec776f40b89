import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { FreeAddresses } from "../../core/free-addresses";
import { type Address, addressOf, type Family, parseAddress } from "../../core/ip";
import {
    checkStaticAddress,
    compilePool,
    type CompiledPool,
    type HeldAddress,
    type PoolSpec,
    type UsedAddresses,
    usedAddresses,
} from "../../core/pool";
import { heldAddress, host, modelOf, poolOf, smallPool } from "./small-pool";

function freeIn(spec: PoolSpec, used: Iterable<string | HeldAddress> = []): FreeAddresses {
    const pool = compilePool(spec);
    return new FreeAddresses(pool, usedAddresses(pool, used));
}

function choice(spec: PoolSpec, used: Iterable<string | HeldAddress>, owner: string): string | undefined {
    return freeIn(spec, used).choiceOf(owner, 4)?.text;
}

function address(text: string): Address {
    const result = parseAddress(text);
    assert.ok(result.ok);
    return result.value;
}

/** The rule told another way: from the place the hash says on, the first of the list that is free. */
function byWalking(automatic: readonly string[], used: ReadonlySet<string>, owner: string): string | undefined {
    const hash = BigInt(`0x${createHash("sha256").update(owner).digest("hex")}`);
    const start = automatic.length === 0 ? 0 : Number(hash % BigInt(automatic.length));
    return [...automatic.slice(start), ...automatic.slice(0, start)].find((text) => !used.has(text));
}

/** The same use, with a count of the intervals looked at. */
function watched(used: UsedAddresses, family: Family): { used: UsedAddresses; looks: () => number } {
    let looks = 0;
    const set = used.ranks[family];
    const intervals = new Proxy(set.intervals, {
        get(target, key, receiver): unknown {
            looks += typeof key === "string" && /^[0-9]+$/.test(key) ? 1 : 0;
            return Reflect.get(target, key, receiver) as unknown;
        },
    });
    const copy = Object.create(set, { intervals: { value: intervals } }) as typeof set;
    return { used: { ...used, ranks: { ...used.ranks, [family]: copy } }, looks: () => looks };
}

const owners = (count: number): string[] => Array.from({ length: count }, (_none, i) => `prod/vm-${String(i)}/eth1`);

describe("free addresses", () => {
    it("are those that may be given out, all of them, each once, and never a used one [case 73]", () => {
        fc.assert(
            fc.property(smallPool, fc.array(fc.oneof(host, heldAddress)), fc.string(), (spec, used, owner) => {
                const free = freeIn(spec, used);
                const { automatic } = modelOf(spec);
                const gone = new Set(used.map((each) => (typeof each === "string" ? each : each.address)));
                for (let left = automatic.filter((text) => !gone.has(text)).length; left > 0; left--) {
                    assert.equal(free.count(4), BigInt(left));
                    const chosen = free.choiceOf(`${owner}${String(left)}`, 4);
                    assert.ok(chosen && automatic.includes(chosen.text) && !gone.has(chosen.text), chosen?.text);
                    assert.equal(chosen.text, byWalking(automatic, gone, `${owner}${String(left)}`));
                    gone.add(chosen.text);
                    free.take(chosen);
                }
                assert.equal(free.count(4), 0n);
                assert.equal(free.choiceOf(owner, 4), undefined);
            }),
        );
    });

    it("are the same whether others were taken before or since [case 74]", () => {
        fc.assert(
            fc.property(smallPool, fc.array(host), fc.array(host), fc.string(), (spec, before, since, owner) => {
                const free = freeIn(spec, before);
                since.forEach((text) => {
                    free.take(address(text));
                });
                assert.equal(free.choiceOf(owner, 4)?.text, choice(spec, [...since, ...before], owner));
            }),
        );
    });

    it("do not depend on the order in which a cluster lists what is used [case 74]", () => {
        const shuffled = fc
            .uniqueArray(heldAddress, { selector: ({ address: text }) => text })
            .chain((used) => fc.tuple(fc.constant(used), fc.shuffledSubarray(used, { minLength: used.length })));
        fc.assert(
            fc.property(smallPool, shuffled, fc.string(), (spec, [used, otherwise], owner) => {
                assert.equal(choice(spec, used, owner), choice(spec, otherwise, owner));
            }),
        );
    });

    describe("of a /24", () => {
        const spec = poolOf(
            {
                cidr: "10.0.0.0/24",
                ranges: ["10.0.0.0-10.0.0.199"],
                exclude: ["10.0.0.50-10.0.0.59"],
                gateway: "10.0.0.1",
            },
            { dnsServers: ["10.0.0.53", "10.0.0.60"] },
        );

        it("are in range, not excluded, not gateway, network or DNS server, in 10,000 draws [case 2] [case 20]", () => {
            const free = freeIn(spec);
            const drawn = new Set(owners(10_000).map((owner) => Number(free.choiceOf(owner, 4)?.text.split(".")[3])));
            const expected = Array.from({ length: 200 }, (_none, n) => n).filter(
                (n) => n >= 2 && !(n >= 50 && n <= 60),
            );
            // Of 188 addresses one that is missed by 10,000 draws has a chance of 1 in 10^20.
            assert.deepEqual(
                [...drawn].sort((a, b) => a - b),
                expected,
            );
        });

        it("never come from the static band, which is there for the asking [case 26]", () => {
            const banded = poolOf({ cidr: "10.0.0.0/24" }, { staticBand: 64 });
            const free = freeIn(banded);
            const drawn = owners(10_000).map((owner) => Number(free.choiceOf(owner, 4)?.text.split(".")[3]));
            // .1 to .64 are the lowest 64 that may be given out.
            assert.equal(Math.min(...drawn), 65);
            for (const text of ["10.0.0.1", "10.0.0.64"]) {
                assert.deepEqual(checkStaticAddress(compilePool(banded), text), []);
            }
        });

        it("are given again where one was given back [case 27]", () => {
            const small = poolOf({ cidr: "10.0.0.0/29" });
            const full = [1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${String(n)}`);
            assert.equal(choice(small, full, "prod/new/eth1"), undefined);
            assert.equal(
                choice(
                    small,
                    full.filter((text) => text !== "10.0.0.4"),
                    "prod/new/eth1",
                ),
                "10.0.0.4",
            );
        });
    });

    describe("by the hash of the owner", () => {
        it("are the same on every recreate, today and in every later release [case 31] [case 74]", () => {
            const dual: PoolSpec = {
                ...poolOf({ cidr: "10.0.0.0/24" }),
                blocks: [{ cidr: "10.0.0.0/24" }, { cidr: "2001:db8::/64" }],
            };
            // Python: ip_address("10.0.0.1") + int(sha256(b"prod/vm-a/nic0").hexdigest(), 16) % 254, and % (2**64 - 1)
            const expected: [string, string, string][] = [
                ["prod/vm-a/nic0", "10.0.0.7", "2001:db8::4fab:bb0:86d:ced4"],
                ["prod/vm-b/nic0", "10.0.0.214", "2001:db8::a5d9:519b:c9ed:76d5"],
                ["prod/web/eth1", "10.0.0.93", "2001:db8::18fe:8602:4919:2a7c"],
            ];
            for (const [owner, v4, v6] of expected) {
                assert.deepEqual(
                    [4, 6].map((family) => freeIn(dual).choiceOf(owner, family as Family)?.text),
                    [v4, v6],
                );
            }
        });

        it("go to both of two owners whose hashes collide [case 31]", () => {
            const spec = poolOf({ cidr: "10.0.0.0/24" });
            const seen = new Map<string, string>();
            const [first, second] = ((): [string, string] => {
                for (const owner of owners(1000)) {
                    const text = choice(spec, [], owner) ?? "";
                    const other = seen.get(text);
                    if (other !== undefined) {
                        return [other, owner];
                    }
                    seen.set(text, owner);
                }
                return assert.fail("1000 owners in 254 addresses must collide");
            })();
            const taken = choice(spec, [], first) ?? "";
            assert.equal(choice(spec, [], second), taken);
            const next = choice(spec, [taken], second);
            assert.ok(next !== undefined && next !== taken);
            assert.equal(choice(spec, [next], first), taken);
        });

        it("move an owner only when its own address is taken", () => {
            const spec = poolOf({ cidr: "10.0.0.0/24" });
            for (let n = 1; n <= 254; n++) {
                const expected = n === 7 ? "10.0.0.8" : "10.0.0.7";
                assert.equal(choice(spec, [`10.0.0.${String(n)}`], "prod/vm-a/nic0"), expected);
            }
        });

        it("wrap at the end", () => {
            const spec = poolOf({ cidr: "10.0.0.0/24" });
            const behind = Array.from({ length: 248 }, (_none, i) => `10.0.0.${String(i + 7)}`);
            assert.equal(choice(spec, behind, "prod/vm-a/nic0"), "10.0.0.1");
        });

        it("are spread over the pool", () => {
            const free = freeIn(poolOf({ cidr: "10.0.0.0/16" }));
            const picks = new Set(owners(1000).map((owner) => free.choiceOf(owner, 4)?.text));
            // 1000 balls in 65534 bins: 7.6 pairs are expected to collide, 30 never happen.
            assert.ok(picks.size > 970, String(picks.size));
        });
    });

    describe("of a dual-stack pool [case 34]", () => {
        const dual: PoolSpec = {
            ...poolOf({ cidr: "10.0.0.0/24" }),
            blocks: [{ cidr: "2001:db8::/126" }, { cidr: "10.0.0.0/24" }],
        };
        const all6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];

        it("are chosen for each family on its own, from one owner key", () => {
            const free = freeIn(dual);
            const [v4, v6] = [free.choiceOf("prod/vm-a/nic0", 4), free.choiceOf("prod/vm-a/nic0", 6)];
            assert.equal(v4?.text, "10.0.0.7");
            assert.ok(v6 && all6.includes(v6.text));
            free.take(v6);
            assert.deepEqual(free.choiceOf("prod/vm-a/nic0", 4), v4);
            free.take(v4);
            assert.deepEqual([free.count(4), free.count(6)], [253n, 2n]);
        });

        it("are none of a family that is full, and still of the other", () => {
            const free = freeIn(dual, all6);
            assert.equal(free.choiceOf("prod/vm-a/nic0", 6), undefined);
            assert.equal(free.choiceOf("prod/vm-a/nic0", 4)?.text, "10.0.0.7");
            assert.equal(freeIn(poolOf({ cidr: "10.0.0.0/24" })).choiceOf("prod/vm-a/nic0", 6), undefined);
        });
    });

    describe("found without walking", () => {
        /** So many intervals may be looked at for one choice: a few binary searches. */
        const LOOKS = 100;

        it("are the last one of a /16 [case 28]", () => {
            const pool = compilePool(poolOf({ cidr: "10.0.0.0/16" }));
            const all = Array.from({ length: 65534 }, (_none, i) => addressOf(4, 0x0a000001n + BigInt(i)).text);
            const last = all.splice(40_000, 1)[0] as string;
            assert.equal(all.length, 65_533);
            const { used, looks } = watched(usedAddresses(pool, all), 4);
            const free = new FreeAddresses(pool, used);
            assert.equal(free.choiceOf("a", 4)?.text, last);
            assert.ok(looks() <= LOOKS, String(looks()));
            free.take(address(last));
            assert.equal(free.choiceOf("a", 4), undefined);
        });

        const large: [string, Family, bigint, bigint][] = [
            ["10.0.0.0/8", 4, 0x0a000001n, 167n],
            ["2001:db8::/64", 6, (0x20010db8n << 96n) + 1n, 184_467_440_737_095n],
        ];
        for (const [cidr, family, first, step] of large) {
            it(`are any of a ${cidr} with 100,000 in use [case 29]`, () => {
                const pool: CompiledPool = compilePool(poolOf({ cidr }));
                const values = Array.from({ length: 100_000 }, (_none, i) => first + BigInt(i) * step);
                const { used, looks } = watched(
                    usedAddresses(
                        pool,
                        values.map((value) => addressOf(family, value).text),
                    ),
                    family,
                );
                assert.equal(pool.automatic[family].intervals.length, 1);
                assert.equal(used.ranks[family].size, 100_000n);
                const free = new FreeAddresses(pool, used);
                const taken = new Set(values);
                const before = looks();
                for (const owner of owners(100)) {
                    const chosen = free.choiceOf(owner, family) as Address;
                    assert.ok(!taken.has(chosen.value));
                    taken.add(chosen.value);
                    free.take(chosen);
                }
                assert.ok(looks() - before <= 100 * LOOKS, String(looks() - before));
            });
        }
    });
});
