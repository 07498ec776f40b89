import type { ForeignAddress, ForeignNetwork, ForeignUse, UnreadableSource } from "../../core/conflicts";
import type { InterfaceStatus } from "../../core/kubevirt-objects";
import { lenientAddress } from "../../core/lenient-address";
import { machineAddresses, type MachineSpec, type ReadNetworkData } from "../../core/machine-addresses";
import type { ConflictSource } from "../../core/pool-conflicts";
import { ownerKey } from "../../core/reservation";
import { poolAllocations, reservedAddresses, type WhereaboutsPoolSpec } from "../../core/whereabouts";
import type { KubernetesObject, Lister } from "../client";
import { ClusterError, hasReason } from "../errors";
import {
    NODE,
    resourceName,
    SERVICE,
    SERVICE_CIDR,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    WHEREABOUTS_POOL,
    WHEREABOUTS_RESERVATION,
    type ResourceKind,
} from "../kinds";

/** Which VM NICs count as users of a space's addresses. */
export interface ForeignScope {
    /** The networks of the space: `namespace/name` of network attachment definitions. NICs on others are elsewhere. */
    readonly networks: ReadonlySet<string>;
    /** True for an address that the NIC's owner has reserved itself, which is no conflict. */
    isOwn(namespace: string, vm: string, nic: string, address: string): boolean;
}

/** What a list says. */
interface Reading {
    readonly addresses?: readonly ForeignAddress[];
    readonly networks?: readonly ForeignNetwork[];
    readonly unreadable?: readonly UnreadableSource[];
}

/**
 * Reads who uses addresses without a reservation: one list of the whole cluster for each kind of object, all at once. What
 * cannot be read is told as such; a kind that the cluster does not know is not used. Not seen are addresses that a guest
 * has been given by hand while no guest agent reports them, and those of network data kept in Secrets.
 */
export async function readForeignUse(
    client: Lister,
    sources: readonly ConflictSource[],
    scope: ForeignScope,
): Promise<ForeignUse> {
    const readings = await Promise.all([...new Set(sources)].flatMap((source) => READERS[source](client, scope)));
    return {
        addresses: readings.flatMap(({ addresses }) => addresses ?? []),
        networks: readings.flatMap(({ networks }) => networks ?? []),
        unreadable: readings.flatMap(({ unreadable }) => unreadable ?? []),
    };
}

type ReadObject<T> = (object: T) => Reading;

type Reader = (client: Lister, scope: ForeignScope) => Promise<Reading>[];

const READERS: Record<ConflictSource, Reader> = {
    VirtualMachines: (client, scope) => {
        const known: ReadNetworkData = new Map();
        return [
            reading<InstanceObject>(client, "VirtualMachines", VIRTUAL_MACHINE_INSTANCE, (vmi) =>
                machineReading(vmi, "VMI", vmi.spec, vmi.status?.interfaces ?? [], scope, known),
            ),
            reading<MachineObject>(client, "VirtualMachines", VIRTUAL_MACHINE, (vm) =>
                machineReading(vm, "VM", vm.spec?.template?.spec, [], scope, known),
            ),
        ];
    },
    Services: (client) => [
        reading(client, "Services", SERVICE, serviceReading),
        reading(client, "Services", SERVICE_CIDR, serviceCidrReading),
    ],
    Nodes: (client) => [reading(client, "Nodes", NODE, nodeReading)],
    Whereabouts: (client) => [
        reading(client, "Whereabouts", WHEREABOUTS_POOL, whereaboutsPoolReading),
        reading(client, "Whereabouts", WHEREABOUTS_RESERVATION, whereaboutsReservationReading),
    ],
};

async function reading<T extends KubernetesObject>(
    client: Lister,
    source: ConflictSource,
    kind: ResourceKind,
    read: ReadObject<T>,
): Promise<Reading> {
    try {
        const readings = (await client.list<T>(kind)).items.map(read);
        return {
            addresses: readings.flatMap(({ addresses }) => addresses ?? []),
            networks: readings.flatMap(({ networks }) => networks ?? []),
        };
    } catch (error) {
        if (hasReason(error, "not-found")) {
            return {};
        }
        if (error instanceof ClusterError) {
            return { unreadable: [{ source, sentence: `cannot list ${resourceName(kind)}: ${error.message}` }] };
        }
        throw error;
    }
}

