import type * as pulumi from "@pulumi/pulumi";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { ServiceEndpointsInputs } from "./provider";

const provider = providerOf("service-endpoints");

/** Waits until a Service has a ready endpoint, with a deadline: the readiness that the Service itself skips. */
export class ServiceEndpoints extends UntracedResource {
    /** Addresses that traffic reaches, as `address:port`. */
    declare public readonly ready: pulumi.Output<string[]>;

    constructor(name: string, args: InputsOf<ServiceEndpointsInputs>, opts?: pulumi.CustomResourceOptions) {
        super(provider, name, { ...args, ready: undefined }, opts, "wukong", "ServiceEndpoints");
    }
}
