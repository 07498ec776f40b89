import { type CompiledPool, compilePool, compileReadable, perFamily, whyUnusable } from "./compiled-pool";
import { type Address, parseAddress } from "./ip";
import { type PoolSpec } from "./pool-spec";
import { type AddressUse, type HeldAddress } from "./pool-usage";
import { type Problem } from "./problem";

/** So many offenders are named. */
const MAX_NAMED = 10;

/** An address that is somebody's, and why the changed pool gives it to nobody. */
interface Lost {
    readonly held: HeldAddress;
    readonly address: Address;
    readonly reason: string;
}

/**
 * Addresses that somebody has or may come back for, which the pool gave out before a change and would not after it: a
 * range was narrowed, something excluded, the gateway moved. Ordered by address. Growing loses nothing; nor is anything
 * lost that rests after its release, or that is used without a reservation.
 * @param held the pool's own reservations
 * @throws Error when the changed pool is not valid
 */
export function lostAddresses(before: PoolSpec, after: PoolSpec, held: Iterable<HeldAddress>): HeldAddress[] {
    return lostTo(before, after, held).map((each) => each.held);
}

/** What forbids a change of a pool: reserved addresses it would lose, up to ten of them by name. Parameters as in `lostAddresses`. */
export function changeProblems(before: PoolSpec, after: PoolSpec, held: Iterable<HeldAddress>): Problem[] {
    const lost = lostTo(before, after, held);
    if (lost.length === 0) {
        return [];
    }
    const named = lost
        .slice(0, MAX_NAMED)
        .map(({ address, held: { owner = "an unknown owner", use }, reason }) => {
            return `${address.text} of ${owner} (${use}; ${reason})`;
        })
        .join(", ");
    const more = lost.length > MAX_NAMED ? `, and ${String(lost.length - MAX_NAMED)} more` : "";
    const [what, them] = lost.length === 1 ? ["address that is", "it"] : ["addresses that are", "them"];
    return [
        {
            subject: `IPPool "${after.name}"`,
            field: "blocks",
            rule: `the change would leave out ${String(lost.length)} ${what} reserved: ${named}${more}`,
            remedy: `release ${them} first, or keep ${them} in the pool`,
        },
    ];
}

/**
 * What forbids the deletion of a pool: addresses in use, or kept for owners that may come back. What only rests after
 * its release does not: no one is waiting for it.
 * @param held the pool's own reservations
 */
export function deletionProblems(pool: PoolSpec, held: Iterable<HeldAddress>): Problem[] {
    const counts: Record<AddressUse, number> = { active: 0, retained: 0, quarantined: 0, foreign: 0 };
    for (const { use } of held) {
        counts[use] += 1;
    }
    if (counts.active + counts.retained === 0) {
        return [];
    }
    const { active, retained, quarantined } = counts;
    return [
        {
            subject: `IPPool "${pool.name}"`,
            field: "metadata.name",
            value: pool.name,
            rule:
                `a pool with reservations is not deleted, and it has ${String(active)} active, ` +
                `${String(retained)} retained and ${String(quarantined)} quarantined`,
            remedy: "release the active and the retained ones first, or set disabled so that it gives out no more",
        },
    ];
}

function lostTo(before: PoolSpec, after: PoolSpec, held: Iterable<HeldAddress>): Lost[] {
    // What the cluster has may have been edited by hand: what of it is readable was usable.
    const [old, changed] = [compileReadable(before), compilePool(after)];
    const lost = perFamily((): Lost[] => []);
    for (const each of held) {
        const address = parseAddress(each.address);
        if (!address.ok || each.use === "quarantined" || each.use === "foreign") {
            continue;
        }
        const reason = whyLost(old, changed, address.value);
        if (reason !== undefined) {
            lost[address.value.family].push({ held: each, address: address.value, reason });
        }
    }
    return [...lost[4].sort(byAddress), ...lost[6].sort(byAddress)];
}

function whyLost(before: CompiledPool, after: CompiledPool, address: Address): string | undefined {
    if (whyUnusable(before, address) !== undefined) {
        return undefined;
    }
    return before.spec.space === after.spec.space
        ? whyUnusable(after, address)
        : `it is of space "${before.spec.space}", the pool would be of "${after.spec.space}"`;
}

function byAddress(a: Lost, b: Lost): number {
    return a.address.value < b.address.value ? -1 : 1;
}
