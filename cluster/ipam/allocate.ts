import type { Address, Family } from "../../core/ip";
import { checkStaticAddress, defaultFamily, whyNoAddress, type CompiledPool } from "../../core/pool";
import { errorsOf } from "../../core/problem";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { addressOfReservation, holderOf, isOpenTo, ownerName, release, take, type Taken } from "./ledger";
import type { Owner, Reservation } from "./objects";
import { AddressSpace } from "./space";

/** An address of a pool, wanted for an owner. */
export interface AddressRequest {
    readonly pool: CompiledPool;
    readonly owner: Owner;
    /** @default IPv4 where the pool has any */
    readonly family?: Family;
    readonly macAddress?: string;
    /** `namespace/name` of the NetworkAttachmentDefinition on which a NIC is to use it. */
    readonly network?: string;
    /** Keep the address for its owner when it is released. @default false */
    readonly retain?: boolean;
    /** Also take over what another stack has reserved for the same owner. @default false */
    readonly adopt?: boolean;
    /**
     * Is asked, once an address is reserved, who uses it by now without a reservation; one that is new is then left to them.
     * @default nobody is asked
     */
    readonly userOf?: (reservation: Reservation) => Promise<string | undefined>;
}

/** Others may be faster this often before an allocation is given up. */
const MAX_LOSSES = 256;

/** The CRDs take no longer reason. */
const MAX_REASON = 200;

/** Is told of an address that was planned for an owner, and why the owner does not get it: "went to ...". */
export type Lost = (address: Address, why: string) => void;

const underWay = new WeakMap<AddressSpace, Map<string, Promise<Reservation>>>();

/**
 * The address that an owner's request gets, as far as the cluster is known: what it has already, what was planned for it
 * in this process, or the choice by its hash. It is claimed by that.
 * @param losses how often others were faster so far
 * @returns undefined where the pool is full
 */
export function planFor(space: AddressSpace, request: AddressRequest, losses = 0): Address | undefined {
    const { pool, owner, family = defaultFamily(pool) } = request;
    const planned = space.planOf(owner.key, family);
    // Where others were faster, the next try is anywhere: those behind an address are what they try next, too.
    const seed = losses === 0 ? owner.key : `${owner.key} ${String(losses)}`;
    const address =
        ownAddress(space, request, family) ??
        (planned && pool.usable[family].contains(planned.value) && !space.isForeign(planned, owner.key)
            ? planned
            : undefined) ??
        // What its NIC has already (its reservation was removed by hand) is what it is to have.
        space.usedBy(owner.key).find((used) => pool.automatic[family].contains(used.value)) ??
        (pool.spec.disabled === true ? undefined : space.choiceOf(pool, seed, family));
    if (address) {
        space.plan(owner.key, address);
    }
    return address;
}

/** What the owner has of the pool already, where it may take that up again. */
function ownAddress(
    space: AddressSpace,
    { pool, owner, adopt }: AddressRequest,
    family: Family,
    isMeant: (reservation: Reservation) => boolean = () => true,
): Address | undefined {
    return space
        .holdingsOf(owner.key)
        .filter(
            (each) =>
                each.spec.pool === pool.spec.name &&
                isOpenTo(each, { owner, ...(adopt && { adopt }) }, new Date(0)) &&
                isMeant(each),
        )
        .map(addressOfReservation)
        .find((address) => address.family === family && errorsOf(checkStaticAddress(pool, address.text)).length === 0);
}

/**
 * Reserves an address of a pool for an owner: the planned one, and where another writer was faster the next. One owner
 * has one address of a family in a pool, also where several processes ask for it at once.
 * @param lost is told of each planned address that it did not get, and why
 * @throws ClusterError where the pool is full, or the cluster refuses
 */
export async function allocate(client: ClusterClient, request: AddressRequest, lost?: Lost): Promise<Reservation> {
    const space = await AddressSpace.of(client, request.pool.spec.space);
    const key = `${request.owner.key} ${String(request.family ?? defaultFamily(request.pool))}`;
    const pending = underWay.get(space) ?? new Map<string, Promise<Reservation>>();
    underWay.set(space, pending);
    const allocation =
        pending.get(key) ??
        space.whileAllocating(async () => allocateIn(client, space, request, lost)).finally(() => pending.delete(key));
    pending.set(key, allocation);
    return allocation;
}

