import { familyName } from "../ip";
import { hashLabel } from "../reservation";
import type { EndpointsReport, VmEndpoint } from "./endpoints";
import { SLICE_ANNOTATION, SLICE_LABEL, SLICE_MANAGER } from "./names";
import type { EndpointSliceObject, ServiceObject, SliceEndpoint } from "./objects";
import { type ResolvedPort, resolvePorts } from "./target-ports";

/** An EndpointSlice (discovery.k8s.io/v1), as far as it is written here. */
export interface Slice extends EndpointSliceObject {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly metadata: EndpointSliceObject["metadata"] & {
        readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
    };
    readonly ports?: readonly SlicePort[] | null;
    readonly endpoints?: readonly (SliceEndpoint & { readonly targetRef?: TargetRef })[] | null;
}

interface SlicePort {
    readonly name?: string;
    readonly protocol?: string;
    readonly port?: number;
    readonly appProtocol?: string;
}

interface TargetRef {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
}

/** What is to be written so that the slices of a Service are as they should be: in this order, lest an endpoint is missed. */
export interface SliceChanges<T extends Slice> {
    readonly create: readonly Slice[];
    readonly update: readonly { readonly from: T; readonly to: Slice }[];
    readonly remove: readonly T[];
}

/** As many endpoints as Kubernetes' own controller puts into a slice (`--max-endpoints-per-slice`). */
const MAX_ENDPOINTS = 100;

/**
 * What to change of a Service's slices. An endpoint stays in the slice that it is in, and one that is new goes to the first
 * with room, so that a change of one VM is a write of one slice.
 * @param existing all slices of the Service; those that others manage are left alone
 */
export function sliceChanges<T extends Slice>(
    service: ServiceObject,
    report: EndpointsReport,
    existing: readonly T[],
): SliceChanges<T> {
    const own = existing.filter((slice) => isOwn(slice, service));
    const mine = new Map(own.filter((slice) => isOf(slice, service)).map((slice) => [slice.metadata.name, slice]));
    const wanted = wantedSlices(service, report, mine);
    const names = new Set(wanted.map(({ metadata }) => metadata.name));
    const create: Slice[] = [];
    const update: { from: T; to: Slice }[] = [];
    const replaced: T[] = [];
    for (const slice of wanted) {
        const present = mine.get(slice.metadata.name);
        if (present === undefined) {
            create.push(slice);
        } else if (present.addressType !== slice.addressType) {
            replaced.push(present); // Kubernetes lets nobody change it; the next look finds the name free.
        } else if (!isSame(present, slice)) {
            update.push({ from: present, to: slice });
        }
    }
    const remove = [
        ...own.filter(({ metadata }) => !names.has(metadata.name) || !mine.has(metadata.name)),
        ...replaced,
    ];
    return { create, update, remove: [...new Set(remove)] };
}

/** Whether a slice is this controller's to write, for the Service of that name. */
export function isOwn(slice: Slice, { metadata }: ServiceObject): boolean {
    const labels = slice.metadata.labels ?? {};
    return (
        labels[SLICE_LABEL.managedBy] === SLICE_MANAGER &&
        labels[SLICE_LABEL.service] === metadata.name &&
        slice.metadata.namespace === metadata.namespace
    );
}

/** The address that the slices of a Service have of an instance, in a family. */
export function publishedIn(
    slices: readonly Slice[],
): (uid: string, family: VmEndpoint["family"]) => string | undefined {
    const addresses = new Map(
        slices.flatMap(({ addressType, endpoints }) =>
            (endpoints ?? []).map((each) => [`${each.targetRef?.uid ?? ""} ${addressType ?? ""}`, each.addresses[0]]),
        ),
    );
    return (uid, family) => addresses.get(`${uid} ${familyName(family)}`);
}

/** Not of a Service that had the name before. */
function isOf(slice: Slice, { metadata }: ServiceObject): boolean {
    return slice.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true;
}

function wantedSlices(service: ServiceObject, report: EndpointsReport, mine: ReadonlyMap<string, Slice>): Slice[] {
    return report.families.flatMap((family) => {
        const groups = new Map<string, VmEndpoint[]>(); // by their ports
        for (const endpoint of report.vms.flatMap(({ endpoints }) => endpoints)) {
            if (endpoint.family === family) {
                const key = JSON.stringify(endpoint.ports);
                const group = groups.get(key) ?? [];
                group.push(endpoint);
                groups.set(key, group);
            }
        }
        if (groups.size === 0) {
            // An empty slice says that there is no endpoint, and that somebody has looked. Where ports are numbers, it is the
            // one that the first endpoint goes to.
            groups.set(JSON.stringify(resolvePorts(service.spec?.ports ?? [], []).ports), []);
        }
        return [...groups].flatMap(([key, endpoints]) => {
            const stem = `${service.metadata.name}-${hashLabel(`${service.metadata.uid ?? ""} ${family} ${key}`).slice(0, 10)}`;
            return packed(endpoints, stem, mine).map(({ name, members }) =>
                sliceOf(service, family, JSON.parse(key) as ResolvedPort[], name, members),
            );
        });
    });
}

