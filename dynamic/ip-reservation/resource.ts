import type * as pulumi from "@pulumi/pulumi";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { IPReservationInputs } from "./inputs";

const provider = providerOf("ip-reservation");

/** An address that is held for one owner until it is deleted. */
export class IPReservationResource extends UntracedResource {
    /** The address, without prefix length. */
    declare public readonly address: pulumi.Output<string>;
    /** The address with prefix length, as guests are told it. */
    declare public readonly cidr: pulumi.Output<string>;
    /** Prefix length of the subnet, in bits. */
    declare public readonly prefixLength: pulumi.Output<number>;
    /** Empty where neither pool nor program names one. */
    declare public readonly gateway: pulumi.Output<string>;
    /** Those of the pool. */
    declare public readonly dnsServers: pulumi.Output<string[]>;
    /** Those of the pool. */
    declare public readonly searchDomains: pulumi.Output<string[]>;
    /** MAC address that goes with the address; undefined where none was given. */
    declare public readonly macAddress: pulumi.Output<string | undefined>;
    /** When the address was reserved, in RFC 3339. */
    declare public readonly allocatedAt: pulumi.Output<string>;

    constructor(name: string, args: InputsOf<IPReservationInputs>, opts?: pulumi.CustomResourceOptions) {
        const outputs = { allocationId: undefined, allocatedAt: undefined };
        const filledIn = {
            address: undefined,
            cidr: undefined,
            prefixLength: undefined,
            gateway: undefined,
            dnsServers: undefined,
            searchDomains: undefined,
        };
        super(provider, name, { ...filledIn, ...outputs, ...args }, opts, "wukong", "IPReservation");
    }
}
