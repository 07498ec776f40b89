import { hash } from "node:crypto";
import { type Address, addressOf, type Family } from "./ip";
import { type CompiledPool, type UsedAddresses } from "./pool";

/**
 * The free addresses of a pool while addresses are given out one after the other. Finding one costs O(log n) of what was
 * used at first, however many were taken since and however large the pool is.
 */
export class FreeAddresses {
    /** For a rank that was taken since: one behind it, with nothing free in between. */
    private readonly beyond: Readonly<Record<Family, Map<bigint, bigint>>> = { 4: new Map(), 6: new Map() };

    public constructor(
        private readonly pool: CompiledPool,
        private readonly used: UsedAddresses,
    ) {}

    /** Takes an address out; one that could not be chosen anyway is no change. */
    public take({ family, value }: Address): void {
        const rank = this.pool.automatic[family].rank(value);
        if (
            rank !== undefined &&
            !this.beyond[family].has(rank) &&
            this.used.ranks[family].intervalOf(rank) === undefined
        ) {
            this.beyond[family].set(rank, rank + 1n);
        }
    }

    /** How many are left. */
    public count(family: Family): bigint {
        return this.pool.automatic[family].size - this.used.ranks[family].size - BigInt(this.beyond[family].size);
    }

    /**
     * The address an owner gets: the hash of its key picks a rank, the next free one (wrapping) it is. The same pool, use
     * and owner always give the same address, so a preview can tell it. It is not taken by that.
     * @returns undefined when none is free
     */
    public choiceOf(ownerKey: string, family: Family): Address | undefined {
        const candidates = this.pool.automatic[family];
        if (this.count(family) <= 0n) {
            return undefined;
        }
        const choice = BigInt(`0x${hash("sha256", ownerKey, "hex")}`);
        const ahead = this.freeFrom(choice % candidates.size, family);
        const rank = ahead < candidates.size ? ahead : this.freeFrom(0n, family);
        return addressOf(family, candidates.unrank(rank) as bigint);
    }

    /** The first rank from `start` on that is free; the size of the pool where there is none. */
    private freeFrom(start: bigint, family: Family): bigint {
        const beyond = this.beyond[family];
        const passed: bigint[] = [];
        let rank = start;
        for (;;) {
            const run = this.used.ranks[family].intervalOf(rank);
            const next = run === undefined ? beyond.get(rank) : run.last + 1n;
            if (next === undefined) {
                break;
            }
            if (run === undefined) {
                passed.push(rank);
            }
            rank = next;
        }
        for (const each of passed) {
            beyond.set(each, rank);
        }
        return rank;
    }
}
