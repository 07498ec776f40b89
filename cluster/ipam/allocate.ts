import type { Address, Family } from "../../core/ip";
import { checkStaticAddress, defaultFamily, whyNoAddress, type CompiledPool } from "../../core/pool";
import { errorsOf } from "../../core/problem";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { addressOfReservation, isOpenTo, ownerName, take } from "./ledger";
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
}

/** Lost races after which the reservations are read anew; after each one where few addresses are left. */
const LOSSES_PER_LISTING = 4;

/** Others may be faster this often before an allocation is given up. */
const MAX_LOSSES = 256;

const underWay = new WeakMap<AddressSpace, Map<string, Promise<Reservation>>>();

/**
 * The address that an owner's request gets, as far as the cluster is known: what it has already, what was planned for it
 * in this process, or the choice by its hash. It is claimed by that.
 * @returns undefined where the pool is full
 */
export function planFor(space: AddressSpace, request: AddressRequest): Address | undefined {
    const { pool, owner, family = defaultFamily(pool) } = request;
    const address =
        ownAddress(space, request, family) ??
        space.planOf(owner.key, family) ??
        (pool.spec.disabled === true ? undefined : space.choiceOf(pool, owner.key, family));
    if (address) {
        space.plan(owner.key, address);
    }
    return address;
}

/** What the owner has of the pool already, where it may take that up again. */
function ownAddress(space: AddressSpace, { pool, owner, adopt }: AddressRequest, family: Family): Address | undefined {
    return space
        .holdingsOf(owner.key)
        .filter(
            (each) =>
                each.spec.pool === pool.spec.name && isOpenTo(each, { owner, ...(adopt && { adopt }) }, new Date(0)),
        )
        .map(addressOfReservation)
        .find((address) => address.family === family && errorsOf(checkStaticAddress(pool, address.text)).length === 0);
}

/**
 * Reserves an address of a pool for an owner: the planned one, and where another writer was faster the next. One owner
 * has one address of a family in a space, also where it asks for it several times at once.
 * @param lost is told of each address that went to another, with its reservation
 * @throws ClusterError where the pool is full, or the cluster refuses
 */
export async function allocate(
    client: ClusterClient,
    request: AddressRequest,
    lost?: (address: Address, winner: Reservation) => void,
): Promise<Reservation> {
    const space = await AddressSpace.of(client, request.pool.spec.space);
    const key = `${request.owner.key} ${String(request.family ?? defaultFamily(request.pool))}`;
    const pending = underWay.get(space) ?? new Map<string, Promise<Reservation>>();
    underWay.set(space, pending);
    const allocation = pending.get(key) ?? allocateIn(client, space, request, lost).finally(() => pending.delete(key));
    pending.set(key, allocation);
    return allocation;
}

async function allocateIn(
    client: ClusterClient,
    space: AddressSpace,
    request: AddressRequest,
    lost: ((address: Address, winner: Reservation) => void) | undefined,
): Promise<Reservation> {
    const { pool, owner, family = defaultFamily(pool) } = request;
    let planned = planFor(space, request);
    for (let losses = 0; losses < MAX_LOSSES; losses += 1) {
        if (!planned) {
            // Full is a pool only by what the cluster says now.
            await space.reload();
            planned = planFor(space, request);
            if (!planned) {
                throw noneLeft(space, request, family);
            }
        }
        const { won, reservation } = await take(client, {
            ...request,
            space: space.name,
            address: planned,
            pool: pool.spec.name,
            origin: "Auto",
        });
        if (won) {
            space.note(reservation);
            return reservation;
        }
        lost?.(planned, reservation);
        space.note(reservation);
        space.forgetPlan(owner.key, family);
        if ((losses + 1) % LOSSES_PER_LISTING === 0 || isScarce(space, pool, family)) {
            await space.reload();
        }
        planned = planFor(space, request);
    }
    throw new ClusterError(
        "failed",
        `Others were faster ${String(MAX_LOSSES)} times; no address of IPPool "${pool.spec.name}" for ${ownerName(owner.key)}.`,
    );
}

/** Few enough that most guesses by an old list are wrong. */
function isScarce(space: AddressSpace, pool: CompiledPool, family: Family): boolean {
    return space.freeCount(pool, family) * 10n < pool.automatic[family].size;
}

function noneLeft(space: AddressSpace, { pool, owner }: AddressRequest, family: Family): ClusterError {
    const { rule, remedy } = whyNoAddress(pool, space.usedIn(pool), family);
    return new ClusterError(
        "failed",
        `IPPool "${pool.spec.name}" has no address for ${ownerName(owner.key)}: ${rule}; ${remedy}.`,
    );
}
