import type { ClusterClient } from "../../cluster/client";
import { allPools, findPool, specOfPool } from "../../cluster/ipam/pools";
import type { PoolObject } from "../../cluster/ipam/objects";
import { Remembered } from "../../cluster/remembered";
import type { PoolSpec } from "../../core/pool";
import type { Problem } from "../../core/problem";
import { at, type AddressPlace } from "./place";

const found = new Remembered<PoolObject | undefined>();

/** The pool as declared, or read from the cluster, once in a run; or what is wrong with it there. */
export async function resolvePool(
    client: ClusterClient | undefined,
    pool: PoolSpec | string,
    place: AddressPlace,
): Promise<PoolSpec | Problem | undefined> {
    const declared = typeof pool === "string" ? undefined : pool;
    if (!client) {
        return declared;
    }
    const name = typeof pool === "string" ? pool : pool.name;
    const object = await found.get(client, name, async () => findPool(client, name));
    if (object?.metadata.deletionTimestamp !== undefined) {
        return {
            ...at(place, "pool"),
            value: name,
            rule: "the pool is being deleted, and gives out no further address",
            remedy: "name another pool, or wait until it is gone and declare it anew",
        };
    }
    if (declared) {
        return declared;
    }
    if (object) {
        return specOfPool(object);
    }
    const names = (await allPools(client)).map((each) => each.name);
    return {
        ...at(place, "pool"),
        value: name,
        rule: names.length === 0 ? "the cluster has no IPPool at all" : "the cluster has no such IPPool",
        remedy: names.length === 0 ? "declare one" : `name one that it has (${names.join(", ")}), or declare one`,
    };
}
