import assert from "node:assert/strict";
import fc from "fast-check";
import { type Interval, IntervalSet } from "../../core/interval-set";

/** The model: a plain set of numbers, as many as a /24 has. */
const UNIVERSE = 256;
const intervals = fc.array(
    fc.tuple(fc.nat(UNIVERSE - 1), fc.nat(UNIVERSE - 1)).map(([a, b]): Interval => ({
        first: BigInt(Math.min(a, b)),
        last: BigInt(Math.max(a, b)),
    })),
    { maxLength: 12 },
);

function model(list: readonly Interval[]): Set<number> {
    const members = new Set<number>();
    for (const { first, last } of list) {
        for (let n = Number(first); n <= Number(last); n++) {
            members.add(n);
        }
    }
    return members;
}

function sorted(members: Iterable<number>): number[] {
    return [...members].sort((a, b) => a - b);
}

function membersOf(set: IntervalSet): number[] {
    return sorted(model(set.intervals));
}

describe("interval set", () => {
    it("agrees with a plain set on union, intersection, difference, size and membership [case 73]", () => {
        fc.assert(
            fc.property(intervals, intervals, (a, b) => {
                const [setA, setB] = [IntervalSet.of(a), IntervalSet.of(b)];
                const [modelA, modelB] = [model(a), model(b)];
                assert.deepEqual(membersOf(setA.union(setB)), sorted(new Set([...modelA, ...modelB])));
                assert.deepEqual(membersOf(setA.intersect(setB)), sorted([...modelA].filter((n) => modelB.has(n))));
                assert.deepEqual(membersOf(setA.subtract(setB)), sorted([...modelA].filter((n) => !modelB.has(n))));
                assert.equal(setA.size, BigInt(modelA.size));
                for (let n = -1; n <= UNIVERSE; n++) {
                    assert.equal(setA.contains(BigInt(n)), modelA.has(n));
                }
            }),
            { numRuns: 500 },
        );
    });

    it("keeps its intervals sorted, disjoint and apart", () => {
        fc.assert(
            fc.property(intervals, intervals, (a, b) => {
                for (const set of [
                    IntervalSet.of(a),
                    IntervalSet.of(a).union(IntervalSet.of(b)),
                    IntervalSet.of(a).subtract(IntervalSet.of(b)),
                ]) {
                    set.intervals.forEach(({ first, last }, i) => {
                        assert.ok(first <= last);
                        const next = set.intervals[i + 1];
                        assert.ok(next === undefined || last + 1n < next.first);
                    });
                }
            }),
        );
    });

    it("ranks members in order, and unrank undoes rank [case 73]", () => {
        fc.assert(
            fc.property(intervals, (list) => {
                const set = IntervalSet.of(list);
                sorted(model(list)).forEach((member, rank) => {
                    assert.equal(set.rank(BigInt(member)), BigInt(rank));
                    assert.equal(set.unrank(BigInt(rank)), BigInt(member));
                });
                assert.equal(set.unrank(set.size), undefined);
                assert.equal(set.unrank(-1n), undefined);
            }),
        );
    });

    it("has no rank for what it does not contain", () => {
        const set = IntervalSet.of([{ first: 3n, last: 5n }]);
        assert.deepEqual([set.rank(2n), set.rank(3n), set.rank(5n), set.rank(6n)], [undefined, 0n, 2n, undefined]);
    });

    it("does arithmetic on 2^128 members without walking them [case 15] [case 30]", () => {
        const all = IntervalSet.of([{ first: 0n, last: 2n ** 128n - 1n }]);
        const holes = IntervalSet.ofValues(Array.from({ length: 10_000 }, (_none, i) => BigInt(i) * 2n ** 64n));
        const left = all.subtract(holes);
        assert.equal(left.size, 2n ** 128n - 10_000n);
        assert.equal(left.intervals.length, 10_000);
        const member = left.unrank(2n ** 100n) as bigint;
        assert.equal(left.rank(member), 2n ** 100n);
    });
});
