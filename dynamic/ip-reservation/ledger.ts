import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import type { PoolSpec } from "../../core/pool";
import type { Problem } from "../../core/problem";
import { hashLabel } from "../../core/reservation";
import { at, type AddressPlace } from "./place";

/** An IPReservation object: the lock on one address. */
export interface Reservation extends KubernetesObject {
    spec: {
        address: string;
        family: "IPv4" | "IPv6";
        space: string;
        pool?: string;
        origin: "Auto" | "Static";
        allocationId: string;
        macAddress?: string;
        owner: { key: string; manager: string };
    };
}

export const LABEL = {
    space: "vm.novasphere.dev/space",
    owner: "vm.novasphere.dev/owner",
    manager: "vm.novasphere.dev/manager",
} as const;

interface PoolObject extends KubernetesObject {
    spec: Omit<PoolSpec, "name">;
}

/** The reservations of an address space. */
export async function reservationsOf(client: ClusterClient, space: string): Promise<Reservation[]> {
    const labelSelector = `${LABEL.space}=${space}`;
    return (await client.list<Reservation>(IP_RESERVATION, undefined, { labelSelector })).items;
}

/** Reservations of a stack, read once in a run: every VM looks among them for what is left over of it. */
const ofManagers = new Map<string, Promise<Reservation[]>>();

/** The reservations of a stack in all spaces, as they were when this run first asked. */
export async function reservationsOfManager(client: ClusterClient, manager: string): Promise<Reservation[]> {
    const key = `${client.server} ${manager}`;
    const labelSelector = `${LABEL.manager}=${hashLabel(manager)}`;
    const listing =
        ofManagers.get(key) ??
        client
            .list<Reservation>(IP_RESERVATION, undefined, { labelSelector })
            .then(({ items }) => items.filter(({ spec }) => spec.owner.manager === manager));
    ofManagers.set(key, listing);
    return listing;
}

/** The pool as declared, or read from the cluster; or what is wrong with its name. */
export async function resolvePool(
    client: ClusterClient | undefined,
    pool: PoolSpec | string,
    place: AddressPlace,
): Promise<PoolSpec | Problem | undefined> {
    if (typeof pool !== "string") {
        return pool;
    }
    if (!client) {
        return undefined;
    }
    const found = await client.find<PoolObject>(IP_POOL, undefined, pool);
    if (found) {
        return { ...found.spec, name: pool };
    }
    const known = (await client.list(IP_POOL)).items.map((each) => each.metadata.name);
    return {
        ...at(place, "pool"),
        value: pool,
        rule: known.length === 0 ? "the cluster has no IPPool at all" : "the cluster has no such IPPool",
        remedy: known.length === 0 ? "declare one" : `name one that it has (${known.join(", ")}), or declare one`,
    };
}

/** Who has a reservation, for messages. */
export function holderOf({ spec: { owner } }: Reservation): string {
    return `${ownerName(owner.key)} of stack ${owner.manager}`;
}

/** An owner's key as messages have it. */
export function ownerName(key: string): string {
    const [namespace, vm, nic, ...rest] = key.split("/");
    if (key.startsWith("owner:")) {
        return `"${key.slice("owner:".length)}"`;
    }
    return nic === undefined || rest.length > 0 ? key : `NIC "${nic}" of VM "${namespace ?? ""}/${vm ?? ""}"`;
}
