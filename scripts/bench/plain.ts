import * as kubernetes from "@pulumi/kubernetes";
import { cniConfig } from "../../core/cni-config";
import { guestNetworkConfig } from "../../core/guest-network";
import { macFor } from "../../core/mac";

/** Annotation of VMs that gives them room for all NICs; how many a VM has is KubeVirt's rule and not what is measured. */
export const ROOM = { "embedded.vm.novasphere.dev/hotplug-ports": "24" };

/**
 * The objects that VirtualMachines come to, as plain resources of the kubernetes provider: complete from the start. An
 * update waits until the VMs are ready, as it does for VirtualMachines.
 * @param virtualMachines names of the NICs on the network, beside the pod NIC, by VM
 */
export function plainVirtualMachines(
    namespace: string,
    virtualMachines: Readonly<Record<string, readonly string[]>>,
): void {
    const skipAwait = { "pulumi.com/skipAwait": "true" };
    const network = new kubernetes.apiextensions.CustomResource("lan", {
        apiVersion: "k8s.cni.cncf.io/v1",
        kind: "NetworkAttachmentDefinition",
        metadata: { name: "lan", namespace, annotations: skipAwait },
        spec: { config: cniConfig({ name: "lan", type: "bridge", bridge: "br0", macSpoofCheck: true }) },
    });
    for (const [key, names] of Object.entries(virtualMachines)) {
        const name = `${key}-vm`;
        const nics = ["eth0", ...names].map((nic) => ({ name: nic, macAddress: macFor(namespace, name, nic) }));
        const [primary] = nics;
        const secret = new kubernetes.core.v1.Secret(`${name}-cloud-init`, {
            metadata: { name: `${name}-cloud-init`, namespace, annotations: skipAwait },
            stringData: {
                userdata: "#cloud-config\n",
                networkdata: guestNetworkConfig(
                    nics.map((nic) => ({ ...nic, mode: "dhcp" as const, primary: nic === primary })),
                ),
            },
        });
        const reference = { name: secret.metadata.name };
        const vm = {
            apiVersion: "kubevirt.io/v1",
            kind: "VirtualMachine",
            metadata: { name, namespace, annotations: { "pulumi.com/waitFor": "jsonpath={.status.ready}=true" } },
            spec: {
                runStrategy: "Always",
                template: {
                    metadata: { labels: { "kubevirt.io/vm": name }, annotations: ROOM },
                    spec: {
                        domain: {
                            cpu: { cores: 1 },
                            memory: { guest: "4Gi" },
                            devices: {
                                autoattachPodInterface: false,
                                disks: [{ name: "cloud-init", disk: { bus: "virtio" } }],
                                interfaces: nics.map((nic) => ({
                                    ...nic,
                                    [nic === primary ? "masquerade" : "bridge"]: {},
                                    model: "virtio",
                                })),
                            },
                        },
                        networks: nics.map((nic) => ({
                            name: nic.name,
                            ...(nic === primary ? { pod: {} } : { multus: { networkName: `${namespace}/lan` } }),
                        })),
                        volumes: [
                            {
                                name: "cloud-init",
                                cloudInitNoCloud: { secretRef: reference, networkDataSecretRef: reference },
                            },
                        ],
                    },
                },
            },
        };
        new kubernetes.apiextensions.CustomResource(name, vm, { dependsOn: [network] });
    }
}
