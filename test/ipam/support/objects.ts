import type { ClusterClient } from "../../../cluster/client";
import { discard } from "../../../cluster/ipam/ledger";
import { LABEL, type Owner, type PastTenancy, type Reservation } from "../../../cluster/ipam/objects";
import { IP_HISTORY, IP_RESERVATION, pathOf } from "../../../cluster/kinds";
import { parseAddress, type Address } from "../../../core/ip";
import { compilePool, type CompiledPool, type PoolSpec } from "../../../core/pool";
import { inParallel } from "../../../scripts/parallel";

/** So many removals at a time. */
const AT_ONCE = 16;

/** Removes the reservations of a space, retained or not, and the records of its past. */
export async function emptySpace(client: ClusterClient, space: string): Promise<void> {
    const query = { labelSelector: `${LABEL.space}=${space}` };
    for (const kind of [IP_RESERVATION, IP_HISTORY]) {
        await client.request("DELETE", pathOf(kind), { query });
    }
    await inParallel(AT_ONCE, await reservationsOf(client, space), async (held) => {
        await discard(client, held);
    });
}

/** The reservations of a space, as the cluster has them now. */
export async function reservationsOf(client: ClusterClient, space: string): Promise<Reservation[]> {
    const labelSelector = `${LABEL.space}=${space}`;
    return (await client.list<Reservation>(IP_RESERVATION, undefined, { labelSelector })).items;
}

/** The records of a space's past tenancies. */
export async function recordsOf(client: ClusterClient, space: string): Promise<PastTenancy[]> {
    const labelSelector = `${LABEL.space}=${space}`;
    return (await client.list<PastTenancy>(IP_HISTORY, undefined, { labelSelector })).items;
}

/** A pool of one block, of a space of the same name. */
export function poolOf(
    space: string,
    cidr: string,
    more: Partial<PoolSpec & PoolSpec["blocks"][0]> = {},
): CompiledPool {
    const { ranges, exclude, gateway, allocateReserved, ...rest } = more;
    const block = { cidr, ranges, exclude, gateway, allocateReserved };
    const defined = Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined));
    return compilePool({ name: space, space, blocks: [{ cidr, ...defined }], ...rest });
}

/** An owner of a stack of these tests. */
export function ownerOf(key: string, manager = "acme/shop/prod"): Owner {
    return { key, manager };
}

/** The address that a text says. */
export function address(text: string): Address {
    const parsed = parseAddress(text);
    if (!parsed.ok) {
        throw new Error(`${text}: ${parsed.rule}`);
    }
    return parsed.value;
}
