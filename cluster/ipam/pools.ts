import { compilePool, type CompiledPool, type PoolSpec } from "../../core/pool";
import type { ClusterClient } from "../client";
import { IP_POOL } from "../kinds";
import { Remembered } from "../remembered";
import type { PoolObject } from "./objects";

const compiled = new Map<string, CompiledPool>();

/** The pool as address sets; the same object for the same declaration. @throws Error where the pool is not valid */
export function compiledPool(spec: PoolSpec): CompiledPool {
    const key = JSON.stringify(spec);
    const pool = compiled.get(key) ?? compilePool(spec);
    compiled.set(key, pool);
    return pool;
}

/** A pool of the cluster, or `undefined` where it has none of that name. */
export async function findPool(client: ClusterClient, name: string): Promise<PoolObject | undefined> {
    return client.find<PoolObject>(IP_POOL, undefined, name);
}

/** What a pool object declares. */
export function specOfPool({ metadata, spec }: PoolObject): PoolSpec {
    return { ...spec, name: metadata.name };
}

const listed = new Remembered<PoolSpec[]>();

/** The pools of the cluster, read once in a run. */
export async function allPools(client: ClusterClient): Promise<PoolSpec[]> {
    return listed.get(client, "", async () => (await client.list<PoolObject>(IP_POOL)).items.map(specOfPool));
}

const graces = new Remembered<number>();

/** How long an address of a pool rests after its release, as the pool says now: read once in a run. */
export async function graceOf(client: ClusterClient, pool: string | undefined): Promise<number> {
    return pool === undefined
        ? 0
        : graces.get(client, pool, async () => (await findPool(client, pool))?.spec.releaseGraceSeconds ?? 0);
}
