import type { Address, Family } from "../../core/ip";
import { checkStaticAddress, defaultFamily, whyNoAddress, type CompiledPool } from "../../core/pool";
import { errorsOf } from "../../core/problem";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { addressOfReservation, holderOf, isOpenTo, ownerName, release, take, type Taken } from "./ledger";
import { type Owner, type Reservation, versionOf } from "./objects";
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
        .toSorted((a, b) => Number(space.beganAt(a) - space.beganAt(b)))
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
    const { pool, owner, family = defaultFamily(pool) } = request;
    const key = `${owner.key} ${String(family)} ${pool.spec.name}`;
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
        const known = new Set(space.holdingsOf(owner.key).map(({ spec }) => spec.address));
        const taken = await take(client, claim, space.isKnown(planned));
        space.note(taken.reservation);
        space.forgetPlan(owner.key, family);
        const why = await whyNot(client, space, { ...request, known }, taken);
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

/** A request, and the addresses that its owner was known to have when one was chosen for it. */
interface ChosenRequest extends AddressRequest {
    readonly known: ReadonlySet<string>;
}

/** Why the owner does not have what was to be taken for it; what has just been reserved in vain is given back. */
async function whyNot(
    client: ClusterClient,
    space: AddressSpace,
    request: ChosenRequest,
    taken: Taken,
): Promise<string | undefined> {
    const { won, begins, reservation } = taken;
    if (!won) {
        // Where one was faster there are more to come: what they have is not tried.
        await space.catchUp(reservation);
        return `went to ${holderOf(reservation)}`;
    }
    const user = await userMeanwhile(client, taken, request.userOf);
    if (user !== undefined) {
        space.giveUp(reservation, user);
        return `went to ${user}`;
    }
    const earlier = begins === true ? await earlierOne(client, space, request, taken) : undefined;
    return earlier && `is not needed, as another run gave it ${earlier.text} at the same time`;
}

/**
 * What another process had reserved for the same owner when this one did, which did not know it yet: the first of the two
 * stays, and the one that has just been reserved is given back.
 */
async function earlierOne(
    client: ClusterClient,
    space: AddressSpace,
    request: ChosenRequest,
    taken: Taken,
): Promise<Address | undefined> {
    const { reservation } = taken;
    const { family } = addressOfReservation(reservation);
    const version = versionOf(reservation);
    try {
        await space.catchUp(reservation);
    } catch (error) {
        space.forget(reservation);
        await giveBack(client, taken, "it could not be confirmed").catch(() => undefined);
        throw error;
    }
    const earlier = ownAddress(
        space,
        request,
        family,
        (each) => !request.known.has(each.spec.address) && space.beganAt(each) < version,
    );
    if (earlier) {
        space.forget(reservation);
        await giveBack(client, taken, `its owner had ${earlier.text} already`);
    }
    return earlier;
}

/**
 * Who uses an address without a reservation that has just been reserved; it is then given back, as it is where nobody can
 * tell. A tenancy that goes on does so: what its owner uses is not taken from it.
 */
export async function userMeanwhile(
    client: ClusterClient,
    taken: Taken,
    userOf: AddressRequest["userOf"],
): Promise<string | undefined> {
    try {
        const user = await userOf?.(taken.reservation);
        if (user === undefined || taken.begins !== true) {
            return undefined;
        }
        await giveBack(client, taken, `it is in use by ${user}`);
        return user;
    } catch (error) {
        if (taken.begins === true) {
            // What went wrong first is what the user is told; a reservation that stays is taken up by the next run.
            await giveBack(client, taken, "it could not be confirmed").catch(() => undefined);
        }
        throw error;
    }
}

/** Ends a tenancy as if it had not begun: what rested for its owner, or was kept for it, does so again. */
async function giveBack(client: ClusterClient, { reservation, before }: Taken, why: string): Promise<void> {
    const { space, allocationId, owner } = reservation.spec;
    const own = before?.spec.owner.key === owner.key ? before.spec : undefined;
    const restMs = Date.parse(own?.reusableAt ?? "") - client.serverNow().getTime();
    await release(
        client,
        { space, address: addressOfReservation(reservation) },
        {
            allocationId,
            reason: why.slice(0, MAX_REASON),
            retain: own?.retain === true,
            ...(restMs > 0 && { graceSeconds: Math.ceil(restMs / 1000) }),
        },
    );
}

function noneLeft(space: AddressSpace, { pool, owner }: AddressRequest, family: Family): ClusterError {
    const { rule, remedy } = whyNoAddress(pool, space.usedIn(pool), family);
    return new ClusterError(
        "failed",
        `IPPool "${pool.spec.name}" has no address for ${ownerName(owner.key)}: ${rule}; ${remedy}.`,
    );
}
