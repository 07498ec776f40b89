import type { ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { kubevirtFacts, waitForVm } from "../../cluster/virtual-machine";
import { isStuck, nicPhase } from "../../core/nic-phase";
import { markAbsent, removeNics, type NicIdentity } from "../../core/vm-networks";
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
    timeoutSeconds: number,
): Promise<void> {
    const kubevirt = await kubevirtFacts(client);
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
