import type { PodNetworkStatus } from "../core/kubevirt-objects";
import type { ClusterClient, KubernetesObject } from "./client";
import { POD } from "./kinds";
import type { VirtualMachineInstance } from "./virtual-machine";

interface Pod extends KubernetesObject {
    spec?: { nodeName?: string };
    status?: { phase?: string };
}

/**
 * What Multus says of the pod that an instance runs in now (a migration has two); undefined where there is none, or
 * Multus has not spoken yet.
 */
export async function launcherPodNetworks(
    client: ClusterClient,
    { metadata: { namespace, uid = "" }, status }: VirtualMachineInstance,
): Promise<PodNetworkStatus[] | undefined> {
    const labelSelector = `kubevirt.io/created-by=${uid}`;
    const { items } = await client.list<Pod>(POD, namespace, { labelSelector });
    const current = items.find((pod) => pod.spec?.nodeName === status?.nodeName && pod.status?.phase === "Running");
    const text = current?.metadata.annotations?.["k8s.v1.cni.cncf.io/network-status"];
    return text === undefined ? undefined : readNetworkStatus(text);
}

/** An annotation is anybody's to write: one that cannot be read says as little as none. */
function readNetworkStatus(text: string): PodNetworkStatus[] | undefined {
    try {
        const status: unknown = JSON.parse(text);
        return Array.isArray(status) ? (status as PodNetworkStatus[]) : undefined;
    } catch {
        return undefined;
    }
}
