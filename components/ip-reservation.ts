import * as pulumi from "@pulumi/pulumi";
import { IPReservationResource } from "../dynamic/ip-reservation/resource";
import { earlierRequests } from "./address-order";
import { poolDependency, poolInput, poolKey, type IPPool } from "./ip-pool";
import { Cluster } from "./cluster";
import { managerOfStack } from "./manager";
import { commonInputs, type ClusterScopedArgs } from "./scope";

/** An address for something that is no NIC of a VM of this package, or for a NIC ahead of its VM. */
export interface IPReservationArgs extends ClusterScopedArgs {
    /** Pool to take the address from, or the name of one that exists. */
    pool?: IPPool | pulumi.Input<string>;
    /** Scope in which an address without a pool is unique; instead of `pool`. */
    space?: pulumi.Input<string>;
    /** The address wanted; with prefix length where there is no pool. @default one of the pool */
    address?: pulumi.Input<string>;
    /** MAC address of who uses it; kept beside it for those who read the reservation. */
    macAddress?: pulumi.Input<string>;
    /** Family of the address that is taken from `pool`. @default IPv4 where the pool has any */
    family?: "IPv4" | "IPv6";
    /** Keep the address for its owner when this resource is gone. @default false */
    retain?: boolean;
    /** Take the address over from another stack that has reserved it for the same owner. @default false */
    adopt?: boolean;
    /** Whom the address is for; an owner has one address of a family in a space. @default the name of this resource */
    owner?: pulumi.Input<string>;
}

/** An address that nobody else gets until this resource is deleted. */
export class IPReservation extends IPReservationResource {
    constructor(name: string, args: IPReservationArgs, opts?: pulumi.CustomResourceOptions) {
        const { pool, space, address, macAddress, family, retain, adopt } = args;
        const owner = pulumi.interpolate`owner:${args.owner ?? name}`;
        const request = {
            owner,
            ...(address !== undefined && { requested: address }),
            ...(family !== undefined && { family }),
        };
        super(
            name,
            {
                ...commonInputs(args.cluster ?? Cluster.default(), true),
                ...poolInput(pool),
                ...(space !== undefined && { space }),
                ...request,
                ...(pool !== undefined && { earlier: earlierRequests(poolKey(pool), request) }),
                ...(macAddress !== undefined && { macAddress }),
                ...(retain !== undefined && { retain }),
                ...(adopt !== undefined && { adopt }),
                manager: managerOfStack(),
                resource: opts?.parent ? pulumi.interpolate`${opts.parent.urn}::${name}` : name,
            },
            pulumi.mergeOptions({ dependsOn: poolDependency(pool) }, opts),
        );
    }
}
