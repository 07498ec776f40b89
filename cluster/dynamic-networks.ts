import type { ClusterClient, KubernetesObject } from "./client";
import { hasReason } from "./errors";
import { DAEMON_SET } from "./kinds";
import { Remembered } from "./remembered";

interface DaemonSet extends KubernetesObject {
    status?: { numberReady?: number };
}

/** Part of the name under which distributions install the controller (its own manifests: `dynamic-networks-controller-ds`). */
export const DYNAMIC_NETWORKS_CONTROLLER = "dynamic-networks-controller";

const known = new Remembered<boolean | undefined>();

/**
 * Whether multus-dynamic-networks-controller runs, which attaches NICs to pods that run already. It is looked for once in
 * a run.
 * @returns undefined where the user may not list DaemonSets of all namespaces
 */
export async function hasDynamicNetworksController(client: ClusterClient): Promise<boolean | undefined> {
    return known.get(client, DYNAMIC_NETWORKS_CONTROLLER, async () => look(client));
}

async function look(client: ClusterClient): Promise<boolean | undefined> {
    try {
        const { items } = await client.list<DaemonSet>(DAEMON_SET);
        return items.some(
            ({ metadata, status }) =>
                metadata.name.includes(DYNAMIC_NETWORKS_CONTROLLER) && (status?.numberReady ?? 0) > 0,
        );
    } catch (error) {
        if (hasReason(error, "forbidden")) {
            return undefined;
        }
        throw error;
    }
}
