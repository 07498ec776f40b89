import type { ClusterClient, KubernetesObject } from "../cluster/client";
import {
    NETWORK_ATTACHMENT_DEFINITION,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    resourceName,
    type ResourceKind,
} from "../cluster/kinds";
import { Remembered } from "../cluster/remembered";
import type { VirtualMachine, VirtualMachineInstance, VmView } from "../cluster/virtual-machine";
import { readNadConfig } from "../core/cni/nad-config";
import type { NamedNad } from "../core/cni/neighbours";
import type { NicOnNad } from "../core/cni/parent-holders";
import { normalizeMac } from "../core/mac";
import { qualifiedNad } from "../core/nic";

/** Lists that are read once in a run: for each resource of a program the same would come back. */
const lists = new Remembered<KubernetesObject[]>();

/** A NetworkAttachmentDefinition as it is looked at. */
export interface Nad extends KubernetesObject {
    readonly spec?: { readonly config?: string };
}

/** The networks of all namespaces that can be read, but those that `isLeftOut` is true of. */
export async function listedNads(
    client: ClusterClient,
    isLeftOut: (nad: KubernetesObject) => boolean = () => false,
): Promise<NamedNad[]> {
    const nads = await listOnce<Nad>(client, NETWORK_ATTACHMENT_DEFINITION);
    return nads
        .filter((nad) => !isLeftOut(nad))
        .flatMap(({ metadata, spec }) => {
            const config = readNadConfig(spec?.config);
            return config ? [{ nadName: `${metadata.namespace ?? ""}/${metadata.name}`, config }] : [];
        });
}

/** The configuration that a network has in the cluster (`namespace/name`); undefined where there is none. */
export async function nadConfigText(client: ClusterClient, nadName: string): Promise<string | undefined> {
    const nads = await listOnce<Nad>(client, NETWORK_ATTACHMENT_DEFINITION);
    return nads.find(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}` === nadName)?.spec?.config;
}

/** The networks of a namespace. */
export async function nadsOf(client: ClusterClient, namespace: string): Promise<Nad[]> {
    return listOnce<Nad>(client, NETWORK_ATTACHMENT_DEFINITION, namespace);
}

/** The same as they are now, also for those who ask later: the run may have made or changed some. */
export async function nadsAnew(client: ClusterClient, namespace: string): Promise<Nad[]> {
    const kind = NETWORK_ATTACHMENT_DEFINITION;
    return lists.renew(client, listName(kind, namespace), async () => read<Nad>(client, kind, namespace));
}

/** The NICs of all VMs, of all namespaces, that name a network; but those of VMs that are being deleted. */
export async function listedNics(client: ClusterClient): Promise<NicOnNad[]> {
    const vms = await listOnce<VirtualMachine>(client, VIRTUAL_MACHINE);
    return vms
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .flatMap(({ metadata: { namespace = "", name }, spec }) =>
            (spec?.template?.spec?.networks ?? []).flatMap(({ name: nic, multus }) =>
                multus
                    ? [{ vm: `${namespace}/${name}`, nic, nadName: qualifiedNad(namespace, multus.networkName) }]
                    : [],
            ),
        );
}

/** The VMs of a namespace. */
export async function listedVms(client: ClusterClient, namespace: string): Promise<VirtualMachine[]> {
    return listOnce<VirtualMachine>(client, VIRTUAL_MACHINE, namespace);
}

/** A NIC of a VM, by the names of both. */
interface NamedNic {
    readonly vm: string;
    readonly nic: string;
}

const macs = new WeakMap<readonly VirtualMachine[], Map<string, NamedNic[]>>();

/** The NICs of a namespace's VMs that have a MAC address (in canonical form). */
export async function listedNicsWithMac(client: ClusterClient, namespace: string, mac: string): Promise<NamedNic[]> {
    const vms = await listedVms(client, namespace);
    const holders = macs.get(vms) ?? nicsByMac(vms);
    macs.set(vms, holders);
    return holders.get(mac) ?? [];
}

function nicsByMac(vms: readonly VirtualMachine[]): Map<string, NamedNic[]> {
    const nics = new Map<string, NamedNic[]>();
    for (const { metadata, spec } of vms) {
        for (const { name, macAddress } of spec?.template?.spec?.domain?.devices?.interfaces ?? []) {
            const mac = normalizeMac(macAddress ?? "");
            if (mac.ok) {
                nics.set(mac.value, [...(nics.get(mac.value) ?? []), { vm: metadata.name, nic: name }]);
            }
        }
    }
    return nics;
}

/** A VM and its instance, as they were when this run first looked at those of its namespace. */
export async function listedView(client: ClusterClient, namespace: string, name: string): Promise<VmView> {
    const [vms, vmis] = await Promise.all([
        listedVms(client, namespace),
        listOnce<VirtualMachineInstance>(client, VIRTUAL_MACHINE_INSTANCE, namespace),
    ]);
    const isIt = ({ metadata }: KubernetesObject): boolean => metadata.name === name;
    return { vm: vms.find(isIt), vmi: vmis.find(isIt) };
}

/**
 * What there is of a kind, as it was when this run first looked.
 * @param namespace all namespaces where it is absent
 */
export async function listOnce<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    namespace?: string,
): Promise<T[]> {
    const name = listName(kind, namespace);
    const known = lists.known(client, name);
    // Who may list a namespace may be refused the list of all.
    const ofAll = known ? undefined : await lists.known(client, listName(kind))?.catch(() => undefined);
    const items = await lists.get(
        client,
        name,
        async () =>
            ofAll?.filter(({ metadata }) => metadata.namespace === namespace) ?? read<T>(client, kind, namespace),
    );
    return items as T[];
}

async function read<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    namespace?: string,
): Promise<T[]> {
    return (await client.list<T>(kind, namespace)).items;
}

function listName(kind: ResourceKind, namespace?: string): string {
    return `${resourceName(kind)} of ${namespace ?? "all namespaces"}`;
}
