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
const TAKEN = 100_000;
const TAKEN_IN_SMALL = 50;
const LIMIT = 1.5;
const MANAGER = "organization/benchmark/dev";
/** A prime that does not divide what is left of the /8, so that its multiples are spread and none comes twice. */
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
 * How long the choice of an address takes in a space where 100,000 are taken: of a /8, beside a /24 of the same space. Not
 * part of that is what is done once in a run: to read what is taken.
 */
export async function planning(): Promise<boolean> {
    const owners = Array.from({ length: OWNERS }, (_, index) => `bench/vm-${String(index)}/eth1`);
    const small = compilePool({ name: "small", space: "bench", blocks: [{ cidr: "10.0.0.0/24" }] });
    const large = compilePool({ name: "large", space: "bench", blocks: [{ cidr: "10.0.0.0/8" }] });
    // As many of the small one as leave room for all owners, and the others all over the large one.
    const inSmall = Array.from({ length: TAKEN_IN_SMALL }, (_, index) => reservation(small, 2 + index));
    const inLarge = Array.from({ length: TAKEN - TAKEN_IN_SMALL }, (_, index) =>
        reservation(large, 256 + (((index + 1) * STEP) % (2 ** 24 - 512))),
    );
    const reservations = [...inSmall, ...inLarge];
    const readings: number[] = [];
    const ofSmall: number[] = [];
    const ofLarge: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
        const left = await plan(small, reservations, owners);
        const right = await plan(large, reservations, owners);
        if (round > 0) {
            ofSmall.push(left.each);
            ofLarge.push(right.each);
            readings.push(right.reading);
        }
    }
    const ratio = median(ofLarge.map((each, round) => each / (ofSmall[round] ?? NaN)));
    const figure = { bench: "ipam", unit: "us" };
    report({ bench: "ipam", name: "reading-of-100000-taken", value: median(readings), unit: "ms" });
    report({ ...figure, name: "plan-of-address-in-24-with-100000-taken", value: median(ofSmall) });
    return report({
        ...figure,
        name: "plan-of-address-in-8-with-100000-taken",
        value: median(ofLarge),
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

/** The reservation of another owner, of the address that comes so many after 10.0.0.0. */
function reservation(pool: CompiledPool, number: number): Reservation {
    const address = `10.${[16, 8, 0].map((shift) => String((number >> shift) & 255)).join(".")}`;
    return {
        metadata: { name: `bench.v4-${address}` },
        spec: {
            address,
            family: "IPv4",
            space: "bench",
            pool: pool.spec.name,
            state: "Active",
            allocationId: String(number),
            owner: { key: `taken/vm-${String(number)}/eth1`, manager: MANAGER },
        },
    };
}
