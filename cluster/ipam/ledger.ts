import { randomUUID } from "node:crypto";
import { parseAddress, familyName, type Address } from "../../core/ip";
import type { HeldAddress } from "../../core/pool";
import { hashLabel, nicOfOwner, reservationName } from "../../core/reservation";
import type { ClusterClient, JsonPatchOperation } from "../client";
import { ClusterError, hasReason } from "../errors";
import { IP_HISTORY, IP_RESERVATION } from "../kinds";
import { patchUnchanged } from "../unchanged";
import { LABEL, type Owner, type PastTenancy, type Reservation } from "./objects";

/** An address, and who is to have it. */
export interface Claim {
    readonly space: string;
    readonly address: Address;
    readonly owner: Owner;
    /** Name of the pool it comes from; absent for an address without one. */
    readonly pool?: string;
    readonly origin: "Auto" | "Static";
    readonly macAddress?: string;
    /** `namespace/name` of the NetworkAttachmentDefinition on which a NIC is to use it. */
    readonly network?: string;
    /** The address stays the owner's when it is released. */
    readonly retain?: boolean;
    /** Also take it over from another stack that has it for the same owner. */
    readonly adopt?: boolean;
}

/** What a claim came to: the reservation is the claimant's, or (`false`) that of `reservation.spec.owner`. */
export interface Taken {
    readonly won: boolean;
    /** Whether a tenancy begins with it; where the owner had the address before, one goes on. @default false */
    readonly begins?: boolean;
    readonly reservation: Reservation;
    /** The reservation as the tenancy before has left it. */
    readonly before?: Reservation;
}

/** Who changes a reservation at the same time may be faster this often. */
const MAX_TRIES = 8;

/** Keeps `kubectl delete` from freeing an address that is retained for its owner. */
export const RETAINED = "vm.novasphere.dev/retained";

/**
 * Takes an address. The name of the object is made of space and address, so the API server refuses a second one: whoever
 * creates it has the address. One that is there already is taken up again by its owner (an update was killed, or the
 * address was retained), and by anybody once it has rested since its release.
 * @param lookFirst the address is likely to be taken: look first, which costs the API server less than to refuse
 */
export async function take(client: ClusterClient, claim: Claim, lookFirst = false): Promise<Taken> {
    const name = reservationName(claim.space, claim.address);
    const allocationId = randomUUID();
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        const seen = lookFirst ? await client.find<Reservation>(IP_RESERVATION, undefined, name) : undefined;
        const made = seen ? undefined : await createNew(client, objectOf(client, claim, allocationId));
        if (made) {
            return { won: true, begins: true, reservation: made };
        }
        const held = seen ?? (await client.find<Reservation>(IP_RESERVATION, undefined, name));
        if (!held) {
            continue;
        }
        if (held.spec.allocationId === allocationId) {
            // The answer to the create was lost, and it was sent again.
            return { won: true, begins: true, reservation: held };
        }
        const now = client.serverNow();
        if (!isOpenTo(held, claim, now)) {
            return { won: false, reservation: held };
        }
        if (isDeleted(held) && isFree(held, now)) {
            // Nobody's, and somebody wants it gone: a new one is made in its place.
            await discard(client, held);
            continue;
        }
        const taken = await takeOver(client, held, claim, allocationId);
        if (taken) {
            const begins = held.spec.state === "Released";
            return { won: true, begins, reservation: taken, ...(begins && { before: held }) };
        }
    }
    throw new ClusterError(
        "conflict",
        `The reservation ${name} was changed by others ${String(MAX_TRIES)} times while it was to be taken.`,
    );
}

/** Creates a reservation; undefined where its address has one by now. */
async function createNew(client: ClusterClient, reservation: Reservation): Promise<Reservation | undefined> {
    try {
        return await client.create(IP_RESERVATION, reservation);
    } catch (error) {
        // An admission webhook may refuse for the moment, with the other of the two.
        if (hasReason(error, "already-exists") || hasReason(error, "conflict")) {
            return undefined;
        }
        throw error;
    }
}

/** Whether a reservation that exists may become the claimant's. */
export function isOpenTo({ spec }: Reservation, { owner, adopt }: Pick<Claim, "owner" | "adopt">, now: Date): boolean {
    const isKept = spec.state === "Released" && spec.retain === true;
    const isOwn = spec.owner.key === owner.key && (spec.owner.manager === owner.manager || adopt === true || isKept);
    return isOwn || isFree({ spec }, now);
}

