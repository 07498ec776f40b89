import { after } from "mocha";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { IP_HISTORY, IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import { labelsOf } from "../../cluster/ipam/ledger";
import type { PastTenancy, PoolObject, Reservation } from "../../cluster/ipam/objects";
import { testKubeconfig } from "../support/embedded-cluster";

/** A client that keeps what it asked for, and how many objects it was sent. */
export class RecordingClient extends ClusterClient {
    /** `GET /path?query`, and the number of objects in the answer. */
    public readonly asked: { request: string; objects: number }[] = [];

    public override async request<T>(...args: Parameters<ClusterClient["request"]>): Promise<T> {
        const [method, path, options] = args;
        const query = new URLSearchParams(options?.query).toString();
        const answer = await super.request<T>(...args);
        const { items } = answer as { items?: unknown[] };
        this.asked.push({ request: `${method} ${path}${query && `?${query}`}`, objects: items?.length ?? 1 });
        return answer;
    }
}

/** A client of the test cluster. */
export async function recordingClient(): Promise<RecordingClient> {
    return new RecordingClient(loadKubeConfig({ kubeconfig: await testKubeconfig() }));
}

/** RFC 3339, to the second: so many seconds before now, by the server's clock. */
export function ago(client: ClusterClient, seconds: number): string {
    return new Date(client.serverNow().getTime() - seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

type ReservationSpec = Reservation["spec"];
type ReservationParts = Partial<Omit<ReservationSpec, "owner">> & { address: string; owner: string };
type PastParts = Partial<Omit<PastTenancy["spec"], "owner">> & {
    address: string;
    owner: string;
    from: string;
    to: string;
};

const MANAGER = "acme/shop/prod";

/** Writes reservations and records of past ones as they are in a cluster, and removes them after the suite's tests. */
export class AddressRecords {
    private readonly names: [typeof IP_POOL, string][] = [];
    private allocations = 0;

    constructor(
        public readonly client: ClusterClient,
        public readonly space: string,
    ) {}

    /** Makes a pool of the space (or of another). */
    public async pool(name: string, spec: Omit<PoolObject["spec"], "space"> & { space?: string }): Promise<void> {
        await this.create<PoolObject>(IP_POOL, { metadata: { name }, spec: { space: this.space, ...spec } });
    }

    /** Makes a reservation. `labels` replaces what the labels would be. */
    public async reserve(parts: ReservationParts, labels?: Record<string, string>): Promise<void> {
        const { space = this.space, address, owner: key, ...others } = parts;
        const owner = { key, manager: MANAGER };
        const isIPv6 = address.includes(":");
        await this.create<Reservation>(IP_RESERVATION, {
            metadata: {
                name: isIPv6 ? `${space}.v6-${address.replaceAll(":", "-")}-z` : `${space}.v4-${address}`,
                labels: labels ?? labelsOf(space, owner),
            },
            spec: {
                address,
                family: isIPv6 ? "IPv6" : "IPv4",
                space,
                state: "Active",
                allocationId: this.allocation(),
                allocatedAt: ago(this.client, 60),
                ...others,
                owner,
            },
        });
    }

    /** Makes the record of a past tenancy. `labels` replaces what the labels would be. */
    public async past(parts: PastParts, labels?: Record<string, string>): Promise<void> {
        const { space = this.space, owner: key, ...others } = parts;
        const owner = { key, manager: MANAGER };
        const allocationId = parts.allocationId ?? this.allocation();
        await this.create<PastTenancy>(IP_HISTORY, {
            metadata: { name: `${space}.${allocationId}`, labels: labels ?? labelsOf(space, owner) },
            spec: { space, allocationId, reason: "deleted", ...others, owner },
        });
    }

    /** Removes all that was made here, and what others made in these spaces. */
    public async clear(spaces: readonly string[] = [this.space]): Promise<void> {
        for (const kind of [IP_RESERVATION, IP_HISTORY]) {
            const { items } = await this.client.list<Reservation | PastTenancy>(kind);
            const ours = items.filter(({ spec }) => spaces.includes(spec.space));
            this.names.push(...ours.map(({ metadata }): [typeof IP_POOL, string] => [kind, metadata.name]));
        }
        for (const [kind, name] of this.names.splice(0)) {
            const found = await this.client.find(kind, undefined, name);
            await this.client.delete(kind, undefined, name, { uid: found?.metadata.uid ?? "" });
        }
    }

    private async create<T extends PoolObject | Reservation | PastTenancy>(
        kind: typeof IP_POOL,
        object: Omit<T, "apiVersion" | "kind">,
    ): Promise<void> {
        const made = { apiVersion: "vm.novasphere.dev/v1alpha1", kind: kind.kind, ...object } as T;
        await this.client.create<T>(kind, made);
        this.names.push([kind, made.metadata.name]);
    }

    private allocation(): string {
        this.allocations += 1;
        return `${this.space}-${String(this.allocations)}`;
    }
}

let suites = 0;

/** A name for a space or pool that no other suite has. */
export function uniqueName(prefix: string): string {
    suites += 1;
    return `${prefix}-${String(process.pid)}-${String(suites)}`;
}

/** Clears what a suite has written, after its tests. */
export function clearAfterwards(records: () => AddressRecords | undefined, spaces?: () => readonly string[]): void {
    after("remove the reservations, records and pools", async function () {
        this.timeout(60_000);
        await records()?.clear(spaces?.());
    });
}

const RealDate = Date;

/** Does something while this machine's clock is ahead of the server's. */
export async function withClockAhead<T>(seconds: number, work: () => Promise<T>): Promise<T> {
    const now = (): number => RealDate.now() + seconds * 1000;
    class AheadDate extends RealDate {
        constructor(time?: string | number | Date) {
            super(time ?? now());
        }
        public static override now(): number {
            return now();
        }
    }
    globalThis.Date = AheadDate as DateConstructor;
    try {
        return await work();
    } finally {
        globalThis.Date = RealDate;
    }
}
