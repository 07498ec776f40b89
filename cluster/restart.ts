import { condition } from "../core/kubevirt-objects";
import { ClusterError } from "./errors";
import type { ClusterClient } from "./client";
import { readVm, waitForVm, type VmView } from "./virtual-machine";

const restarts = new Map<string, Promise<void>>();

/**
 * Restarts a running VM and waits until it is ready again; whoever asks while it restarts shares that restart.
 * @throws ClusterError where KubeVirt refuses, or the VM is not ready within `timeoutSeconds`
 */
export async function restartVm(
    client: ClusterClient,
    vm: { readonly namespace: string; readonly name: string },
    timeoutSeconds: number,
): Promise<void> {
    const key = `${client.server} ${vm.namespace}/${vm.name}`;
    const restart = restarts.get(key) ?? restartOnce(client, vm, timeoutSeconds).finally(() => restarts.delete(key));
    restarts.set(key, restart);
    return restart;
}

async function restartOnce(
    client: ClusterClient,
    { namespace, name }: { readonly namespace: string; readonly name: string },
    timeoutSeconds: number,
): Promise<void> {
    const before = (await readVm(client, namespace, name)).vmi?.metadata.uid;
    if (before === undefined) {
        return; // it is off, and starts with what its template says
    }
    const path = [
        "apis",
        "subresources.kubevirt.io",
        "v1",
        "namespaces",
        namespace,
        "virtualmachines",
        name,
        "restart",
    ];
    await client.request("PUT", `/${path.map(encodeURIComponent).join("/")}`, { body: {} });
    await waitForVm(
        client,
        { namespace, name },
        (view) => {
            if (!view.vm) {
                throw new ClusterError("not-found", `VM "${namespace}/${name}" was deleted while it restarted.`);
            }
            const { vm, vmi } = view;
            // The VM's own status may still be that of the instance before.
            const isReady = condition(vmi?.status?.conditions, "Ready")?.status === "True";
            return vmi?.metadata.uid !== before && isReady && vm.status?.ready === true
                ? { done: true, result: undefined }
                : { done: false, seen: describeRestart(view, before) };
        },
        `VM "${namespace}/${name}" to restart`,
        timeoutSeconds,
    );
}

function describeRestart({ vm, vmi }: VmView, before: string): string {
    const instance =
        vmi === undefined ? "no instance" : vmi.metadata.uid === before ? "its old instance" : "its new instance";
    return `status ${vm?.status?.printableStatus ?? "unknown"}, ${instance}${vmi ? ` ${vmi.status?.phase ?? "pending"}` : ""}`;
}
