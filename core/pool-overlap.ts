import { compileReadable } from "./compiled-pool";
import { formatRange } from "./ip";
import { type PoolSpec } from "./pool-spec";
import { type Problem } from "./problem";

/** So many common ranges of two pools are written out. */
const MAX_RANGES = 3;

/**
 * Warnings where a pool gives out addresses that another pool of its space gives out too. That is allowed, as a
 * reservation locks its address in the space; but the pools then share what is free, and gateway, DNS servers or VLAN of
 * one address depend on the pool it is taken from. Pools of different spaces never overlap, nor does a pool with itself.
 */
export function overlapWarnings(pool: PoolSpec, others: Iterable<PoolSpec>): Problem[] {
    const warnings: Problem[] = [];
    const { usable } = compileReadable(pool);
    for (const other of others) {
        if (other.space !== pool.space || other.name === pool.name) {
            continue;
        }
        const theirs = compileReadable(other).usable;
        const common = ([4, 6] as const).flatMap((family) =>
            usable[family].intersect(theirs[family]).intervals.map((interval) => formatRange({ family, ...interval })),
        );
        if (common.length > 0) {
            const more = common.length > MAX_RANGES ? ` and ${String(common.length - MAX_RANGES)} more` : "";
            warnings.push({
                subject: `IPPool "${pool.name}"`,
                field: "blocks",
                value: `${common.slice(0, MAX_RANGES).join(", ")}${more}`,
                rule: `IPPool "${other.name}" of the same space "${pool.space}" gives out these addresses too`,
                remedy: "make their ranges disjoint, or give the pools spaces of their own if they are of different networks",
                severity: "warning",
            });
        }
    }
    return warnings;
}
