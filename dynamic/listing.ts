import type { ClusterClient, KubernetesObject } from "../cluster/client";
import { NETWORK_ATTACHMENT_DEFINITION, VIRTUAL_MACHINE, resourceName, type ResourceKind } from "../cluster/kinds";
import { Remembered } from "../cluster/remembered";
import type { VirtualMachine } from "../cluster/virtual-machine";
import { readNadConfig } from "../core/cni/nad-config";
import type { NamedNad } from "../core/cni/neighbours";
import type { NicOnNad } from "../core/cni/parent-holders";
import { qualifiedNad } from "../core/nic";

/** Lists that are read once in a run: for each resource of a program the same would come back. */
const lists = new Remembered<unknown>();

/** A NetworkAttachmentDefinition as it is looked at. */
interface Nad extends KubernetesObject {
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

/** @param namespace all namespaces where it is absent */
async function listOnce<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    namespace?: string,
): Promise<T[]> {
    const name = `${resourceName(kind)} of ${namespace ?? "all namespaces"}`;
    return lists.get(client, name, async () => (await client.list<T>(kind, namespace)).items) as Promise<T[]>;
}