interface InstanceObject extends KubernetesObject {
    spec?: MachineSpec;
    status?: { interfaces?: InterfaceStatus[] };
}

interface MachineObject extends KubernetesObject {
    spec?: { template?: { spec?: MachineSpec } };
}

function machineReading(
    { metadata: { namespace = "", name } }: KubernetesObject,
    kind: string,
    spec: MachineSpec | undefined,
    status: readonly InterfaceStatus[],
    scope: ForeignScope,
    known: ReadNetworkData,
): Reading {
    const addresses = machineAddresses(namespace, spec, status, scope.networks, known)
        .filter(({ nic, address }) => !scope.isOwn(namespace, name, nic, address))
        .map(({ nic, address, from }): ForeignAddress => ({
            address,
            source: "VirtualMachines",
            holder: `NIC ${nic} of ${kind} ${namespace}/${name} (${from})`,
            ownerKey: ownerKey({ namespace, vm: name, nic }),
        }));
    return { addresses };
}

interface ServiceObject extends KubernetesObject {
    spec?: { clusterIPs?: string[]; externalIPs?: string[] };
    status?: { loadBalancer?: { ingress?: { ip?: string }[] } };
}

function serviceReading({ metadata, spec, status }: ServiceObject): Reading {
    const held = [
        ...(spec?.clusterIPs ?? []).map((ip) => [ip, "clusterIP"] as const),
        ...(spec?.externalIPs ?? []).map((ip) => [ip, "externalIP"] as const),
        ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => [ip, "load balancer"] as const),
    ];
    const service = `Service ${metadata.namespace ?? ""}/${metadata.name}`;
    return { addresses: held.flatMap(([ip, role]) => heldBy("Services", ip, `${service} (${role})`)) };
}

interface ServiceCidrObject extends KubernetesObject {
    spec?: { cidrs?: string[] };
}

function serviceCidrReading({ metadata, spec }: ServiceCidrObject): Reading {
    const holder = `ServiceCIDR "${metadata.name}"`;
    return { networks: (spec?.cidrs ?? []).map((cidr) => ({ cidr, source: "Services", holder })) };
}

interface NodeObject extends KubernetesObject {
    spec?: { podCIDRs?: string[] };
    status?: { addresses?: { type: string; address: string }[] };
}

function nodeReading({ metadata: { name }, spec, status }: NodeObject): Reading {
    return {
        addresses: (status?.addresses ?? [])
            .filter(({ type }) => type === "InternalIP" || type === "ExternalIP")
            .flatMap(({ type, address }) => heldBy("Nodes", address, `Node ${name} (${type})`)),
        networks: (spec?.podCIDRs ?? []).map((cidr) => ({ cidr, source: "Nodes", holder: `podCIDR of Node ${name}` })),
    };
}

interface WhereaboutsPool extends KubernetesObject {
    spec?: WhereaboutsPoolSpec;
}

function whereaboutsPoolReading({ metadata, spec = {} }: WhereaboutsPool): Reading {
    const pool = `Whereabouts pool ${metadata.namespace ?? ""}/${metadata.name}`;
    return {
        addresses: poolAllocations(spec).map(({ address, pod }) => ({
            address: address.text,
            source: "Whereabouts",
            holder: pool + ofPod(pod),
        })),
    };
}

interface WhereaboutsReservation extends KubernetesObject {
    spec?: { podref?: string };
}

function whereaboutsReservationReading({ metadata, spec }: WhereaboutsReservation): Reading {
    const holder = `Whereabouts reservation ${metadata.namespace ?? ""}/${metadata.name}${ofPod(spec?.podref)}`;
    return {
        addresses: reservedAddresses(metadata.name).map(({ text }) => ({
            address: text,
            source: "Whereabouts",
            holder,
        })),
    };
}

function ofPod(pod: string | undefined): string {
    return pod === undefined || pod === "" ? "" : ` (pod ${pod})`;
}

function heldBy(source: ConflictSource, text: string | undefined, holder: string): ForeignAddress[] {
    const address = lenientAddress(text ?? "")?.text;
    return address === undefined ? [] : [{ address, source, holder }];
}