/** Whether a reservation has rested long enough that anybody may have the address. */
export function isFree({ spec }: Pick<Reservation, "spec">, now: Date): boolean {
    return (
        spec.state === "Released" &&
        spec.retain !== true &&
        (spec.reusableAt === undefined || Date.parse(spec.reusableAt) <= now.getTime())
    );
}

/** How an address is used that a reservation holds; `undefined` where anybody may have it. */
export function useOf(reservation: Reservation, now: Date): HeldAddress | undefined {
    const { address, state, retain, owner, reusableAt } = reservation.spec;
    if (isFree(reservation, now)) {
        return undefined;
    }
    const use = state === "Active" ? "active" : retain === true ? "retained" : "quarantined";
    return { address, use, owner: owner.key, ...(use === "quarantined" && reusableAt !== undefined && { reusableAt }) };
}

/** How a tenancy ends. */
export interface Release {
    /** The tenancy that is meant: another one of the address is left alone. */
    readonly allocationId: string;
    readonly reason: string;
    /** Keep the address for its owner. @default what the reservation says */
    readonly retain?: boolean;
    /** How long the address rests before another may have it. @default 0 */
    readonly graceSeconds?: number;
}

/**
 * Ends a tenancy: writes it down in the history, and then frees the address, or lets it rest, or keeps it for its owner.
 * Says whether the tenancy was there to be ended; one that has ended before, or become another's, is left alone.
 */
export async function release(
    client: ClusterClient,
    { space, address }: { space: string; address: Address },
    { allocationId, reason, retain, graceSeconds = 0 }: Release,
): Promise<boolean> {
    const name = reservationName(space, address);
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        const held = await client.find<Reservation>(IP_RESERVATION, undefined, name);
        if (held?.spec.allocationId !== allocationId || held.spec.state === "Released") {
            // It was there at first: then it has ended by what was written, of which only the answer was lost.
            return attempt > 1;
        }
        const now = client.serverNow();
        await record(client, held, reason, now);
        const kept = retain ?? held.spec.retain ?? false;
        const done =
            kept || graceSeconds > 0
                ? await rest(client, held, { reason, now, kept, graceSeconds })
                : await discard(client, held);
        if (done) {
            return true;
        }
    }
    throw new ClusterError("conflict", `The reservation ${name} was changed by others while it was to be released.`);
}

/**
 * Gives up an address that is kept for an owner (`retain`) after its release: it rests, and then anybody may have it.
 * Says whether it was kept for that owner; one that is in use again, or another's, is left alone.
 */
export async function forsake(
    client: ClusterClient,
    { space, address }: { space: string; address: Address },
    { owner, graceSeconds = 0 }: { owner: string; graceSeconds?: number },
): Promise<boolean> {
    const name = reservationName(space, address);
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        const held = await client.find<Reservation>(IP_RESERVATION, undefined, name);
        if (held?.spec.owner.key !== owner || held.spec.state !== "Released" || held.spec.retain !== true) {
            return attempt > 1;
        }
        const reusableAt = timeOf(new Date(client.serverNow().getTime() + graceSeconds * 1000));
        const done =
            graceSeconds > 0
                ? await patchUnchanged(client, IP_RESERVATION, held, [
                      { op: "add", path: "/spec/reusableAt", value: reusableAt },
                      ...retainPatch(held, false),
                  ])
                : await discard(client, held);
        if (done) {
            return true;
        }
    }
    throw new ClusterError("conflict", `The reservation ${name} was changed by others while it was to be given up.`);
}

/** Removes the object of an address that nobody uses, finalizer and all; false where it has changed meanwhile. */
export async function discard(client: ClusterClient, held: Reservation): Promise<boolean> {
    const { name, uid = "", resourceVersion, finalizers = [] } = held.metadata;
    const unheld = finalizers.filter((finalizer) => finalizer !== RETAINED);
    if (unheld.length === finalizers.length) {
        return client.delete(IP_RESERVATION, undefined, name, { uid, ...(resourceVersion && { resourceVersion }) });
    }
    const freed = await patchUnchanged(client, IP_RESERVATION, held, [
        { op: "replace", path: "/metadata/finalizers", value: unheld },
    ]);
    return freed !== undefined && (isDeleted(freed) || discard(client, freed));
}

