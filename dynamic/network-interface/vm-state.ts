import { powerOf, type VmView } from "../../cluster/virtual-machine";
import type { PhaseFacts } from "../../core/nic-phase";

/** The verdict on a VM that starts; `undefined` on any other. */
export function notStarting(view: VmView): { done: false; seen: string } | undefined {
    return powerOf(view) === "starting"
        ? { done: false, seen: `its instance is ${view.vmi?.status?.phase ?? "pending"}` }
        : undefined;
}

/** What the phase of a NIC is judged by. */
export function factsOf(
    { vm, vmi }: VmView,
    { workloadUpdateMethods }: Pick<PhaseFacts, "workloadUpdateMethods">,
): PhaseFacts {
    return { vm, ...(vmi && { vmi }), ...(workloadUpdateMethods && { workloadUpdateMethods }) };
}
