import { type ForeignUse } from "./conflicts";
import { readAddress } from "./ip";
import { type PoolSpec } from "./pool";
import { type NicAddress } from "./machine-addresses";

/**
 * - `Missing`: a NIC uses an address of the space that is not reserved.
 * - `Duplicate`: several NICs use one address of the space.
 * - `Orphan`: reserved for a NIC that is gone, and not retained.
 * - `OwnerMismatch`: another NIC uses the address than the one it is reserved for.
 * - `MacMismatch`: the NIC has another MAC address than its reservation says.
 * - `Outside`: held, although its pool would not give it out any more.
 * - `Drifted`: the guest agent tells of addresses of the NIC, and the reserved one is not among them.
 * - `ExternalConflict`: a Service, a node or Whereabouts uses a reserved address, or gives out addresses of a pool.
 * - `UnreadableSource`: it is not known who uses addresses there, or what a pool gives out.
 * - `TombstoneExpired`: released, and anybody may have it: the object is of no use any more.
 * - `PoolDeleting`: somebody deletes a pool by hand, and nothing of it is reserved.
 * - `HistoryExpired`: records of tenancies that ended too long ago.
 */
export const FINDING_CLASSES = [
    "Missing",
    "Duplicate",
    "Orphan",
    "OwnerMismatch",
    "MacMismatch",
    "Outside",
    "Drifted",
    "ExternalConflict",
    "UnreadableSource",
    "TombstoneExpired",
    "PoolDeleting",
    "HistoryExpired",
] as const;

/** One of `FINDING_CLASSES`. */
export type FindingClass = (typeof FINDING_CLASSES)[number];

/** Something that is not as it should be. */
export interface Finding {
    /** What kind of thing. */
    readonly class: FindingClass;
    /** The address space it is about; absent for what is about all of them. */
    readonly space?: string;
    /** The address it is about, without prefix length; absent for what is about none, or many. */
    readonly address?: string;
    /** The key of whom the address is reserved for; without a reservation, of the NIC that uses it. */
    readonly owner?: string;
    /** The IPPool it is about, or from which the address was taken. */
    readonly pool?: string;
    /** What cannot be read: a kind of object such as `nodes` (only of an `UnreadableSource` about no pool). */
    readonly source?: string;
    /** What was found, and what to do, in sentences for people; they may change. */
    readonly message: string;
    /** Whether `fix` mends it: at once, or (an `Orphan`) when it has been seen long enough. */
    readonly fixable: boolean;
    /** Whether this audit has mended it; absent where it has not tried. */
    readonly fixed?: boolean;
}

/** What is read of an IPPool. */
export interface AuditedPool {
    readonly spec: PoolSpec;
    /** Since when it is being deleted, and only held by the project's finalizer. RFC 3339. */
    readonly deletingSince?: string;
}

/** What is read of an IPReservation. Times are RFC 3339. */
export interface AuditedReservation {
    readonly space: string;
    /** Canonical. */
    readonly address: string;
    readonly state: "Active" | "Retained" | "Quarantined" | "Reusable";
    /** Whether the address stays its owner's when it is released. */
    readonly retain: boolean;
    readonly owner: string;
    readonly manager: string;
    readonly allocationId: string;
    /** Since when this tenancy, and the object, are there. */
    readonly since: string;
    readonly pool?: string;
    readonly network?: string;
    readonly macAddress?: string;
    readonly releasedAt?: string;
    readonly reusableAt?: string;
    /** When an audit first saw that the NIC is gone, and of which tenancy that was. */
    readonly sighting?: { readonly since: string; readonly allocationId: string };
}

/** A NIC as its VM and the running instance have it. */
export interface AuditedNic {
    /** `namespace/vm/nic`, as owners are told. */
    readonly key: string;
    /** `namespace/name` of its NetworkAttachmentDefinition; absent on the pod network. */
    readonly network?: string;
    /** Canonical. */
    readonly macAddress?: string;
    /** Addresses by the status of the instance and by cloud-init data. */
    readonly uses: readonly NicAddress[];
    /** What the guest agent tells of it, link-local addresses included; absent where it tells nothing. */
    readonly reported?: readonly string[];
}

/** An address of a pod. */
export interface PodUse {
    readonly address: string;
    /** `namespace/name` of the NetworkAttachmentDefinition; absent on the pod network. */
    readonly network?: string;
    /** For messages: `pod prod/web-0`. */
    readonly holder: string;
}

/** All that an audit goes by, read at about one time. */
export interface AuditView {
    /** The API server's time. */
    readonly now: Date;
    /** Only this space is judged. The others' reservations are there too: a network may be of several spaces. */
    readonly space?: string;
    readonly pools: readonly AuditedPool[];
    readonly reservations: readonly AuditedReservation[];
    /** Absent where the VMs or their instances cannot be read: then nothing is said of NICs. */
    readonly nics?: readonly AuditedNic[];
    /** What Services, nodes and Whereabouts use, and all that cannot be read. */
    readonly use: ForeignUse;
    /** Only read where a NIC is gone. */
    readonly pods: readonly PodUse[];
    /** How many records tell of tenancies that ended too long ago, by space. */
    readonly expired: ReadonlyMap<string, number>;
    /** How long records are kept, in days. */
    readonly historyDays: number;
}

/** By space, then address (IPv4 before IPv6), then class; what is about no space or no address comes last. */
export function compareFindings(a: Finding, b: Finding): number {
    return (
        compareTexts(a.space ?? "~", b.space ?? "~") ||
        compareAddresses(a.address, b.address) ||
        FINDING_CLASSES.indexOf(a.class) - FINDING_CLASSES.indexOf(b.class) ||
        compareTexts(a.pool ?? a.source ?? "", b.pool ?? b.source ?? "")
    );
}

/** What tells a finding from all others of an audit, and is the same in the next one. */
export function findingKey({ class: kind, space, address, pool, source }: Finding): string {
    return JSON.stringify([kind, space, address, pool, source]);
}

function compareTexts(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

function compareAddresses(a: string | undefined, b: string | undefined): number {
    const [first, second] = [a, b].map((text) => (text === undefined ? undefined : readAddress(text)));
    if (!first || !second) {
        return Number(!first) - Number(!second);
    }
    return first.family - second.family || (first.value < second.value ? -1 : first.value > second.value ? 1 : 0);
}