/** Changes what of a reservation may change while it is its owner's; false where the tenancy has ended. */
export async function amend(
    client: ClusterClient,
    { space, address, allocationId }: { space: string; address: Address; allocationId: string },
    { owner, macAddress, network, retain }: Pick<Claim, "owner" | "macAddress" | "network" | "retain">,
): Promise<boolean> {
    const name = reservationName(space, address);
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        const held = await client.find<Reservation>(IP_RESERVATION, undefined, name);
        if (held?.spec.allocationId !== allocationId || held.spec.state === "Released") {
            return false;
        }
        const operations = [
            ...memberPatch("/spec/macAddress", held.spec.macAddress, macAddress),
            ...memberPatch("/spec/network", held.spec.network, network),
            ...managerPatch(held, owner),
            ...retainPatch(held, retain === true),
        ];
        if (operations.length === 0 || (await patchUnchanged(client, IP_RESERVATION, held, operations))) {
            return true;
        }
    }
    throw new ClusterError("conflict", `The reservation ${name} was changed by others while it was to be changed.`);
}

function objectOf(client: ClusterClient, claim: Claim, allocationId: string): Reservation {
    const { space, address, owner, pool, origin, macAddress, network, retain } = claim;
    return {
        apiVersion: `${IP_RESERVATION.group}/${IP_RESERVATION.version}`,
        kind: IP_RESERVATION.kind,
        metadata: {
            name: reservationName(space, address),
            labels: labelsOf(space, owner),
            ...(retain === true && { finalizers: [RETAINED] }),
        },
        spec: {
            address: address.text,
            family: familyName(address.family),
            space,
            state: "Active",
            origin,
            allocationId,
            allocatedAt: timeOf(client.serverNow()),
            owner,
            ...(pool !== undefined && { pool }),
            ...(macAddress !== undefined && { macAddress }),
            ...(network !== undefined && { network }),
            ...(retain === true && { retain }),
        },
    };
}

/** Makes an existing reservation the claimant's; undefined where somebody changed it meanwhile. */
async function takeOver(
    client: ClusterClient,
    held: Reservation,
    claim: Claim,
    allocationId: string,
): Promise<Reservation | undefined> {
    const fresh = objectOf(client, claim, allocationId);
    // A tenancy that goes on is the same one, with a new id: whoever knew the old one leaves it alone from now on.
    const goesOn = held.spec.state === "Active" && held.spec.allocatedAt !== undefined;
    const allocatedAt = goesOn ? held.spec.allocatedAt : fresh.spec.allocatedAt;
    return patchUnchanged(client, IP_RESERVATION, held, [
        { op: "replace", path: "/spec", value: { ...fresh.spec, allocatedAt } },
        { op: "add", path: "/metadata/labels", value: { ...held.metadata.labels, ...fresh.metadata.labels } },
        ...finalizerPatch(held, claim.retain === true),
    ]);
}

/** Labels by which the addresses of an owner, a VM or a stack are listed. */
export function labelsOf(space: string, { key, manager }: Owner): Record<string, string> {
    const nic = nicOfOwner(key);
    return {
        [LABEL.space]: space,
        [LABEL.owner]: hashLabel(key),
        [LABEL.manager]: hashLabel(manager),
        ...(nic && { [LABEL.vm]: hashLabel(`${nic.namespace}/${nic.vm}`) }),
    };
}

/** Writes a tenancy that ends into the history. Its name tells the tenancy, so that it is written once. */
async function record(client: ClusterClient, { metadata, spec }: Reservation, reason: string, to: Date): Promise<void> {
    const { address, space, pool, macAddress, allocationId, owner } = spec;
    const past: PastTenancy = {
        apiVersion: `${IP_HISTORY.group}/${IP_HISTORY.version}`,
        kind: IP_HISTORY.kind,
        metadata: { name: `${metadata.name}.${allocationId}`, labels: labelsOf(space, owner) },
        spec: {
            address,
            space,
            owner,
            allocationId,
            from: spec.allocatedAt ?? metadata.creationTimestamp ?? timeOf(to),
            to: timeOf(to),
            reason,
            ...(pool !== undefined && { pool }),
            ...(macAddress !== undefined && { macAddress }),
        },
    };
    try {
        await client.create(IP_HISTORY, past);
    } catch (error) {
        if (!hasReason(error, "already-exists")) {
            throw error;
        }
    }
}

