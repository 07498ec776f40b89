import type * as pulumi from "@pulumi/pulumi";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { NetworkGuardInputs } from "./provider";

const provider = providerOf("network-guard");

/**
 * Answers "may this NetworkAttachmentDefinition go?": depends on it, so its own delete comes first, and refuses while any
 * VM, VMI or pod anywhere names it.
 */
export class NetworkGuard extends UntracedResource {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    declare public readonly nadName: pulumi.Output<string>;

    constructor(name: string, args: InputsOf<NetworkGuardInputs>, opts?: pulumi.CustomResourceOptions) {
        super(provider, name, { ...args }, opts, "wukong", "NetworkGuard");
    }
}
