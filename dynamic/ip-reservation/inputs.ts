import type { PoolSpec } from "../../core/pool";
import type { CommonInputs } from "../connection";

/** A request of the program that was made before another, for an address of the same space. */
export interface EarlierRequest {
    owner: string;
    requested?: string;
    family?: "IPv4" | "IPv6";
}

/** One address, reserved for one owner. */
export interface IPReservationInputs extends CommonInputs {
    /** The pool as the program declares it, or the name of one that the cluster has. */
    pool?: PoolSpec | string;
    /** Scope of an address without a pool. */
    space?: string;
    /** The address asked for, with or without prefix length; without it one is chosen from the pool. */
    requested?: string;
    /** Family to choose from. @default IPv4 where the pool has any */
    family?: "IPv4" | "IPv6";
    /** Gateway of an address without a pool. */
    declaredGateway?: string;
    macAddress?: string;
    /** Whom the address is for: `namespace/vm/nic`, or a text of the user's. */
    owner: string;
    /** The address stays the owner's when it is released. */
    retain?: boolean;
    /** Take over what another stack has reserved for the same owner. */
    adopt?: boolean;
    /** What tells this resource from others of the program; never stored. */
    resource?: string;
    /** Requests that come before this one, so that each gets in every run what the preview said: `EarlierRequest[]` in JSON; never stored. */
    earlier?: string;
    /** The NIC's network (`namespace/name`), whose other users are looked at. */
    network?: string;
    /** VM and NIC for messages, where the owner is one. */
    vm?: string;
    nic?: string;
    /** `organization/project/stack`: who may take the reservation up again, or give it back. */
    manager: string;
    /** Filled in by `check`, so that a preview shows them and dependents know them. */
    address?: string;
    cidr?: string;
    prefixLength?: number;
    gateway?: string;
    dnsServers?: string[];
    searchDomains?: string[];
    /** Which cluster has the reservation; absent where the user may not read that. */
    cluster?: string;
    /** The cluster has lost the reservation: filled in by `check`, and mended by `update`. */
    lost?: true;
}

export interface IPReservationState extends IPReservationInputs {
    /** Random; only who knows it gives the address back. */
    allocationId: string;
    /** When the address was reserved, in RFC 3339. */
    allocatedAt: string;
}
