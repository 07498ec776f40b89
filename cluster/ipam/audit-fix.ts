import { orphansOf, OrphanSteps } from "../../core/audit-orphan";
import { auditedNics } from "../../core/audit-nics";
import { AuditedSpaces, nicKeyOf } from "../../core/audit-spaces";
import { type AuditedReservation, type AuditView, type Finding } from "../../core/audit-view";
import { nicOfOwner } from "../../core/reservation";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { IP_HISTORY, IP_POOL, IP_RESERVATION, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../kinds";
import { patchUnchanged } from "../unchanged";
import {
    machineOfVm,
    machineOfVmi,
    ORPHAN,
    placeOf,
    type AuditReading,
    type VmiObject,
    type VmObject,
} from "./audit-view";
import { addressOfReservation, discard, release, timeOf } from "./ledger";
import { IN_USE, type PoolObject, type Reservation } from "./objects";
import { listed, selectorsOf, stateOf } from "./query";

/** The address of a NIC that is gone rests at least so long: whoever is wrong about that has time to say so. */
export const ORPHAN_GRACE_SECONDS = 300;

/** So many objects are changed at a time. */
const AT_ONCE = 16;

/** What was noted about NICs that are gone. */
export interface Noted {
    /** The view, with it. */
    readonly view: AuditView;
    /** Why it could not be noted, by `placeOf`. */
    readonly failures: ReadonlyMap<string, string>;
}

/**
 * Notes on the reservations of NICs that are gone when that was seen first, and takes the note from those whose NIC is
 * there again.
 */
export async function noteOrphans(client: ClusterClient, { view, reservations }: AuditReading): Promise<Noted> {
    const failures = new Map<string, string>();
    if (!view.nics) {
        return { view, failures };
    }
    const steps = new OrphanSteps(view, new AuditedSpaces(view));
    const orphans = new Set(orphansOf(view));
    const sighted = await inBatches(view.reservations, async (reservation): Promise<AuditedReservation> => {
        const object = reservations.get(placeOf(reservation));
        if (!object || (view.space !== undefined && reservation.space !== view.space)) {
            return reservation;
        }
        const { sighting, ...others } = reservation;
        try {
            if (orphans.has(reservation)) {
                const sight = { since: timeOf(view.now), allocationId: reservation.allocationId };
                return steps.of(reservation).isNew && (await note(client, object, sight))
                    ? { ...reservation, sighting: sight }
                    : reservation;
            }
            return sighting && reservation.state === "Active" && (await note(client, object)) ? others : reservation;
        } catch (error) {
            failures.set(placeOf(reservation), sentenceOf(error));
            return reservation;
        }
    });
    return { view: { ...view, reservations: sighted }, failures };
}

/** Mends what can be mended, and says of each finding what became of it. */
export async function fixFindings(
    client: ClusterClient,
    reading: AuditReading,
    failures: Noted["failures"],
    findings: readonly Finding[],
): Promise<Finding[]> {
    const mending = new Mending(client, reading);
    return inBatches(findings, async (finding) => {
        try {
            const failure = finding.class === "Orphan" ? failures.get(placeOf(finding)) : undefined;
            if (failure !== undefined) {
                return failed(finding, failure);
            }
            const fixed = await mending.mend(finding);
            return fixed === undefined ? finding : { ...finding, fixed };
        } catch (error) {
            return failed(finding, sentenceOf(error));
        }
    });
}

function failed(finding: Finding, reason: string): Finding {
    return { ...finding, fixed: false, message: `${finding.message} That failed: ${reason}` };
}

/** Of a refusal by the cluster: one object that cannot be changed does not keep the others from being mended. */
function sentenceOf(error: unknown): string {
    if (error instanceof ClusterError) {
        return error.message;
    }
    throw error;
}

/** Every change is made to what was read, and only to that. */
class Mending {
    private readonly steps: OrphanSteps;
    private readonly audited: ReadonlyMap<string, AuditedReservation>;

    constructor(
        private readonly client: ClusterClient,
        private readonly reading: AuditReading,
    ) {
        this.steps = new OrphanSteps(reading.view, new AuditedSpaces(reading.view));
        this.audited = new Map(reading.view.reservations.map((each) => [placeOf(each), each]));
    }

    /** Says whether the finding was mended, or nothing where it is not to be (now). */
    public async mend(finding: Finding): Promise<boolean | undefined> {
        const { reservations, pools, expired } = this.reading;
        const object = reservations.get(placeOf(finding));
        switch (finding.class) {
            case "Orphan":
                return object && this.releaseOrphan(object);
            case "TombstoneExpired":
                return object && discard(this.client, object);
            case "PoolDeleting": {
                const pool = pools.get(finding.pool ?? "");
                return pool && this.letGo(pool);
            }
            case "HistoryExpired": {
                const records = expired.get(finding.space ?? "") ?? [];
                await inBatches(records, async ({ metadata: { name, uid = "" } }) =>
                    this.client.delete(IP_HISTORY, undefined, name, { uid }),
                );
                return true;
            }
            default:
                return undefined;
        }
    }

    private async releaseOrphan(object: Reservation): Promise<boolean | undefined> {
        const { pools } = this.reading;
        const reservation = this.audited.get(placeOf(object.spec));
        if (!reservation || this.steps.of(reservation).step !== "release") {
            return undefined;
        }
        const { space, allocationId, pool } = object.spec;
        if (!(await this.isUnchanged(object)) || (await this.isBack(reservation))) {
            return false;
        }
        const graceSeconds = Math.max(ORPHAN_GRACE_SECONDS, pools.get(pool ?? "")?.spec.releaseGraceSeconds ?? 0);
        const tenancy = { space, address: addressOfReservation(object) };
        return release(this.client, tenancy, { allocationId, reason: "orphan", graceSeconds });
    }

    private async isUnchanged({ metadata: { name, uid, resourceVersion } }: Reservation): Promise<boolean> {
        const now = await this.client.find<Reservation>(IP_RESERVATION, undefined, name);
        return now?.metadata.uid === uid && now?.metadata.resourceVersion === resourceVersion;
    }

    /** Whether the NIC is there after all: it may have come while others were looked at. */
    private async isBack(reservation: AuditedReservation): Promise<boolean> {
        const { namespace, vm } = nicOfOwner(reservation.owner) ?? { namespace: "", vm: "" };
        const [machine, instance] = await Promise.all([
            this.client.find<VmObject>(VIRTUAL_MACHINE, namespace, vm),
            this.client.find<VmiObject>(VIRTUAL_MACHINE_INSTANCE, namespace, vm),
        ]);
        const nics = auditedNics(machine ? [machineOfVm(machine)] : [], instance ? [machineOfVmi(instance)] : []);
        return nics.some(({ key }) => key === nicKeyOf(reservation));
    }

    /** Takes the project's finalizer from a pool, of which nothing has been reserved meanwhile. */
    private async letGo(pool: PoolObject): Promise<boolean> {
        const { name, finalizers = [] } = pool.metadata;
        const held = await listed<Reservation>(this.client, IP_RESERVATION, selectorsOf({ pool: name }));
        const now = this.client.serverNow();
        if (held.some((each) => ["Active", "Retained"].includes(stateOf(each, now)))) {
            return false;
        }
        const freed = await patchUnchanged(this.client, IP_POOL, pool, [
            { op: "replace", path: "/metadata/finalizers", value: finalizers.filter((each) => each !== IN_USE) },
        ]);
        return freed !== undefined;
    }
}

/** Writes when the NIC was first seen gone, or that it is not. */
async function note(
    client: ClusterClient,
    object: Reservation,
    sighting?: AuditedReservation["sighting"],
): Promise<boolean> {
    const { [ORPHAN.since]: _since, [ORPHAN.allocation]: _allocation, ...others } = object.metadata.annotations ?? {};
    const noted = sighting && { [ORPHAN.since]: sighting.since, [ORPHAN.allocation]: sighting.allocationId };
    const changed = await patchUnchanged(client, IP_RESERVATION, object, [
        { op: "add", path: "/metadata/annotations", value: { ...others, ...noted } },
    ]);
    return changed !== undefined;
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    for (let start = 0; start < items.length; start += AT_ONCE) {
        results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
    }
    return results;
}
