import { auditedNics, type AuditedMachine } from "../../core/audit-nics";
import { orphansOf } from "../../core/audit-orphan";
import { nicKeyOf } from "../../core/audit-spaces";
import { type AuditedPool, type AuditedReservation, type AuditView } from "../../core/audit-view";
import { type ForeignUse, type UnreadableSource } from "../../core/conflicts";
import { type InterfaceStatus } from "../../core/kubevirt-objects";
import { type MachineSpec } from "../../core/machine-addresses";
import { CONFLICT_SOURCES, conflictsOf, type ConflictSource } from "../../core/pool-conflicts";
import type { ClusterClient, KubernetesObject } from "../client";
import { ClusterError, hasReason } from "../errors";
import {
    IP_HISTORY,
    IP_POOL,
    IP_RESERVATION,
    resourceName,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    type ResourceKind,
} from "../kinds";
import { readPodUses } from "./audit-pods";
import { readForeignUse } from "./foreign-use";
import { timeOf } from "./ledger";
import { IN_USE, type PastTenancy, type PoolObject, type Reservation } from "./objects";
import { specOfPool } from "./pools";
import { listed, selectorsOf, stateOf } from "./query";

/** Annotations of a reservation: when an audit first saw that the NIC is gone, and of which tenancy that was. */
export const ORPHAN = {
    since: "vm.novasphere.dev/orphan-since",
    allocation: "vm.novasphere.dev/orphan-allocation",
} as const;

const DAY_MS = 24 * 3600 * 1000;

/** What an audit has read: what it judges by, and the objects that it may change. */
export interface AuditReading {
    readonly view: AuditView;
    /** By `placeOf`. */
    readonly reservations: ReadonlyMap<string, Reservation>;
    /** By name. */
    readonly pools: ReadonlyMap<string, PoolObject>;
    /** The records that are to go, by space. */
    readonly expired: ReadonlyMap<string, readonly PastTenancy[]>;
}

/** What a reservation is found by. */
export function placeOf({ space, address }: { space?: string | undefined; address?: string | undefined }): string {
    return `${space ?? ""} ${address ?? ""}`;
}

/**
 * Reads all that an audit goes by, each kind of object once. The machines come first: a NIC that is seen then has been
 * given its address before, and one that is not seen yet is told from one that is gone by its reservation's age.
 * @throws ClusterError `not-found` for a space that there is not, or where the cluster does not know the project's kinds
 */
export async function readAudit(
    client: ClusterClient,
    { space, historyDays }: { space: string | undefined; historyDays: number },
): Promise<AuditReading> {
    const [pools, vms, vmis] = await Promise.all([
        listed<PoolObject>(client, IP_POOL),
        readMachines(VIRTUAL_MACHINE, async () =>
            (await client.list<VmObject>(VIRTUAL_MACHINE)).items.map(machineOfVm),
        ),
        readMachines(VIRTUAL_MACHINE_INSTANCE, async () =>
            (await client.list<VmiObject>(VIRTUAL_MACHINE_INSTANCE)).items.map(machineOfVmi),
        ),
    ]);
    const [reservations, records] = await Promise.all([
        listed<Reservation>(client, IP_RESERVATION),
        listed<PastTenancy>(client, IP_HISTORY, space === undefined ? {} : selectorsOf({ space })),
    ]);
    if (space !== undefined && ![...pools, ...reservations, ...records].some(({ spec }) => spec.space === space)) {
        throw new ClusterError(
            "not-found",
            `There is no address space "${space}" on the cluster at ${client.server}: no IPPool, reservation or record has it.`,
        );
    }
    const now = client.serverNow();
    const audited = reservations.map((reservation) => auditedReservation(reservation, now));
    const ofNics = audited.some((each) => each.state === "Active" && nicKeyOf(each) !== undefined);
    const unreadable = [vms, vmis].flatMap(({ unread }) => unread ?? []).filter(({ known }) => known || ofNics);
    const use = await readForeignUse(client, sourcesOf(pools, audited, space), {
        networks: new Set(),
        isOwn: () => false,
    });
    const nics = vms.machines && vmis.machines && auditedNics(vms.machines, vmis.machines, networksOf(audited));
    const expired = expiredRecords(records, now.getTime() - historyDays * DAY_MS);
    const view: AuditView = {
        now,
        ...(space !== undefined && { space }),
        pools: pools.map(auditedPool),
        reservations: audited,
        ...(nics && { nics }),
        use: { ...use, unreadable: [...use.unreadable, ...unreadable.map(({ known: _, ...each }) => each)] },
        pods: [],
        expired: new Map([...expired].map(([each, { length }]) => [each, length])),
        historyDays,
    };
    return {
        view: await withPods(client, view),
        reservations: new Map(reservations.map((each) => [placeOf(each.spec), each])),
        pools: new Map(pools.map((each) => [each.metadata.name, each])),
        expired,
    };
}

