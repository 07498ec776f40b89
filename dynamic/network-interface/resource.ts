import type * as pulumi from "@pulumi/pulumi";
import type { Impact } from "../../core/impact";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { NetworkInterfaceInputs } from "./inputs";

const provider = providerOf("network-interface");

/**
 * A NIC of a VM: in the template of a VM that is off, hot-plugged into one that runs; unplugged when it is deleted. The
 * only writer of KubeVirt's lists of networks and interfaces.
 */
export class NetworkInterface extends UntracedResource {
    /** MAC address, canonical and in lower case. */
    declare public readonly macAddress: pulumi.Output<string>;
    /** `namespace/name` of the NetworkAttachmentDefinition; undefined for the pod network. */
    declare public readonly nadName: pulumi.Output<string | undefined>;
    /** What the guest was told to use, with prefix length. */
    declare public readonly addresses: pulumi.Output<string[]>;
    /** What the last change cost the VM: `boot`, `live`, `live-migration`, `restart`, `first-boot-only`. */
    declare public readonly impact: pulumi.Output<Impact>;
    /** Why it cost that. */
    declare public readonly reason: pulumi.Output<string>;
    /** Where the NIC stands, such as `staged`, `attached` or `guest-visible`. */
    declare public readonly phase: pulumi.Output<string>;
    /** What the phase means for this NIC, as a sentence. */
    declare public readonly message: pulumi.Output<string>;
    /** Name of the interface in the guest; empty until a guest agent tells. */
    declare public readonly interfaceName: pulumi.Output<string>;
    /** Addresses that the guest reports, without link-local ones; empty until a guest agent tells. */
    declare public readonly observedAddresses: pulumi.Output<string[]>;
    /** `up` or `down`, as the running VM has it; empty where KubeVirt does not tell. */
    declare public readonly observedLinkState: pulumi.Output<string>;

    constructor(name: string, args: InputsOf<NetworkInterfaceInputs>, opts?: pulumi.CustomResourceOptions) {
        const outputs = {
            phase: undefined,
            message: undefined,
            interfaceName: undefined,
            observedAddresses: undefined,
            observedLinkState: undefined,
        };
        const filledIn = { macAddress: undefined, impact: undefined, reason: undefined };
        super(provider, name, { ...filledIn, ...outputs, ...args }, opts, "wukong", "NetworkInterface");
    }
}
