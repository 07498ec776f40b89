import type { ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { restartVm } from "../../cluster/restart";
import { kubevirtFacts, waitForVm } from "../../cluster/virtual-machine";
import { isStuck, nicPhase } from "../../core/nic-phase";
import { markAbsent, removeNics, type NicIdentity } from "../../core/vm-networks";
import type { ConsentInputs } from "../connection";
import { MigrationRequest } from "./migration-request";
import { editVm, type EditedVm } from "./vm-edits";
import { factsOf, notStarting } from "./vm-state";

/**
 * Unplugs the NIC, or takes it out of a VM that is off, and waits until nothing of it is left.
 * @throws ClusterError where the VM's NIC of that name has another MAC address, KubeVirt cannot unplug it, or it has not
 * left within `timeoutSeconds`
 */
export async function detachNic(
    client: ClusterClient,
    vm: EditedVm,
    nic: NicIdentity,
    { timeoutSeconds, onMigrationRequired }: { timeoutSeconds: number } & ConsentInputs,
): Promise<void> {
    const kubevirt = onMigrationRequired === "request" ? {} : await kubevirtFacts(client);
    const migration = new MigrationRequest(client, vm, onMigrationRequired);
    const where = `VM "${vm.namespace}/${vm.name}"`;
    // Entries that vanish while a VM starts stay in its instance for good.
    await waitForVm(
        client,
        vm,
        (now) => notStarting(now) ?? { done: true, result: undefined },
        `${where} to have started before NIC "${nic.name}" is unplugged`,
        timeoutSeconds,
    );
    await editVm(client, vm, {
        kind: "detach",
        nic: nic.name,
        apply: (lists, running) => (running ? markAbsent(lists, [nic]) : removeNics(lists, [nic])),
    });
    await waitForVm(
        client,
        vm,
        (now) => {
            if (now.vm?.metadata.uid !== vm.uid) {
                return { done: true, result: undefined };
            }
            migration.see(now);
            const { phase, message } = nicPhase(nic.name, factsOf(now, kubevirt));
            if (isStuck(phase)) {
                throw new ClusterError("failed", `NIC "${nic.name}" of ${where} is not unplugged: ${message}.`);
            }
            return phase === "gone" ? { done: true, result: undefined } : { done: false, seen: `${phase}: ${message}` };
        },
        `NIC "${nic.name}" to leave ${where}`,
        timeoutSeconds,
    );
}

/**
 * Takes a NIC that KubeVirt does not unplug out of the VM's template, and restarts the VM, once for all that come together.
 * @param restartSeconds how long the restart may take; undefined where another restart follows anyway
 * @throws ClusterError where the VM's NIC of that name has another MAC address, or the VM is not back in time
 */
export async function takeOff(
    client: ClusterClient,
    vm: EditedVm,
    nic: NicIdentity,
    restartSeconds: number | undefined,
): Promise<void> {
    await editVm(client, vm, { kind: "detach", nic: nic.name, apply: (lists) => removeNics(lists, [nic]) });
    if (restartSeconds !== undefined) {
        await restartVm(client, vm, restartSeconds);
    }
}
