import { parseAddress } from "../../core/ip";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { forsake } from "./ledger";
import { graceOf } from "./pools";
import { lookup, type Tenancy } from "./query";

/** An address that was kept for its owner and is no longer. */
export interface GivenUp {
    /** The tenancy as it was: `Retained`. */
    readonly tenancy: Tenancy;
    /** How long the address rests before anybody may have it: `releaseGraceSeconds` of its pool. */
    readonly graceSeconds: number;
}

/**
 * Gives up an address that is kept for its owner after its release (`reserved: true` of a NIC, `retain` of an
 * IPReservation). One that is in use is left alone: it is its stack that releases it.
 * @param space may be left out where the address is known in one space only
 * @throws ClusterError `invalid` for what is no address, or is kept in several spaces; `not-found` where nothing keeps it;
 * `conflict` where it is taken up by its owner meanwhile
 */
export async function giveUp(
    client: ClusterClient,
    { address, space }: { readonly address: string; readonly space?: string },
): Promise<GivenUp> {
    const held = await lookup(client, { address, ...(space !== undefined && { space }) });
    const kept = held.filter(({ state }) => state === "Retained");
    const [tenancy] = kept;
    const parsed = parseAddress(tenancy?.address ?? address);
    if (tenancy === undefined || !parsed.ok) {
        const others = held.map((each) => `in space ${each.space} it is ${each.state}, of ${each.owner}`);
        const known = others.length > 0 ? others.join("; ") : "there is no reservation of it";
        throw new ClusterError("not-found", `The address ${address} is kept for nobody: ${known}.`);
    }
    if (kept.length > 1) {
        const spaces = kept.map((each) => `${each.space} (for ${each.owner})`).join(", ");
        throw new ClusterError("invalid", `The address ${address} is kept in several spaces: ${spaces}. Name one.`);
    }
    const graceSeconds = await graceOf(client, tenancy.pool);
    const place = { space: tenancy.space, address: parsed.value };
    if (!(await forsake(client, place, { owner: tenancy.owner, graceSeconds }))) {
        const message = `The address ${address} was taken up by ${tenancy.owner} meanwhile, and stays its own.`;
        throw new ClusterError("conflict", message);
    }
    return { tenancy, graceSeconds };
}
