import type { VmView } from "../../cluster/virtual-machine";
import { normalizeMac } from "../../core/mac";
import { isAsWritten } from "../../core/nic-journal";
import { attachNics, listsOf, specInLists } from "../../core/vm-networks";
import { specOf, type NetworkInterfaceInputs } from "./inputs";
import { isDeclared } from "./siblings";

/** A NIC that is in the state but no longer in its VM, or on its way out. */
export function hasLost(view: VmView, { nic }: NetworkInterfaceInputs): boolean {
    const entry = listsOf(view.vm ?? {}).interfaces?.find((each) => each.name === nic);
    return view.vm !== undefined && (entry === undefined || entry.state === "absent");
}

/** A NIC that the VM has, beside the one that is declared. */
export interface PresentNic {
    /** What it has otherwise than declared, beside the link. */
    readonly conflict: string | undefined;
    /** An interrupted update has written it otherwise than declared, and nobody has changed it since. */
    readonly isLeftOver: boolean;
    readonly fields: Partial<NetworkInterfaceInputs>;
}

/** The NIC as the VM has it already, where it does and is not about to lose it. */
export function presentNic({ vm }: VmView, inputs: NetworkInterfaceInputs): PresentNic | undefined {
    const { nic, namespace } = inputs;
    const lists = listsOf(vm ?? {});
    const entry = lists.interfaces?.find((each) => each.name === nic);
    if (entry === undefined || entry.state === "absent") {
        return undefined;
    }
    const { conflicts, changed } = attachNics(lists, [specOf(inputs)], { namespace });
    const isLeftOver =
        conflicts.length + changed.length > 0 &&
        isDeclared(`${namespace}/${inputs.vm}`, nic) &&
        isAsWritten(vm ?? {}, lists, nic, namespace);
    const mac = normalizeMac(entry.macAddress ?? "");
    const { macAddress, nadName, linkState } = specInLists(
        lists,
        { name: nic, macAddress: mac.ok ? mac.value : (inputs.macAddress ?? "") },
        namespace,
    );
    return {
        conflict: conflicts[0]?.message,
        isLeftOver,
        fields: { linkState, ...(conflicts.length > 0 && { macAddress, ...(nadName !== undefined && { nadName }) }) },
    };
}
