import { parseAddress, type Address } from "../../core/ip";
import { normalizeMac } from "../../core/mac";
import { parsed, refused, type Parsed } from "../../core/problem";
import { hashLabel, nicOfOwner, parseSpace, reservationName } from "../../core/reservation";
import type { ClusterClient, KubernetesObject, ObjectList } from "../client";
import { ClusterError, hasReason } from "../errors";
import { IP_RESERVATION, type ResourceKind } from "../kinds";
import { missing } from "../preflight";
import { isFree } from "./ledger";
import { LABEL, type PastTenancy, type Reservation } from "./objects";

/** Which tenancies are meant: those that fit all members. */
export interface TenancyFilter {
    /** An address without prefix length, such as `10.0.0.5`. */
    readonly address?: string;
    /** A virtual machine as `namespace/name`. */
    readonly vm?: string;
    /** A MAC address, in any notation that KubeVirt accepts. */
    readonly macAddress?: string;
    /** The key of an owner: `namespace/vm/nic`, `namespace/vm/nic#1` or `owner:<text>`. */
    readonly owner?: string;
    /** Name of an IPPool: addresses that were taken from it. */
    readonly pool?: string;
    /** The scope in which addresses are unique (an L2 domain or VRF). */
    readonly space?: string;
}

/**
 * - `Active`: the owner has the address.
 * - `Retained`: released, and kept for its owner alone.
 * - `Quarantined`: released, and nobody's until `reusableAt`.
 * - `Reusable`: released, and whoever asks first gets it.
 * - `Ended`: of the past; the address is free, or somebody else's.
 */
export type TenancyState = "Active" | "Retained" | "Quarantined" | "Reusable" | "Ended";

/** That somebody has, or had, an address. Times are RFC 3339, by the API server's clock. */
export interface Tenancy {
    /** The address in canonical form, without prefix length. */
    readonly address: string;
    /** Of the address, as Kubernetes writes it. */
    readonly family: "IPv4" | "IPv6";
    /** The scope in which the address is unique (an L2 domain or VRF). */
    readonly space: string;
    /** Name of the IPPool it was taken from; absent for an address without one. */
    readonly pool?: string;
    /** The key of the owner: `namespace/vm/nic`, `namespace/vm/nic#1` or `owner:<text>`. */
    readonly owner: string;
    /** The stack that manages it, as `organization/project/stack`. */
    readonly manager: string;
    /** `namespace/name` of the virtual machine; absent for an owner that is no NIC. */
    readonly vm?: string;
    /** Logical name of the NIC; absent for an owner that is none. */
    readonly nic?: string;
    /** The MAC address that is bound to it, in lower case with colons. */
    readonly macAddress?: string;
    /** What became of it, at the time of the question. */
    readonly state: TenancyState;
    /** How the address was chosen: from the pool, by name, or found in use; absent for a tenancy of the past. */
    readonly origin?: "Auto" | "Static" | "Adopted";
    /** When the owner got the address. */
    readonly from: string;
    /** When the owner released it; absent while it is `Active`. */
    readonly to?: string;
    /** Why it was released; absent while it is `Active`. */
    readonly reason?: string;
    /** When a `Quarantined` or `Reusable` address is, or was, free again. */
    readonly reusableAt?: string;
}

/**
 * The present tenancies that fit a filter, all of them for an empty one, in the order of space and address. What was
 * released, and is retained for its owner or in quarantine, is among them.
 * @throws ClusterError `invalid` for a filter that no tenancy can fit, `not-found` where the cluster does not know
 * reservations, or any other reason
 */
export async function lookup(client: ClusterClient, filter: TenancyFilter): Promise<Tenancy[]> {
    const reservations = await reservationsOf(client, readFilter(filter));
    const now = client.serverNow();
    return reservations.map((reservation) => presentTenancy(reservation, now)).sort(byAddress);
}

/** A filter as it is asked for: canonical values. */
export type ReadFilter = Omit<TenancyFilter, "address"> & { readonly address?: Address };

/**
 * A filter in canonical form.
 * @throws ClusterError `invalid` with a sentence for the first member that is wrong
 */
export function readFilter({ address, macAddress, space, vm, owner, pool }: TenancyFilter): ReadFilter {
    return {
        ...(address !== undefined && { address: valueOf("address", address, parseAddress(address)) }),
        ...(macAddress !== undefined && { macAddress: valueOf("MAC address", macAddress, normalizeMac(macAddress)) }),
        ...(space !== undefined && { space: valueOf("space", space, parseSpace(space)) }),
        ...(vm !== undefined && { vm: valueOf("virtual machine", vm, parseVm(vm)) }),
        ...(owner !== undefined && { owner }),
        ...(pool !== undefined && { pool }),
    };
}

/** `namespace/name` of a virtual machine, or why it is none. */
export function parseVm(text: string): Parsed<string> {
    return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(text)
        ? parsed(text)
        : refused("a virtual machine is named as namespace/name", "write it so");
}

/** The reservations that fit a filter. */
export async function reservationsOf(client: ClusterClient, filter: ReadFilter): Promise<Reservation[]> {
    const { space, address } = filter;
    const found =
        space !== undefined && address !== undefined
            ? await one<Reservation>(client, IP_RESERVATION, reservationName(space, address))
            : await listed<Reservation>(client, IP_RESERVATION, selectorsOf(filter));
    return found.filter(({ spec }) => fits(spec, filter));
}

