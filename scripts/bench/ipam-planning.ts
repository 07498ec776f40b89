import { KubeConfig } from "@kubernetes/client-node";
import { ClusterClient, type KubernetesObject, type ObjectList } from "../../cluster/client";
import { planFor } from "../../cluster/ipam/allocate";
import type { Reservation } from "../../cluster/ipam/objects";
import { AddressSpace } from "../../cluster/ipam/space";
import { type CompiledPool, compilePool } from "../../core/pool";
import { median, report } from "./figure";

const ROUNDS = 25;
/** A /24 has no more for them, with some taken. */
const OWNERS = 150;
const FEW = 50;
const MANY = 100_000;
const LIMIT = 1.5;
const MANAGER = "organization/benchmark/dev";
/** A number that has no factor with the size of either network, so that its multiples are spread and none comes twice. */
const STEP = 7_368_787;

/** A client that has nothing but reservations, and asks nobody for them. */
class ClientOf extends ClusterClient {
    constructor(private readonly reservations: Reservation[]) {
        super(new KubeConfig());
    }

    public override async list<T extends KubernetesObject>(): Promise<ObjectList<T>> {
        return Promise.resolve({ metadata: {}, items: this.reservations as KubernetesObject[] as T[] });
    }
}

/**
 * How long the choice of an address takes where 100,000 are taken, beside a pool where few are. Not part of that is what
 * is done once in a run: to read what is taken.
 */
export async function planning(): Promise<boolean> {
    const owners = Array.from({ length: OWNERS }, (_, index) => `bench/vm-${String(index)}/eth1`);
    const few = compilePool({ name: "few", space: "bench", blocks: [{ cidr: "10.0.0.0/24" }] });
    const many = compilePool({ name: "many", space: "bench", blocks: [{ cidr: "10.0.0.0/8" }] });
    const [takenOfFew, takenOfMany] = [taken(few, FEW, 8), taken(many, MANY, 24)];
    const readings: number[] = [];
    const ofFew: number[] = [];
    const ofMany: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
        const left = await plan(few, takenOfFew, owners);
        const right = await plan(many, takenOfMany, owners);
        if (round > 0) {
            ofFew.push(left.each);
            ofMany.push(right.each);
            readings.push(right.reading);
        }
    }
    const ratio = median(ofMany.map((each, round) => each / (ofFew[round] ?? NaN)));
    report({ bench: "ipam", name: "reading-of-100000-taken", value: median(readings), unit: "ms" });
    report({ bench: "ipam", name: "plan-of-address-in-24-with-50-taken", value: median(ofFew), unit: "us" });
    return report({
        bench: "ipam",
        name: "plan-of-address-in-8-with-100000-taken",
        value: median(ofMany),
        unit: "us",
        ratio,
        limit: LIMIT,
    });
}

/** Milliseconds to read what is taken, and microseconds to plan an address for each owner. */
async function plan(
    pool: CompiledPool,
    reservations: Reservation[],
    owners: readonly string[],
): Promise<{ reading: number; each: number }> {
    const start = performance.now();
    const space = await AddressSpace.of(new ClientOf(reservations), "bench");
    planFor(space, { pool, owner: { key: "bench/first", manager: MANAGER } });
    const read = performance.now();
    for (const key of owners) {
        if (!planFor(space, { pool, owner: { key, manager: MANAGER } })) {
            throw new Error(`The pool "${pool.spec.name}" is full.`);
        }
    }
    return { reading: read - start, each: ((performance.now() - read) * 1000) / owners.length };
}

/** Reservations of addresses all over the pool, of other owners. */
function taken(pool: CompiledPool, count: number, bits: number): Reservation[] {
    return Array.from({ length: count }, (_, index) => {
        const number = ((index + 1) * STEP) % 2 ** bits;
        const address = `10.${[16, 8, 0].map((shift) => String((number >> shift) & 255)).join(".")}`;
        return {
            metadata: { name: `bench.v4-${address}` },
            spec: {
                address,
                family: "IPv4",
                space: "bench",
                pool: pool.spec.name,
                state: "Active",
                allocationId: String(index),
                owner: { key: `taken/vm-${String(index)}/eth1`, manager: MANAGER },
            },
        };
    });
}
