import type * as pulumi from "@pulumi/pulumi";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { ServiceClaimInputs } from "./inputs";

const provider = providerOf("service-claim");

/**
 * Looks, before a Service is made or changed, whether what it asks for is free: its name, ports of the nodes, addresses; and
 * whether its VMs can be reached as it says. A preview tells who has what is not. It writes nothing.
 */
export class ServiceClaim extends UntracedResource {
    constructor(name: string, args: InputsOf<ServiceClaimInputs>, opts?: pulumi.CustomResourceOptions) {
        super(provider, name, args, opts, "wukong", "ServiceClaim");
    }
}
