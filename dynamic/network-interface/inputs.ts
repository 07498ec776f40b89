import type { Impact } from "../../core/impact";
import { macFor } from "../../core/mac";
import type { NicObservation } from "../../core/nic-observation";
import { bindingOf, type LinkState, type NicDeclaration, type NicSpec, type NicType } from "../../core/nic";
import type { CommonInputs, ConsentInputs } from "../connection";

/** A NIC of a VirtualMachine. */
export interface NetworkInterfaceInputs extends CommonInputs, ConsentInputs {
    namespace: string;
    /** Name of the VirtualMachine. */
    vm: string;
    /** Its uid: a NIC belongs to one VM, not to whichever bears the name. Random or absent in a preview. */
    vmUid?: string;
    /** Name of the NIC in the VM. */
    nic: string;
    /** All NICs that the program declares for the VM: those that change together share a patch. Never stored. */
    siblings?: string[];
    type: NicType;
    /** `namespace/name`; absent for the pod network. */
    nadName?: string;
    /** True where the program itself makes the NetworkAttachmentDefinition, so a preview need not find it. Never stored. */
    nadDeclared?: boolean;
    /** Device of the nodes that a macvlan NIC has to itself, where the program itself makes its network. Never stored. */
    parentDevice?: string;
    /** The VM cannot be without it. */
    primary: boolean;
    /** @default made of namespace, VM and NIC */
    macAddress?: string;
    model: string;
    linkState: LinkState;
    /** What the guest is told to use, with prefix length; empty for DHCP. */
    addresses: string[];
    /** How long an attach or detach may take. */
    timeoutSeconds: number;
    /** The running VM has lost the NIC (an unplug was interrupted, or made by another): filled in by `check`. */
    lost?: true;
    /** The VM has the NIC as an interrupted update wrote it, and not as it is in the state: filled in by `check`. */
    interrupted?: true;
    /** KubeVirt moves the NIC to its network, and the guest keeps it meanwhile: filled in by `check`. */
    swap?: true;
    /** What the last change costs the VM, and why; filled in by `check`. */
    impact?: Impact;
    reason?: string;
}

/** What is known of a NIC once it is attached. */
export interface NetworkInterfaceState extends NetworkInterfaceInputs, NicObservation {
    phase: string;
    message: string;
}

/** The state without what was observed. */
export function inputsOf({
    phase: _phase,
    message: _message,
    interfaceName: _interfaceName,
    observedAddresses: _observedAddresses,
    observedLinkState: _observedLinkState,
    ...inputs
}: NetworkInterfaceState): NetworkInterfaceInputs {
    return inputs;
}

/** The NIC as KubeVirt's lists are written from it. */
export function specOf(inputs: NetworkInterfaceInputs): NicSpec {
    return {
        name: inputs.nic,
        type: inputs.type,
        binding: bindingOf(inputs.type),
        ...(inputs.nadName !== undefined && { nadName: inputs.nadName }),
        macAddress: inputs.macAddress ?? macFor(inputs.namespace, inputs.vm, inputs.nic),
        model: inputs.model,
        linkState: inputs.linkState,
    };
}

/** The NIC as the rules of `validateNics` read it. */
export function declarationOf(inputs: NetworkInterfaceInputs): NicDeclaration {
    return {
        name: inputs.nic,
        type: inputs.type,
        model: inputs.model,
        linkState: inputs.linkState,
        ...(inputs.nadName !== undefined && { nadName: inputs.nadName }),
        ...(inputs.macAddress !== undefined && { macAddress: inputs.macAddress }),
    };
}
