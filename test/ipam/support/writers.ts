import { randomUUID } from "node:crypto";
import { ClusterClient } from "../../../cluster/client";
import { loadKubeConfig } from "../../../cluster/connection";
import { allocate } from "../../../cluster/ipam/allocate";
import { labelsOf } from "../../../cluster/ipam/ledger";
import type { Owner, Reservation } from "../../../cluster/ipam/objects";
import { IP_RESERVATION } from "../../../cluster/kinds";
import { compilePool, type PoolSpec } from "../../../core/pool";
import { inParallel } from "../../../scripts/parallel";

/** Addresses that several writers want at the same time, each for owners of its own. */
export interface Job {
    readonly kubeconfig: string;
    readonly pool: PoolSpec;
    readonly manager: string;
    /** The owners of each writer. */
    readonly writers: readonly (readonly string[])[];
    /** How many addresses a writer asks for at a time. */
    readonly atOnce: number;
    /**
     * Create objects of the same size instead, with addresses that each writer knows beforehand (the number of a writer's
     * first one): what can be done with nobody to choose.
     */
    readonly bare?: readonly number[];
}

/** What came of a job. */
export interface Outcome {
    /** By owner. */
    readonly addresses: Record<string, string>;
    /** The messages of the allocations that failed, by owner. */
    readonly failures: Record<string, string>;
    /** Requests by their method, and how many addresses others were faster to take. */
    readonly requests: Record<string, number>;
    readonly lost: number;
}

/** A client that counts what it sends. */
export class CountingClient extends ClusterClient {
    public readonly requests: Record<string, number> = {};

    public override async request<T>(...args: Parameters<ClusterClient["request"]>): Promise<T> {
        this.requests[args[0]] = (this.requests[args[0]] ?? 0) + 1;
        return super.request<T>(...args);
    }
}

/** Does a job: each writer has a client of its own, and with it nothing in common with the others but the cluster. */
export async function runJob(job: Job, onAllocated: () => void = () => undefined): Promise<Outcome> {
    const { kubeconfig, manager, writers, atOnce } = job;
    const pool = compilePool(job.pool);
    const addresses: Record<string, string> = {};
    const failures: Record<string, string> = {};
    const requests: Record<string, number> = {};
    let lost = 0;
    await Promise.all(
        writers.map(async (owners, writer) => {
            const client = new CountingClient(loadKubeConfig({ kubeconfig }));
            const first = job.bare?.[writer];
            await inParallel(atOnce, [...owners.entries()], async ([index, key]) => {
                try {
                    const owner = { key, manager };
                    const { spec } =
                        first === undefined
                            ? await allocate(client, { pool, owner }, () => (lost += 1))
                            : await client.create(IP_RESERVATION, bareObject(job.pool, owner, first + index));
                    addresses[key] = spec.address;
                    onAllocated();
                } catch (error) {
                    failures[key] = error instanceof Error ? error.message : String(error);
                }
            });
            for (const [method, count] of Object.entries(client.requests)) {
                requests[method] = (requests[method] ?? 0) + count;
            }
        }),
    );
    return { addresses, failures, requests, lost };
}

/** An object as `allocate` makes them. */
function bareObject({ name, space }: PoolSpec, owner: Owner, number: number): Reservation {
    const address = `10.${String((number >> 16) & 255)}.${String((number >> 8) & 255)}.${String(number & 255)}`;
    return {
        apiVersion: `${IP_RESERVATION.group}/${IP_RESERVATION.version}`,
        kind: IP_RESERVATION.kind,
        metadata: { name: `${space}.v4-${address}`, labels: labelsOf(space, owner) },
        spec: {
            address,
            family: "IPv4",
            space,
            state: "Active",
            origin: "Auto",
            allocationId: randomUUID(),
            allocatedAt: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
            owner,
            pool: name,
        },
    };
}
