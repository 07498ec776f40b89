import type { ClusterClient } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import { readForeignUse, type ForeignScope } from "../../cluster/ipam/foreign-use";
import type { Reservation } from "../../cluster/ipam/objects";
import { guardAgainstServices } from "../../cluster/ipam/service-guard";
import { WHEREABOUTS_POOL } from "../../cluster/kinds";
import { foreignHolders, networkOf, type ForeignHolders } from "../../core/conflicts";
import { conflictsOf, type PoolConflicts } from "../../core/pool-conflicts";
import { warnOnce } from "../handler";
import { remembering } from "./foreign";

/** VMs do not matter here: they have their addresses from this package, or from nobody that could be faster. */
const NO_VM: ForeignScope = { networks: new Set(), isOwn: () => false };

/**
 * Looks again, once an address is reserved, whether one of those that ask for no reservation has got it since the plan:
 * Services are kept off by an object of their own, Whereabouts is read anew.
 * @returns who has got it
 */
export async function userMeanwhile(
    client: ClusterClient,
    conflicts: PoolConflicts | undefined,
    reservation: Reservation,
): Promise<string | undefined> {
    const { policy, sources } = conflictsOf(conflicts);
    const { address } = reservation.spec;
    if (sources.includes("Services") && (await isOfServices(client, address))) {
        try {
            const service = await guardAgainstServices(client, reservation);
            if (service !== undefined) {
                return service;
            }
        } catch (error) {
            if (policy === "Enforce" || !hasReason(error, "forbidden")) {
                throw error;
            }
            const why = error instanceof Error ? error.message : String(error);
            warnOnce(`The address ${address} is reserved, but a Service may still get it: ${why}`);
        }
    }
    if (sources.includes("Whereabouts") && (await hasWhereabouts(client))) {
        return (await whereaboutsHolders(client)).get(address)?.[0]?.holder;
    }
    return undefined;
}

async function isOfServices(client: ClusterClient, address: string): Promise<boolean> {
    const { networks } = await readForeignUse(remembering(client), ["Services"], NO_VM);
    return networkOf(networks, address) !== undefined;
}

/** Whether it is installed: in most clusters it is not. */
async function hasWhereabouts(client: ClusterClient): Promise<boolean> {
    try {
        await remembering(client).list(WHEREABOUTS_POOL);
        return true;
    } catch (error) {
        if (error instanceof ClusterError) {
            return false; // one that may not be read has been told at the plan
        }
        throw error;
    }
}

interface Reads {
    current?: Promise<ForeignHolders>;
    next?: Promise<ForeignHolders>;
}

const reads = new WeakMap<ClusterClient, Reads>();

/** What Whereabouts has given out by now; one reading, begun after they asked, serves all that ask meanwhile. */
async function whereaboutsHolders(client: ClusterClient): Promise<ForeignHolders> {
    const known = reads.get(client) ?? {};
    reads.set(client, known);
    const read = async (): Promise<ForeignHolders> =>
        foreignHolders(await readForeignUse(client, ["Whereabouts"], NO_VM));
    const begin = (): Promise<ForeignHolders> => {
        delete known.next;
        const reading = read().finally(() => {
            if (known.current === reading) {
                delete known.current;
            }
        });
        return (known.current = reading);
    };
    if (!known.current) {
        return begin();
    }
    return (known.next ??= known.current.then(begin, begin));
}
