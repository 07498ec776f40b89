import { familyName, parseAddress, type Family } from "../../core/ip";
import { compilePool, type CompiledPool } from "../../core/pool";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { IP_POOL, IP_RESERVATION } from "../kinds";
import type { PoolObject, Reservation } from "./objects";
import { specOfPool } from "./pools";
import { listed, one, selectorsOf, stateOf, type TenancyState } from "./query";

/** How far the addresses of one family of a pool are used; `total` is the sum of `active`, `retained`, `quarantined` and `free`. */
export interface PoolUsage {
    /** Name of the IPPool. */
    readonly pool: string;
    /** The scope in which its addresses are unique. */
    readonly space: string;
    /** Of the addresses that are counted; a pool of both has two counts. */
    readonly family: "IPv4" | "IPv6";
    /** Addresses that may be given out, automatically or by name. */
    readonly total: bigint;
    /** Of `total`, in use; also by an owner that has the address from another pool of the space. */
    readonly active: bigint;
    /** Of `total`, released and kept for their owners. */
    readonly retained: bigint;
    /** Of `total`, released and at rest until another may have them. */
    readonly quarantined: bigint;
    /** Of `total`, nobody's. */
    readonly free: bigint;
    /** Of `free`, given only to those who ask for them by name (the static band and the pool's DNS servers). */
    readonly staticOnly: bigint;
    /** Beside `total`: taken from the pool before it was changed, and held although it would not give them out any more. */
    readonly outside: bigint;
    /** Whether nothing is chosen from the pool at present. */
    readonly disabled: boolean;
}

interface Held {
    readonly value: bigint;
    readonly family: Family;
    readonly pool: string | undefined;
    readonly state: Exclude<TenancyState, "Ended" | "Reusable">;
}

/**
 * The use of a pool, or of all, per family of its blocks: in the order of their names, IPv4 first.
 * @param invalid is told of each pool that was edited into one that gives out nothing, and why; without it, such a pool
 * is an error
 * @throws ClusterError `not-found` for a pool that there is not, `invalid` for one that gives out nothing, or as `lookup`
 */
export async function usage(
    client: ClusterClient,
    pool?: string,
    invalid?: (pool: string, problem: string) => void,
): Promise<PoolUsage[]> {
    const pools = pool === undefined ? await listed<PoolObject>(client, IP_POOL) : await poolNamed(client, pool);
    const [only] = pools;
    const selectors = pool !== undefined && only ? selectorsOf({ space: only.spec.space }) : {};
    const reservations = await listed<Reservation>(client, IP_RESERVATION, selectors);
    const held = heldBySpace(reservations, client.serverNow());
    return pools
        .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .flatMap((object) => {
            const compiled = compiledOf(object, invalid);
            return compiled ? usageOf(compiled, held.get(object.spec.space) ?? []) : [];
        });
}

async function poolNamed(client: ClusterClient, name: string): Promise<PoolObject[]> {
    const found = await one<PoolObject>(client, IP_POOL, name);
    if (found.length === 0) {
        const pools = await listed<PoolObject>(client, IP_POOL);
        const names = pools.map(({ metadata }) => metadata.name).sort();
        throw new ClusterError(
            "not-found",
            `There is no IPPool ${JSON.stringify(name)} on the cluster at ${client.server}, only: ${names.join(", ") || "none"}.`,
        );
    }
    return found;
}

function compiledOf(
    object: PoolObject,
    invalid: ((pool: string, problem: string) => void) | undefined,
): CompiledPool | undefined {
    try {
        return compilePool(specOfPool(object));
    } catch (cause) {
        const problem = cause instanceof Error ? cause.message : String(cause);
        if (!invalid) {
            throw new ClusterError("invalid", problem, { cause });
        }
        invalid(object.metadata.name, problem);
        return undefined;
    }
}

/** What is held in each space; what anybody may have is not. */
function heldBySpace(reservations: readonly Reservation[], now: Date): Map<string, Held[]> {
    const spaces = new Map<string, Held[]>();
    for (const reservation of reservations) {
        const { space, address, pool } = reservation.spec;
        const parsed = parseAddress(address);
        const state = stateOf(reservation, now);
        if (parsed.ok && state !== "Reusable") {
            const held = spaces.get(space) ?? [];
            held.push({ value: parsed.value.value, family: parsed.value.family, pool, state });
            spaces.set(space, held);
        }
    }
    return spaces;
}

function usageOf(pool: CompiledPool, held: readonly Held[]): PoolUsage[] {
    const { spec, usable, automatic, families } = pool;
    return ([4, 6] as const).flatMap((family) => {
        const ofFamily = held.filter((each) => each.family === family);
        const inside = ofFamily.filter(({ value }) => usable[family].contains(value));
        const outside = ofFamily.filter((each) => each.pool === spec.name && !usable[family].contains(each.value));
        if (!families.includes(family) && outside.length === 0) {
            return [];
        }
        const count = (state: Held["state"]): bigint => BigInt(inside.filter((each) => each.state === state).length);
        const choosable = BigInt(inside.filter(({ value }) => automatic[family].contains(value)).length);
        const total = usable[family].size;
        const free = total - BigInt(inside.length);
        return [
            {
                pool: spec.name,
                space: spec.space,
                family: familyName(family),
                total,
                active: count("Active"),
                retained: count("Retained"),
                quarantined: count("Quarantined"),
                free,
                staticOnly: free - (automatic[family].size - choosable),
                outside: BigInt(outside.length),
                disabled: spec.disabled ?? false,
            },
        ];
    });
}
