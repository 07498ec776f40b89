import { type PodUse } from "../../core/audit-view";
import { type UnreadableSource } from "../../core/conflicts";
import { lenientAddress } from "../../core/lenient-address";
import type { ClusterClient, KubernetesObject } from "../client";
import { ClusterError } from "../errors";
import { POD, resourceName } from "../kinds";

/** Where Multus tells what a pod's networks have come to (its "network-status"). */
const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";

interface PodObject extends KubernetesObject {
    status?: { phase?: string; podIP?: string; podIPs?: { ip?: string }[] };
}

/** An entry of the network status. */
interface NetworkStatus {
    readonly name?: string;
    readonly ips?: readonly string[];
}

/** The pods of the cluster that have one of these addresses, on the pod network or another one. */
export async function readPodUses(
    client: ClusterClient,
    addresses: ReadonlySet<string>,
): Promise<{ pods: PodUse[]; unreadable: UnreadableSource[] }> {
    try {
        const { items } = await client.list<PodObject>(POD);
        return { pods: items.flatMap(usesOf).filter(({ address }) => addresses.has(address)), unreadable: [] };
    } catch (error) {
        if (error instanceof ClusterError) {
            const sentence = `cannot list ${resourceName(POD)}: ${error.message}`;
            return { pods: [], unreadable: [{ source: "VirtualMachines", sentence }] };
        }
        throw error;
    }
}

/** What a pod has; one that has ended has nothing. */
function usesOf({ metadata, status = {} }: PodObject): PodUse[] {
    const holder = `pod ${metadata.namespace ?? ""}/${metadata.name}`;
    if (status.phase === "Succeeded" || status.phase === "Failed") {
        return [];
    }
    const own = [status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)];
    const networks = networkStatus(metadata.annotations?.[NETWORK_STATUS]);
    return [
        ...own.flatMap((text) => use(text, holder)),
        ...networks.flatMap(({ name, ips = [] }) => ips.flatMap((text) => use(text, holder, name))),
    ];
}

function use(text: string | undefined, holder: string, network?: string): PodUse[] {
    const address = lenientAddress(text ?? "")?.text;
    // The default network has a name of its own, which is that of no NetworkAttachmentDefinition.
    return address === undefined ? [] : [{ address, holder, ...(network?.includes("/") === true && { network }) }];
}

/** What somebody has written there that is none has nothing in it. */
function networkStatus(text: string | undefined): NetworkStatus[] {
    try {
        const status: unknown = JSON.parse(text ?? "[]");
        return Array.isArray(status)
            ? status.filter((each): each is NetworkStatus => typeof each === "object" && each !== null)
            : [];
    } catch {
        return [];
    }
}