/** Where a NIC is gone, a pod may still have its address. */
async function withPods(client: ClusterClient, view: AuditView): Promise<AuditView> {
    const orphans = orphansOf(view).filter(({ space }) => view.space === undefined || space === view.space);
    if (orphans.length === 0) {
        return view;
    }
    const { pods, unreadable } = await readPodUses(client, new Set(orphans.map(({ address }) => address)));
    const use: ForeignUse = { ...view.use, unreadable: [...view.use.unreadable, ...unreadable] };
    return { ...view, pods, use };
}

interface MachineReading {
    readonly machines?: readonly AuditedMachine[];
    /** `known`: whether the cluster has the kind at all. */
    readonly unread?: UnreadableSource & { readonly known: boolean };
}

async function readMachines(kind: ResourceKind, list: () => Promise<AuditedMachine[]>): Promise<MachineReading> {
    try {
        return { machines: await list() };
    } catch (error) {
        if (!(error instanceof ClusterError)) {
            throw error;
        }
        const sentence = `cannot list ${resourceName(kind)}: ${error.message}`;
        return { unread: { source: "VirtualMachines", sentence, known: !hasReason(error, "not-found") } };
    }
}

/** What is read of a VirtualMachine. */
export interface VmObject extends KubernetesObject {
    spec?: { template?: { spec?: MachineSpec } };
}

/** What is read of a VirtualMachineInstance. */
export interface VmiObject extends KubernetesObject {
    spec?: MachineSpec;
    status?: { phase?: string; interfaces?: InterfaceStatus[] };
}

/** A VirtualMachine as an audit sees it. */
export function machineOfVm({ metadata: { namespace = "", name }, spec }: VmObject): AuditedMachine {
    return { namespace, name, spec: spec?.template?.spec };
}

/** An instance as an audit sees it: one that has ended uses nothing any more. */
export function machineOfVmi({ metadata: { namespace = "", name }, spec, status }: VmiObject): AuditedMachine {
    const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
    return { namespace, name, spec, ...(!hasEnded && { status: status?.interfaces ?? [] }) };
}

function auditedPool(object: PoolObject): AuditedPool {
    const { finalizers = [], deletionTimestamp } = object.metadata;
    return {
        spec: specOfPool(object),
        ...(deletionTimestamp !== undefined && finalizers.includes(IN_USE) && { deletingSince: deletionTimestamp }),
    };
}

function auditedReservation(reservation: Reservation, now: Date): AuditedReservation {
    const { metadata, spec } = reservation;
    const { space, address, owner, allocationId, pool, network, macAddress, releasedAt, reusableAt } = spec;
    const began = [metadata.creationTimestamp, spec.allocatedAt]
        .map((time) => Date.parse(time ?? ""))
        .filter((ms) => ms);
    const { [ORPHAN.since]: since, [ORPHAN.allocation]: allocation } = metadata.annotations ?? {};
    return {
        space,
        address,
        state: stateOf(reservation, now),
        retain: spec.retain === true,
        owner: owner.key,
        manager: owner.manager,
        allocationId,
        since: timeOf(new Date(Math.max(0, ...began))),
        ...(pool !== undefined && { pool }),
        ...(network !== undefined && { network }),
        ...(macAddress !== undefined && { macAddress }),
        ...(releasedAt !== undefined && { releasedAt }),
        ...(reusableAt !== undefined && { reusableAt }),
        ...(since !== undefined && allocation !== undefined && { sighting: { since, allocationId: allocation } }),
    };
}

/** What the pools are to keep clear of; of an address without a pool, everything. */
function sourcesOf(
    pools: readonly PoolObject[],
    reservations: readonly AuditedReservation[],
    space: string | undefined,
): ConflictSource[] {
    const isJudged = (each: { space: string }): boolean => space === undefined || each.space === space;
    const withoutPool = reservations.some((each) => isJudged(each) && each.pool === undefined);
    const asked = new Set(
        pools.filter(({ spec }) => isJudged(spec)).flatMap(({ spec }) => conflictsOf(spec.conflicts).sources),
    );
    // The machines are read by the audit itself.
    return CONFLICT_SOURCES.filter((source) => source !== "VirtualMachines" && (withoutPool || asked.has(source)));
}

/** The networks that addresses are reserved on; undefined, for all, where a NIC has one without a network. */
function networksOf(reservations: readonly AuditedReservation[]): Set<string> | undefined {
    const isAnywhere = reservations.some(
        (each) => each.state === "Active" && each.network === undefined && nicKeyOf(each) !== undefined,
    );
    return isAnywhere ? undefined : new Set(reservations.flatMap(({ network }) => network ?? []));
}

function expiredRecords(records: readonly PastTenancy[], end: number): Map<string, PastTenancy[]> {
    const expired = new Map<string, PastTenancy[]>();
    for (const record of records.filter(({ spec }) => Date.parse(spec.to) < end)) {
        expired.set(record.spec.space, [...(expired.get(record.spec.space) ?? []), record]);
    }
    return expired;
}
