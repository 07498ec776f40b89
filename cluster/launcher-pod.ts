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

/** An annotation is anybody's to write: one that cannot be read tells of no interface. */
function readNetworkStatus(text: string): PodNetworkStatus[] {
    try {
        const status: unknown = JSON.parse(text);
        const entries: unknown[] = Array.isArray(status) ? status : [];
        return entries.filter((entry): entry is PodNetworkStatus => typeof entry === "object" && entry !== null);
    } catch {
        return [];
    }
}
