import type { ClusterClient } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import { readForeignUse, type ForeignScope } from "../../cluster/ipam/foreign-use";
import type { Reservation } from "../../cluster/ipam/objects";
import { guardAgainstServices } from "../../cluster/ipam/service-guard";
import { WHEREABOUTS_POOL } from "../../cluster/kinds";
import { foreignHolders, networkOf, type ForeignUse } from "../../core/conflicts";
import { conflictsOf, type ConflictPolicy, type PoolConflicts } from "../../core/pool-conflicts";
import { warnOnce } from "../handler";
import { remembering } from "./foreign";

/** VMs do not matter here: they have their addresses from this package, or from nobody that could be faster. */
const NO_VM: ForeignScope = { networks: new Set(), isOwn: () => false };

/**
 * Looks again, once an address is reserved, whether one of those that ask for no reservation has got it since the plan:
 * Services are kept off by an object of their own, Whereabouts is read anew.
 * @returns who has got it
 */
export async function foreignUser(
    client: ClusterClient,
    conflicts: PoolConflicts | undefined,
    reservation: Reservation,
): Promise<string | undefined> {
    const { policy, sources } = conflictsOf(conflicts);
    const { address } = reservation.spec;
    if (sources.includes("Services")) {
        const cidrs = known(await readForeignUse(remembering(client), ["Services"], NO_VM), policy, address);
        const service = networkOf(cidrs.networks, address) && (await guarded(client, policy, reservation));
        if (service !== undefined) {
            return service;
        }
    }
    if (sources.includes("Whereabouts") && (await hasWhereabouts(client))) {
        return foreignHolders(known(await whereaboutsUse(client), policy, address)).get(address)?.[0]?.holder;
    }
    return undefined;
}

/** What was read; of what was not, an error under `Enforce`, and a warning else. */
function known(use: ForeignUse, policy: ConflictPolicy, address: string): ForeignUse {
    const [unreadable] = use.unreadable;
    if (unreadable) {
        const sentence = `Whether others use the address ${address} cannot be told: ${unreadable.sentence}`;
        if (policy === "Enforce") {
            throw new ClusterError("failed", sentence);
        }
        warnOnce(sentence);
    }
    return use;
}

/** Keeps Services off the address. @returns the one that has it already */
async function guarded(
    client: ClusterClient,
    policy: ConflictPolicy,
    reservation: Reservation,
): Promise<string | undefined> {
    try {
        return await guardAgainstServices(client, reservation);
    } catch (error) {
        if (policy === "Enforce" || !hasReason(error, "forbidden")) {
            throw error;
        }
        const why = error instanceof Error ? error.message : String(error);
        warnOnce(`The address ${reservation.spec.address} is reserved, but a Service may still get it: ${why}`);
        return undefined;
    }
}

/** Whether it is installed: in most clusters it is not. */
async function hasWhereabouts(client: ClusterClient): Promise<boolean> {
    try {
        await remembering(client).list(WHEREABOUTS_POOL);
        return true;
    } catch (error) {
        return !hasReason(error, "not-found");
    }
}

interface Reads {
    current?: Promise<ForeignUse>;
    next?: Promise<ForeignUse>;
}

const reads = new WeakMap<ClusterClient, Reads>();

/** What Whereabouts has given out by now; one reading, begun after they asked, serves all that ask meanwhile. */
async function whereaboutsUse(client: ClusterClient): Promise<ForeignUse> {
    const pending = reads.get(client) ?? {};
    reads.set(client, pending);
    const begin = (): Promise<ForeignUse> => {
        delete pending.next;
        const reading = readForeignUse(client, ["Whereabouts"], NO_VM).finally(() => {
            if (pending.current === reading) {
                delete pending.current;
            }
        });
        return (pending.current = reading);
    };
    if (!pending.current) {
        return begin();
    }
    return (pending.next ??= pending.current.then(begin, begin));
}