/** Endpoints by slices. */
function packed(
    endpoints: readonly VmEndpoint[],
    stem: string,
    mine: ReadonlyMap<string, Slice>,
): { name: string; members: VmEndpoint[] }[] {
    const nameOf = (index: number): string => `${stem}-${String(index)}`;
    const home = new Map<string, number>();
    const bins: VmEndpoint[][] = [];
    for (const [name, slice] of mine) {
        const index = name.startsWith(`${stem}-`) ? Number(name.slice(stem.length + 1)) : NaN;
        if (Number.isSafeInteger(index) && nameOf(index) === name) {
            (slice.endpoints ?? []).forEach(({ targetRef }) => home.set(targetRef?.uid ?? "", index));
        }
    }
    const bin = (index: number): VmEndpoint[] => (bins[index] ??= []);
    const homeless = endpoints.filter((endpoint) => {
        const index = home.get(endpoint.uid);
        const stays = index !== undefined && bin(index).length < MAX_ENDPOINTS;
        if (stays) {
            bin(index).push(endpoint);
        }
        return !stays;
    });
    const place = (endpoint: VmEndpoint): void => {
        let index = 0;
        while (bin(index).length >= MAX_ENDPOINTS) {
            index++;
        }
        bin(index).push(endpoint);
    };
    homeless.forEach(place);
    merge(bins);
    const filled = bins.flatMap((members, index) => (members.length > 0 ? [{ name: nameOf(index), members }] : []));
    return filled.length > 0 ? filled : [{ name: nameOf(0), members: [] }];
}

/**
 * What is left of a slice moves to where there is room for twice as much: no slices of few endpoints stay, and none comes
 * and goes with one VM.
 */
function merge(bins: readonly VmEndpoint[][]): void {
    for (;;) {
        const used = bins.filter((members) => members.length > 0);
        const smallest = used.toSorted((a, b) => a.length - b.length)[0];
        const others = used.filter((members) => members !== smallest);
        const room = others.reduce((sum, members) => sum + MAX_ENDPOINTS - members.length, 0);
        if (smallest === undefined || 2 * smallest.length > room) {
            return;
        }
        for (const endpoint of smallest.splice(0)) {
            others.find((members) => members.length < MAX_ENDPOINTS)?.push(endpoint);
        }
    }
}

function sliceOf(
    { metadata }: ServiceObject,
    family: VmEndpoint["family"],
    ports: readonly ResolvedPort[],
    name: string,
    members: readonly VmEndpoint[],
): Slice {
    const sorted = members.toSorted((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    const owner = { apiVersion: "v1", kind: "Service", name: metadata.name, uid: metadata.uid ?? "" };
    return {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
            name,
            namespace: metadata.namespace,
            labels: { [SLICE_LABEL.service]: metadata.name, [SLICE_LABEL.managedBy]: SLICE_MANAGER },
            annotations: {
                [SLICE_ANNOTATION.subnets]: [...new Set(members.map(({ subnet }) => subnet))].sort().join(","),
            },
            ownerReferences: [owner],
        },
        addressType: familyName(family),
        ports,
        endpoints: sorted.map(({ address, ready, serving, terminating, nodeName, namespace, vm, uid }) => ({
            addresses: [address],
            conditions: { ready, serving, terminating },
            ...(nodeName !== undefined && { nodeName }),
            targetRef: { apiVersion: "kubevirt.io/v1", kind: "VirtualMachineInstance", namespace, name: vm, uid },
        })),
    };
}

/** Whether a slice says what it should; what others have added to its labels and annotations is theirs. */
function isSame(present: Slice, wanted: Slice): boolean {
    const { labels = {}, annotations = {} } = present.metadata;
    const has = (all: Readonly<Record<string, string>>, some: Readonly<Record<string, string>> = {}): boolean =>
        Object.entries(some).every(([key, value]) => all[key] === value);
    return (
        has(labels, wanted.metadata.labels) &&
        has(annotations, wanted.metadata.annotations) &&
        contentOf(present) === contentOf(wanted)
    );
}

/** Ports and endpoints as a text, whatever the order of their members. */
function contentOf({ ports, endpoints }: Slice): string {
    return JSON.stringify([
        (ports ?? []).map(({ name = "", protocol = "TCP", port, appProtocol }) => [name, protocol, port, appProtocol]),
        (endpoints ?? []).map(({ addresses, conditions, nodeName, targetRef }) => [
            addresses,
            [conditions?.ready, conditions?.serving, conditions?.terminating],
            nodeName,
            [targetRef?.apiVersion, targetRef?.kind, targetRef?.namespace, targetRef?.name, targetRef?.uid],
        ]),
    ]);
}
