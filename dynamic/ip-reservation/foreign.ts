import type { ClusterClient, Lister } from "../../cluster/client";
import { hasReason } from "../../cluster/errors";
import { readForeignUse } from "../../cluster/ipam/foreign-use";
import type { AddressSpace } from "../../cluster/ipam/space";
import { resourceName } from "../../cluster/kinds";
import { foreignHolders, unreadableProblems, type ForeignHolders } from "../../core/conflicts";
import { parseAddress } from "../../core/ip";
import { conflictsOf, type CompiledPool } from "../../core/pool";
import type { Problem } from "../../core/problem";
import { nicOfOwner } from "../../core/reservation";

/** Who uses addresses of a space without a reservation, and what of that could not be told. */
export interface ForeignView {
    readonly holders: ForeignHolders;
    readonly problems: readonly Problem[];
}

const views = new WeakMap<AddressSpace, Map<string, Promise<ForeignView>>>();

const listers = new WeakMap<ClusterClient, Lister>();

/** Lists each kind once in a run: the networks of a program's NICs are looked at one by one. */
export function remembering(client: ClusterClient): Lister {
    const known = listers.get(client);
    if (known) {
        return known;
    }
    const lists = new Map<string, Promise<unknown>>();
    const lister: Lister = {
        list: async (kind, namespace, selector) => {
            const key = JSON.stringify([resourceName(kind), namespace, selector]);
            const list =
                lists.get(key) ??
                client.list(kind, namespace, selector).catch((error: unknown) => {
                    // A kind that the cluster does not have is an answer; another failure may be over at the next look.
                    if (!hasReason(error, "not-found")) {
                        lists.delete(key);
                    }
                    throw error;
                });
            lists.set(key, list);
            return list as never;
        },
    };
    listers.set(client, lister);
    return lister;
}

/**
 * Reads who uses addresses without a reservation, once in a run for the networks of a space, and leaves those out of what
 * is chosen. Of VMs those count that are on the request's network, or on one that a reservation of the space is used on.
 */
export async function foreignView(
    client: ClusterClient,
    space: AddressSpace,
    pool: CompiledPool | undefined,
    network: string | undefined,
): Promise<ForeignView> {
    const { policy, sources } = conflictsOf(pool?.spec.conflicts);
    if (policy === "Off") {
        return { holders: new Map(), problems: [] };
    }
    const networks = new Set([...space.networks(), ...(network === undefined ? [] : [network])]);
    const key = JSON.stringify([policy, sources, [...networks].sort()]);
    const known = views.get(space) ?? new Map<string, Promise<ForeignView>>();
    views.set(space, known);
    const reading =
        known.get(key) ??
        readForeignUse(remembering(client), sources, {
            networks,
            isOwn: (namespace, vm, nic, text) => {
                const address = parseAddress(text);
                const held = address.ok ? space.holding(address.value) : undefined;
                const owner = held && nicOfOwner(held.spec.owner.key);
                return owner?.namespace === namespace && owner.vm === vm && owner.nic === nic;
            },
        }).then((use) => {
            const holders = foreignHolders(use);
            space.leaveOut(holders);
            const subject = pool ? `IPPool "${pool.spec.name}"` : `the address space "${space.name}"`;
            return { holders, problems: unreadableProblems(use, policy, { subject, field: "conflicts.sources" }) };
        });
    known.set(key, reading);
    return reading;
}
