import { connectionKey } from "../../cluster/connection";
import type { Family } from "../../core/ip";
import { containsUnknown } from "../handler";
import type { IPReservationInputs } from "./inputs";

/** The resources that stand for an owner in a space: there is one for each family. */
const resources = new Map<string, string>();

/** The other resource of the program that reserves for the same owner in the space, where there is one. */
export function rivalOf(
    space: string,
    { resource, owner, connection }: IPReservationInputs,
    family: Family | undefined,
): string | undefined {
    if (resource === undefined || containsUnknown(resource)) {
        return undefined;
    }
    const cluster = containsUnknown(connection) ? "" : connectionKey(connection);
    const key = [cluster, space, owner, family ?? ""].join(" ");
    const first = resources.get(key) ?? resource;
    resources.set(key, first);
    return first === resource ? undefined : first;
}
