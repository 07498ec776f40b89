import { connectionKey } from "../../cluster/connection";
import { containsUnknown } from "../handler";
import type { IPReservationInputs } from "./inputs";
import { ownerName } from "./ledger";

/** Addresses that this run's reservations have or are going to have, and whose they are. */
const claims = new Map<string, Map<string, string>>();

/** The resources that stand for an owner in a space: there is one. */
const resources = new Map<string, string>();

/** Claims an address for its owner; the other claimant where there is one. */
export function claim(space: string, address: string, inputs: IPReservationInputs): string | undefined {
    const claimed = claimsOf(space, inputs);
    const claimant = claimed.get(address) ?? inputs.owner;
    claimed.set(address, claimant);
    return claimant === inputs.owner ? undefined : `${ownerName(claimant)} of this program`;
}

/** The addresses of a space that others of this run have claimed. */
export function claimedBy(space: string, inputs: IPReservationInputs): Set<string> {
    const others = [...claimsOf(space, inputs)].filter(([, owner]) => owner !== inputs.owner);
    return new Set(others.map(([address]) => address));
}

/** The other resource of the program that reserves for the same owner in the space, where there is one. */
export function rivalOf(space: string, inputs: IPReservationInputs): string | undefined {
    if (inputs.resource === undefined || containsUnknown(inputs.resource)) {
        return undefined;
    }
    const key = `${clusterKey(inputs)} ${space} ${inputs.owner}`;
    const first = resources.get(key) ?? inputs.resource;
    resources.set(key, first);
    return first === inputs.resource ? undefined : first;
}

function claimsOf(space: string, inputs: IPReservationInputs): Map<string, string> {
    const key = `${clusterKey(inputs)} ${space}`;
    const claimed = claims.get(key) ?? new Map<string, string>();
    claims.set(key, claimed);
    return claimed;
}

function clusterKey({ connection }: IPReservationInputs): string {
    return containsUnknown(connection) ? "" : connectionKey(connection);
}