async function allocateIn(
    client: ClusterClient,
    space: AddressSpace,
    request: AddressRequest,
    lost: Lost | undefined,
): Promise<Reservation> {
    const { pool, owner, family = defaultFamily(pool) } = request;
    let planned = planFor(space, request);
    for (let losses = 0; losses < MAX_LOSSES; losses += 1) {
        if (!planned) {
            // Full is a pool only by what the cluster says now.
            await space.reload();
            planned = planFor(space, request, losses);
            if (!planned) {
                throw noneLeft(space, request, family);
            }
        }
        const claim = {
            ...request,
            space: space.name,
            address: planned,
            pool: pool.spec.name,
            origin: "Auto",
        } as const;
        const taken = await take(client, claim, space.isKnown(planned));
        space.note(taken.reservation);
        space.forgetPlan(owner.key, family);
        const why = await whyNot(client, space, request, taken);
        if (why === undefined) {
            return taken.reservation;
        }
        lost?.(planned, why);
        planned = planFor(space, request, losses + 1);
    }
    throw new ClusterError(
        "failed",
        `Others were faster ${String(MAX_LOSSES)} times; no address of IPPool "${pool.spec.name}" for ${ownerName(owner.key)}.`,
    );
}

/** Why the owner does not have what was to be taken for it; what has just been reserved in vain is given back. */
async function whyNot(
    client: ClusterClient,
    space: AddressSpace,
    request: AddressRequest,
    { won, begins = false, reservation }: Taken,
): Promise<string | undefined> {
    if (!won) {
        // Where one was faster there are more to come: what they have is not tried.
        await space.catchUp(reservation);
        return `went to ${holderOf(reservation)}`;
    }
    const user = await userMeanwhile(client, reservation, begins, request.userOf);
    if (user !== undefined) {
        space.giveUp(reservation, user);
        return `went to ${user}`;
    }
    const earlier = begins ? await earlierOne(client, space, request, reservation) : undefined;
    if (earlier) {
        space.forget(reservation);
        return `is not needed, as another run gave it ${earlier.text} at the same time`;
    }
    return undefined;
}

/**
 * What another process had reserved for the same owner when this one did, which did not know it yet: the first of the two
 * stays, and the one that has just been reserved is given back.
 */
async function earlierOne(
    client: ClusterClient,
    space: AddressSpace,
    request: AddressRequest,
    reservation: Reservation,
): Promise<Address | undefined> {
    const version = versionOf(reservation);
    const { family } = addressOfReservation(reservation);
    try {
        await space.catchUp(reservation);
        const earlier = ownAddress(space, request, family, (each) => versionOf(each) < version);
        if (earlier) {
            await giveBack(client, reservation, `its owner had ${earlier.text} already`);
        }
        return earlier;
    } catch (error) {
        await giveBack(client, reservation, "it could not be confirmed").catch(() => undefined);
        throw error;
    }
}

function versionOf({ metadata }: Reservation): bigint {
    return BigInt(metadata.resourceVersion ?? 0);
}

/**
 * Who uses an address without a reservation that has just been reserved; it is then given back, as it is where nobody can
 * tell. A tenancy that goes on does so: what its owner uses is not taken from it.
 */
export async function userMeanwhile(
    client: ClusterClient,
    reservation: Reservation,
    begins: boolean,
    userOf: AddressRequest["userOf"],
): Promise<string | undefined> {
    try {
        const user = await userOf?.(reservation);
        if (user === undefined || !begins) {
            return undefined;
        }
        await giveBack(client, reservation, `it is in use by ${user}`);
        return user;
    } catch (error) {
        if (begins) {
            // What went wrong first is what the user is told; a reservation that stays is taken up by the next run.
            await giveBack(client, reservation, "it could not be confirmed").catch(() => undefined);
        }
        throw error;
    }
}

/** Ends a tenancy with no rest: to others it makes no difference. */
async function giveBack(client: ClusterClient, { spec }: Reservation, why: string): Promise<void> {
    const { space, allocationId } = spec;
    const reason = why.slice(0, MAX_REASON);
    await release(client, { space, address: addressOfReservation({ spec }) }, { allocationId, reason, retain: false });
}

function noneLeft(space: AddressSpace, { pool, owner }: AddressRequest, family: Family): ClusterError {
    const { rule, remedy } = whyNoAddress(pool, space.usedIn(pool), family);
    return new ClusterError(
        "failed",
        `IPPool "${pool.spec.name}" has no address for ${ownerName(owner.key)}: ${rule}; ${remedy}.`,
    );
}
