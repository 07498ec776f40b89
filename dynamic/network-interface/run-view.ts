import type { ClusterClient } from "../../cluster/client";
import { readVm, type VmView } from "../../cluster/virtual-machine";
import { listsOf } from "../../core/vm-networks";
import { listedView } from "../listing";

/** VMs that were seen off and without any NIC, by uid: this run has just made them. */
const newVms = new Map<string, VmView>();

/** The VM that is looked at. */
interface CheckedVm {
    readonly namespace: string;
    readonly vm: string;
    readonly vmUid?: string | undefined;
    readonly preview?: boolean;
}

/**
 * A VM as a check looks at it. What the run does not change is read once, together with the other VMs of the namespace; and
 * so is, by itself, a VM that the run has just made: what its resources put into it is no news to them.
 * @param same the resource is as it was, and so is what it says of the VM
 */
export async function viewForCheck(
    client: ClusterClient,
    { namespace, vm: name, vmUid, preview }: CheckedVm,
    same: boolean,
): Promise<VmView> {
    const known = vmUid === undefined ? undefined : newVms.get(vmUid);
    if (known) {
        return known;
    }
    if (preview === true || same) {
        return listedView(client, namespace, name);
    }
    const view = await readVm(client, namespace, name);
    const { vm, vmi } = view;
    // In an update the VM of a new NIC is there already, waiting for its NICs; a preview finds none.
    if (vmUid !== undefined && vm?.metadata.uid === vmUid && !vmi && (listsOf(vm).interfaces ?? []).length === 0) {
        newVms.set(vmUid, view);
    }
    return view;
}

/** Whether the run has just made the VM. */
export function isNewVm({ vm }: VmView): boolean {
    return newVms.has(vm?.metadata.uid ?? "");
}
