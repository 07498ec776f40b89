import type { Impact } from "../../core/impact";
import type { LinkState, NicType } from "../../core/nic";
import type { PlannedChange } from "../../core/plan/change";
import type { CommonInputs, ConsentInputs } from "../connection";

/** KubeVirt's run strategies. */
export type RunStrategy = "Always" | "RerunOnFailure" | "Once" | "Manual" | "Halted";

/** A NIC of the VM, as the plan of a preview speaks of it. */
export interface PlannedNic {
    type: NicType;
    primary: boolean;
    macAddress: string;
    nadName?: string;
    model: string;
    linkState: LinkState;
    addresses: string[];
    /** What the NIC's own last change costs, and why. */
    impact?: Impact;
    reason?: string;
}

/** NICs in the VM and addresses for it that an interrupted update made and the engine does not know. */
export interface Leftovers {
    readonly nics: readonly { readonly name: string; readonly macAddress: string; readonly nadName?: string }[];
    readonly reservations: readonly {
        readonly address: string;
        readonly space: string;
        readonly allocationId: string;
        readonly pool?: string;
    }[];
}

/** Whether a VM runs; comes after all its NICs, so that a new VM boots with them. */
export interface PowerStateInputs extends CommonInputs, ConsentInputs {
    namespace: string;
    vm: string;
    /** Random or absent in a preview. */
    vmUid?: string;
    /** `organization/project/stack`, as the VM's annotation says. */
    manager: string;
    /** The VM may be one that was made without Pulumi, and has to be there. */
    adopt?: boolean;
    runStrategy: RunStrategy;
    /** All NICs by name. */
    networks: Record<string, PlannedNic>;
    /** How long a start or stop may take. */
    timeoutSeconds: number;
    /** What the last change of the network was; filled in by `check`. */
    changes?: PlannedChange[];
    /** NICs for which the VM is to be restarted when all are in place: filled in by `check`, where its owner agrees to that. */
    restart?: string[];
    /** What the VM is to be rid of; filled in by `check`, and absent where there is nothing. */
    leftovers?: Leftovers;
}

export interface PowerStateState extends PowerStateInputs {
    /** KubeVirt's printable status, such as `Running`. */
    status: string;
    /** KubeVirt waits for a restart to apply what could not be applied live. */
    restartRequired: boolean;
}