async function rest(
    client: ClusterClient,
    held: Reservation,
    { reason, now, kept, graceSeconds }: { reason: string; now: Date; kept: boolean; graceSeconds: number },
): Promise<boolean> {
    const reusableAt = timeOf(new Date(now.getTime() + graceSeconds * 1000));
    const released = await patchUnchanged(client, IP_RESERVATION, held, [
        { op: "replace", path: "/spec/state", value: "Released" },
        { op: "add", path: "/spec/releasedAt", value: timeOf(now) },
        { op: "add", path: "/spec/releaseReason", value: reason },
        ...(kept ? [] : [{ op: "add", path: "/spec/reusableAt", value: reusableAt } as const]),
        ...retainPatch(held, kept),
    ]);
    return released !== undefined;
}

/** Retaining is said twice: in the spec, for those who read it, and by a finalizer, which holds a stray delete off. */
function retainPatch(held: Reservation, retain: boolean): JsonPatchOperation[] {
    return (held.spec.retain ?? false) === retain
        ? []
        : [
              ...memberPatch("/spec/retain", held.spec.retain, retain ? true : undefined),
              ...finalizerPatch(held, retain),
          ];
}

/** An object that somebody has deleted keeps its finalizers: it would be gone with the last, and the address free. */
function finalizerPatch(held: Reservation, retain: boolean): JsonPatchOperation[] {
    const { finalizers = [] } = held.metadata;
    if (isDeleted(held) || finalizers.includes(RETAINED) === retain) {
        return [];
    }
    const others = finalizers.filter((finalizer) => finalizer !== RETAINED);
    return [{ op: "add", path: "/metadata/finalizers", value: retain ? [...others, RETAINED] : others }];
}

/** Whether somebody has deleted the object, which its finalizers keep. */
function isDeleted({ metadata }: Reservation): boolean {
    return metadata.deletionTimestamp !== undefined;
}

/** A stack that got another name goes on with what it has. */
function managerPatch({ metadata, spec }: Reservation, owner: Owner): JsonPatchOperation[] {
    return spec.owner.manager === owner.manager
        ? []
        : [
              { op: "replace", path: "/spec/owner/manager", value: owner.manager },
              { op: "add", path: "/metadata/labels", value: { ...metadata.labels, ...labelsOf(spec.space, owner) } },
          ];
}

function memberPatch(path: string, before: unknown, after: unknown): JsonPatchOperation[] {
    if (before === after) {
        return [];
    }
    return after === undefined ? [{ op: "remove", path }] : [{ op: "add", path, value: after }];
}

/** RFC 3339, to the second. */
export function timeOf(date: Date): string {
    return `${date.toISOString().slice(0, 19)}Z`;
}

/** The address of a reservation. @throws ClusterError where it is none, which the object's own rules forbid */
export function addressOfReservation({ spec }: { spec: Pick<Reservation["spec"], "address"> }): Address {
    const address = parseAddress(spec.address);
    if (!address.ok) {
        throw new ClusterError("invalid", `A reservation has the address "${spec.address}": ${address.rule}.`);
    }
    return address.value;
}

/** Who has a reservation, and since when, for messages. */
export function holderOf({ spec, metadata }: Reservation): string {
    const since = spec.state === "Active" ? (spec.allocatedAt ?? metadata.creationTimestamp) : undefined;
    const rest =
        spec.state === "Active"
            ? ""
            : spec.retain === true
              ? ", which it is retained for"
              : `, and rests: reusable at ${spec.reusableAt ?? "once"}`;
    return `${ownerName(spec.owner.key)} of stack ${spec.owner.manager}${since === undefined ? "" : ` since ${since}`}${rest}`;
}

/** An owner's key as messages have it. */
export function ownerName(key: string): string {
    if (key.startsWith("owner:")) {
        return `"${key.slice("owner:".length)}"`;
    }
    const nic = nicOfOwner(key);
    return nic ? `NIC "${nic.nic}" of VM "${nic.namespace}/${nic.vm}"` : key;
}
