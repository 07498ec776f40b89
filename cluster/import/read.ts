import { importMachine, type ImportableVm, type ImportedMachine } from "../../core/import/machine";
import { readNadConfig } from "../../core/cni/nad-config";
import { MANAGER_ANNOTATION } from "../../core/manager";
import { qualifiedNad } from "../../core/nic";
import type { ClusterClient, KubernetesObject } from "../client";
import { ClusterError } from "../errors";
import { NETWORK_ATTACHMENT_DEFINITION, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../kinds";
import type { VirtualMachineInstance } from "../virtual-machine";

/**
 * Reads a VM, its instance and its networks, for a program that takes it over.
 * @throws ClusterError `not-found` where there is no such VM, or any other reason
 */
export async function readMachine(client: ClusterClient, namespace: string, name: string): Promise<ImportedMachine> {
    const [vm, vmi] = await Promise.all([
        client.find<KubernetesObject & ImportableVm>(VIRTUAL_MACHINE, namespace, name),
        client.find<VirtualMachineInstance>(VIRTUAL_MACHINE_INSTANCE, namespace, name),
    ]);
    if (!vm) {
        const message = `The cluster at ${client.server} has no VM ${namespace}/${name}.`;
        throw new ClusterError("not-found", `${message} Those there are: kubectl get vms -A.`);
    }
    const named = (vm.spec?.template?.spec?.networks ?? []).flatMap(({ multus }) =>
        multus ? [qualifiedNad(namespace, multus.networkName)] : [],
    );
    const nads = await Promise.all([...new Set(named)].map((nad) => readNad(client, nad)));
    const manager = vm.metadata.annotations?.[MANAGER_ANNOTATION];
    return importMachine(vm, {
        nads: Object.fromEntries(nads.flat()),
        ...(vmi?.status?.interfaces && { interfaces: vmi.status.interfaces }),
        ...(manager !== undefined && { manager }),
    });
}

/** Name and CNI type; nothing of a network that is not there. */
async function readNad(client: ClusterClient, nad: string): Promise<[string, string | undefined][]> {
    const [namespace, name = ""] = nad.split("/");
    const found = await client.find<KubernetesObject & { spec?: { config?: string } }>(
        NETWORK_ATTACHMENT_DEFINITION,
        namespace,
        name,
    );
    return found ? [[nad, readNadConfig(found.spec?.config)?.plugin]] : [];
}
