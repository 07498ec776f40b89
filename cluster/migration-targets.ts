import type { ClusterClient } from "./client";
import { hasReason } from "./errors";
import { NODE } from "./kinds";
import { Remembered } from "./remembered";
import type { VirtualMachineInstance } from "./virtual-machine";

const nodes = new Remembered<string[] | undefined>();

/**
 * Whether a VM could be migrated, as far as nodes go: another one than its own takes VMs (virt-handler's heartbeat sets
 * the label, and its loss removes it) and is not cordoned. Nodes are read once in a run.
 * @returns undefined where the user may not list nodes
 */
export async function hasMigrationTarget(
    client: ClusterClient,
    { status }: VirtualMachineInstance,
): Promise<boolean | undefined> {
    const names = await nodes.get(client, "nodes", async () => schedulableNodes(client));
    return names?.some((name) => name !== status?.nodeName);
}

async function schedulableNodes(client: ClusterClient): Promise<string[] | undefined> {
    try {
        const labelSelector = "kubevirt.io/schedulable=true";
        const { items } = await client.list(NODE, undefined, {
            labelSelector,
            fieldSelector: "spec.unschedulable=false",
        });
        return items.map(({ metadata }) => metadata.name);
    } catch (error) {
        if (hasReason(error, "forbidden")) {
            return undefined;
        }
        throw error;
    }
}