/** What a reservation says, at a time by the server's clock. */
export function presentTenancy(reservation: Reservation, now: Date): Tenancy {
    const { metadata, spec } = reservation;
    const state = stateOf(reservation, now);
    const ended = state !== "Active";
    return {
        address: spec.address,
        family: spec.family,
        ...whoseOf(spec),
        state,
        ...(spec.origin !== undefined && { origin: spec.origin }),
        from: spec.allocatedAt ?? metadata.creationTimestamp ?? "",
        ...(ended && spec.releasedAt !== undefined && { to: spec.releasedAt }),
        ...(ended && spec.releaseReason !== undefined && { reason: spec.releaseReason }),
        ...(ended && spec.reusableAt !== undefined && { reusableAt: spec.reusableAt }),
    };
}

/** The members that reservations and records of past ones have in common. */
export function whoseOf(
    spec: Reservation["spec"] | PastTenancy["spec"],
): Pick<Tenancy, "space" | "pool" | "owner" | "manager" | "vm" | "nic" | "macAddress"> {
    const nic = nicOfOwner(spec.owner.key);
    return {
        space: spec.space,
        ...(spec.pool !== undefined && { pool: spec.pool }),
        owner: spec.owner.key,
        manager: spec.owner.manager,
        ...(nic && { vm: `${nic.namespace}/${nic.vm}`, nic: nic.nic }),
        ...(spec.macAddress !== undefined && { macAddress: spec.macAddress }),
    };
}

/** What became of a reservation, at a time by the server's clock. */
export function stateOf(reservation: Reservation, now: Date): Exclude<TenancyState, "Ended"> {
    const { state, retain } = reservation.spec;
    if (state === "Active") {
        return "Active";
    }
    return retain === true ? "Retained" : isFree(reservation, now) ? "Reusable" : "Quarantined";
}

/**
 * The objects of a kind that fit the selectors.
 * @throws ClusterError `not-found`, with how to install it, where the cluster does not know the kind
 */
export async function listed<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    selectors: Selectors = {},
): Promise<T[]> {
    let list: ObjectList<T>;
    try {
        list = await client.list<T>(kind, undefined, selectors);
    } catch (error) {
        if (hasReason(error, "not-found")) {
            await assertServed(client, kind);
        }
        throw error;
    }
    return list.items;
}

/** The object of a name, if there is one; otherwise as `listed`. */
export async function one<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    name: string,
): Promise<T[]> {
    const found = await client.find<T>(kind, undefined, name);
    if (!found) {
        // Neither is there where the cluster does not know the kind.
        await assertServed(client, kind);
        return [];
    }
    return [found];
}

/** Selectors by which the API server leaves out what does not fit. */
export type Selectors = { [key in "labelSelector" | "fieldSelector"]?: string };

/** The selectors of a filter: a question about one address must not list all. */
export function selectorsOf({ address, macAddress, pool, space, owner, vm }: ReadFilter): Selectors {
    const fields = pairs({ "spec.address": address?.text, "spec.macAddress": macAddress, "spec.pool": pool });
    const labels = pairs({
        [LABEL.space]: space,
        [LABEL.owner]: owner === undefined ? undefined : hashLabel(owner),
        [LABEL.vm]: vm === undefined ? undefined : hashLabel(vm),
    });
    return { ...(fields && { fieldSelector: fields }), ...(labels && { labelSelector: labels }) };
}

/** Whether a reservation, or the record of a past one, fits a filter: labels only help to find it. */
export function fits(spec: Reservation["spec"] | PastTenancy["spec"], filter: ReadFilter): boolean {
    const said = whoseOf(spec);
    return (
        (filter.address === undefined || spec.address === filter.address.text) &&
        (["macAddress", "pool", "space", "owner", "vm"] as const).every(
            (member) => filter[member] === undefined || said[member] === filter[member],
        )
    );
}

/** By space, then IPv4 before IPv6, then address, then time. */
export function byAddress(a: Tenancy, b: Tenancy): number {
    return (
        compare(a.space, b.space) ||
        compare(a.family, b.family) ||
        compare(numberOf(a.address), numberOf(b.address)) ||
        Date.parse(a.from) - Date.parse(b.from)
    );
}

async function assertServed(client: ClusterClient, kind: ResourceKind): Promise<void> {
    const sentences = await missing(client, [{ kind, verbs: [] }]);
    if (sentences.length > 0) {
        throw new ClusterError("not-found", sentences.join(" "));
    }
}

/** `key=value` pairs with what separates them escaped, as Kubernetes' `fields.EscapeValue` does. */
function pairs(values: Record<string, string | undefined>): string | undefined {
    const parts = Object.entries(values).flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}=${value.replace(/[\\,=]/g, "\\$&")}`],
    );
    return parts.length === 0 ? undefined : parts.join(",");
}

function valueOf<T>(what: string, text: string, result: Parsed<T>): T {
    if (!result.ok) {
        // A rule's remedy is for those who declare a value, not for those who ask about one.
        throw new ClusterError("invalid", `The ${what} ${JSON.stringify(text)} cannot be looked up: ${result.rule}.`);
    }
    return result.value;
}

function numberOf(text: string): bigint {
    const address = parseAddress(text);
    return address.ok ? address.value.value : 0n;
}

function compare<T extends string | bigint>(a: T, b: T): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
