/** A closed interval of integers. */
export interface Interval {
    readonly first: bigint;
    readonly last: bigint;
}

/**
 * An immutable set of integers kept as sorted, disjoint, non-adjacent intervals. No operation walks the members, so a
 * set of 2^128 addresses costs no more than one of two.
 */
export class IntervalSet {
    /** Sorted, disjoint and non-adjacent. */
    public readonly intervals: readonly Interval[];
    /** Number of members. */
    public readonly size: bigint;
    /** Members before `intervals[i]`. */
    private readonly before: readonly bigint[];

    private constructor(intervals: readonly Interval[]) {
        this.intervals = intervals;
        const before: bigint[] = [];
        let size = 0n;
        for (const { first, last } of intervals) {
            before.push(size);
            size += last - first + 1n;
        }
        this.before = before;
        this.size = size;
    }

    /** The set of all members of the given intervals, in any order and overlapping at will. */
    public static of(intervals: Iterable<Interval>): IntervalSet {
        const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
        const merged: { first: bigint; last: bigint }[] = [];
        for (const { first, last } of sorted) {
            const previous = merged.at(-1);
            if (previous !== undefined && first <= previous.last + 1n) {
                previous.last = last > previous.last ? last : previous.last;
            } else {
                merged.push({ first, last });
            }
        }
        return new IntervalSet(merged);
    }

    /** The set of single integers. */
    public static ofValues(values: Iterable<bigint>): IntervalSet {
        return IntervalSet.of(Array.from(values, (value) => ({ first: value, last: value })));
    }

    public union(other: IntervalSet): IntervalSet {
        return IntervalSet.of([...this.intervals, ...other.intervals]);
    }

    public intersect(other: IntervalSet): IntervalSet {
        const shared: Interval[] = [];
        for (let i = 0, j = 0; i < this.intervals.length && j < other.intervals.length;) {
            const a = this.intervals[i] as Interval;
            const b = other.intervals[j] as Interval;
            const first = a.first > b.first ? a.first : b.first;
            const last = a.last < b.last ? a.last : b.last;
            if (first <= last) {
                shared.push({ first, last });
            }
            if (a.last < b.last) {
                i++;
            } else {
                j++;
            }
        }
        return new IntervalSet(shared);
    }

    /** Members of this set that are not in the other. */
    public subtract(other: IntervalSet): IntervalSet {
        const left: Interval[] = [];
        let j = 0;
        for (const { first, last } of this.intervals) {
            let start = first;
            while (j < other.intervals.length && (other.intervals[j] as Interval).last < start) {
                j++;
            }
            for (let k = j; k < other.intervals.length && start <= last; k++) {
                const hole = other.intervals[k] as Interval;
                if (hole.first > last) {
                    break;
                }
                if (hole.first > start) {
                    left.push({ first: start, last: hole.first - 1n });
                }
                start = hole.last + 1n;
            }
            if (start <= last) {
                left.push({ first: start, last });
            }
        }
        return new IntervalSet(left);
    }

    public contains(value: bigint): boolean {
        return this.intervalOf(value) !== undefined;
    }

    /** The interval a member lies in. */
    public intervalOf(value: bigint): Interval | undefined {
        const interval = this.intervals[this.indexAtOrBelow(value)];
        return interval !== undefined && value <= interval.last ? interval : undefined;
    }

    /** How many members are smaller than this one; undefined for a non-member. */
    public rank(value: bigint): bigint | undefined {
        const index = this.indexAtOrBelow(value);
        const interval = this.intervals[index];
        return interval !== undefined && value <= interval.last
            ? (this.before[index] as bigint) + value - interval.first
            : undefined;
    }

    /** The member of a rank; undefined unless 0 <= rank < size. */
    public unrank(rank: bigint): bigint | undefined {
        if (rank < 0n || rank >= this.size) {
            return undefined;
        }
        const index = lastIndexWhere(this.before.length, (i) => (this.before[i] as bigint) <= rank);
        return (this.intervals[index] as Interval).first + rank - (this.before[index] as bigint);
    }

    private indexAtOrBelow(value: bigint): number {
        return lastIndexWhere(this.intervals.length, (i) => (this.intervals[i] as Interval).first <= value);
    }
}

/** Last index below `length` for which a predicate holds that is true up to some index and false from there; or -1. */
function lastIndexWhere(length: number, holds: (index: number) => boolean): number {
    let low = 0;
    let high = length;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (holds(middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}
