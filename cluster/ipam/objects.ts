import type { PoolSpec } from "../../core/pool";
import type { KubernetesObject } from "../client";

/** Whom an address is for, and which stack (`organization/project/stack`) manages that. */
export interface Owner {
    readonly key: string;
    readonly manager: string;
}

/** An IPPool object. */
export interface PoolObject extends KubernetesObject {
    spec: Omit<PoolSpec, "name">;
}

/** An IPReservation object: the lock on one address. Times are RFC 3339. */
export interface Reservation extends KubernetesObject {
    spec: {
        address: string;
        family: "IPv4" | "IPv6";
        space: string;
        pool?: string;
        origin?: "Auto" | "Static" | "Adopted";
        /** Released: kept for its owner (`retain`), or at rest until `reusableAt`. */
        state: "Active" | "Released";
        retain?: boolean;
        /** Random, new with each owner; who does not know it does not release the address. */
        allocationId: string;
        macAddress?: string;
        /** `namespace/name` of the NetworkAttachmentDefinition on which a NIC uses the address. */
        network?: string;
        owner: Owner;
        allocatedAt?: string;
        releasedAt?: string;
        reusableAt?: string;
        releaseReason?: string;
    };
}

/** An IPHistory object: a past tenancy of an address. Times are RFC 3339. */
export interface PastTenancy extends KubernetesObject {
    spec: {
        address: string;
        space: string;
        pool?: string;
        macAddress?: string;
        allocationId?: string;
        owner: Owner;
        from: string;
        to: string;
        reason: string;
    };
}

/** Labels of reservations and of the records of past ones; see `hashLabel` for the values of `owner`, `vm` and `manager`. */
export const LABEL = {
    space: "vm.novasphere.dev/space",
    owner: "vm.novasphere.dev/owner",
    /** Of `namespace/vm`, for addresses of NICs. */
    vm: "vm.novasphere.dev/vm",
    manager: "vm.novasphere.dev/manager",
} as const;

/** Finalizer that keeps `kubectl delete` from taking a pool whose addresses are in use. */
export const IN_USE = "vm.novasphere.dev/in-use";

/** The version of an object, which later writes of its kind have a higher one of. */
export function versionOf({ metadata }: Pick<Reservation, "metadata">): bigint {
    return BigInt(metadata.resourceVersion ?? 0);
}
