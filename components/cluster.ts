import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Connection } from "../dynamic/connection";

/** Which cluster, in the terms of a kubeconfig. */
export interface ClusterArgs {
    /**
     * Contents or path of a kubeconfig. Contents are kept as a secret in the state of every resource that acts on the
     * running cluster, so that a later `destroy` finds it; a path, or nothing, keeps the state small.
     * @default what @pulumi/kubernetes' default provider uses: stack configuration `kubernetes:kubeconfig`, else the
     * `KUBECONFIG` of the environment, else `~/.kube/config`
     */
    kubeconfig?: pulumi.Input<string>;
    /** @default stack configuration `kubernetes:context`, else the kubeconfig's current context */
    context?: pulumi.Input<string>;
}

/**
 * The one place that names a cluster: it serves the Kubernetes objects and the resources that act on running VMs alike,
 * so both are sure to talk to the same one.
 */
export class Cluster extends pulumi.ComponentResource {
    /** The provider of the Kubernetes objects. */
    public readonly provider: kubernetes.Provider;
    /** @internal */
    public readonly connection: pulumi.Input<Connection>;

    constructor(name: string, args: ClusterArgs = {}, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:Cluster", name, {}, opts);
        const config = new pulumi.Config("kubernetes");
        const kubeconfig = args.kubeconfig ?? config.getSecret("kubeconfig");
        const context = args.context ?? config.get("context");
        const connection = {
            ...(kubeconfig !== undefined && { kubeconfig: pulumi.secret(kubeconfig) }),
            ...(context !== undefined && { context }),
        };
        // An Output costs every resource that gets it.
        this.connection = kubeconfig === undefined && context === undefined ? {} : pulumi.output(connection);
        this.provider = new kubernetes.Provider(
            name,
            {
                ...connection,
                // An `up` after one that was killed finds objects that its predecessor made and could not record.
                upsertExistingObjects: true,
                // Guest configuration changes while its VM, which names the Secret, runs on.
                enableSecretMutable: true,
            },
            { parent: this },
        );
        this.registerOutputs({});
    }

    /** The cluster of everything that names none; made once in a program. */
    public static default(): Cluster {
        const stack = pulumi.runtime.getStackResource();
        const key = stack ?? noStack;
        let cluster = defaults.get(key);
        if (!cluster) {
            // The default cluster belongs to the stack, whoever asks for it first.
            cluster = new Cluster("default-cluster", {}, stack && { parent: stack });
            defaults.set(key, cluster);
        }
        return cluster;
    }
}

/** Programs that run in one process, one after the other, each have a default cluster. */
const defaults = new WeakMap<object, Cluster>();
const noStack = {};
