import * as pulumi from "@pulumi/pulumi";
import type { CommonInputs, InputsOf } from "../dynamic/connection";
import { Cluster } from "./cluster";

/** Options that every component of this package shares. */
export interface ClusterScopedArgs {
    /** @default the cluster of @pulumi/kubernetes' default provider */
    cluster?: Cluster;
}

/** Where the children of a component go. */
export interface Scope {
    /** Options of children that are Kubernetes objects. */
    readonly kubernetes: pulumi.CustomResourceOptions;
    /** Options of children that are components themselves. */
    readonly components: pulumi.ComponentResourceOptions;
    /** Options of children that act on the running cluster. */
    readonly dynamic: pulumi.CustomResourceOptions;
    /** Inputs of every child that acts on the running cluster. */
    readonly common: InputsOf<CommonInputs>;
}

/**
 * The scope of a component's children: the cluster that `args` name serves them; where they name none, a kubernetes
 * provider in `opts` (or of the parent) serves the Kubernetes objects, else the default cluster's does.
 */
export function scopeOf(component: pulumi.ComponentResource, args: ClusterScopedArgs): Scope {
    const given = component.getProvider("kubernetes:core/v1:Secret");
    const cluster = args.cluster ?? Cluster.default();
    const provider = args.cluster ? args.cluster.provider : (given ?? cluster.provider);
    return {
        kubernetes: { parent: component, provider },
        components: { parent: component, providers: [provider] },
        dynamic: { parent: component },
        common: commonInputs(cluster, provider === cluster.provider),
    };
}

/** The inputs that every resource which acts on the cluster gets. */
export function commonInputs(cluster: Cluster, writesObjects: boolean): InputsOf<CommonInputs> {
    return {
        connection: cluster.connection,
        ...(pulumi.runtime.isDryRun() && { preview: true }),
        ...(writesObjects && { writesObjects }),
    };
}
