import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { cniConfig, validateCniConfig, type CniNetworkSpec } from "../core/cni-config";
import { NetworkGuard } from "../dynamic/network-guard/resource";
import { objectAnnotations } from "./manager";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";

/** A layer-2 network that VMs attach to. */
export interface NetworkArgs extends ClusterScopedArgs {
    /** `bridge`: a Linux bridge that exists on every node, with the uplink in it. */
    type: "bridge";
    /** @default "default" */
    namespace?: pulumi.Input<string>;
    /**
     * Name of the bridge on the nodes. Where a node has none, the CNI plugin makes an empty one, and its VMs are alone.
     * @default "br0"
     */
    bridge?: string;
    /**
     * Access VLAN, 1 to 4094. The bridge must have VLAN filtering on, and its uplink the VLAN, on every node.
     * @default untagged
     */
    vlanId?: number;
    /**
     * MTU in bytes; at most that of the bridge and its uplink.
     * @default the bridge's
     */
    mtu?: number;
    /**
     * Drop frames whose source MAC is not that of the NIC. In the way of VRRP and of nested virtualization.
     * @default true
     */
    macSpoofCheck?: boolean;
    /**
     * Name of a NetworkAttachmentDefinition that exists already, in `namespace`; it is used as it is, and stays.
     * @default one is made, with the name of this resource
     */
    nadName?: string;
}

/** A network, and its NetworkAttachmentDefinition, which goes only when nothing names it any more. */
export class Network extends pulumi.ComponentResource {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    public readonly nadName: pulumi.Output<string>;
    /** What kind of network it is. */
    public readonly type: "bridge";
    /** Access VLAN, 1 to 4094; undefined where untagged. */
    public readonly vlanId: number | undefined;
    /** MTU in bytes; undefined where it is the bridge's. */
    public readonly mtu: number | undefined;
    /** Absent where `nadName` named an existing one. */
    public readonly nad: kubernetes.apiextensions.CustomResource | undefined;
    /** What VMs depend on; absent where `nadName` named an existing one. */
    public readonly guard: NetworkGuard | undefined;

    constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:Network", name, {}, opts);
        this.type = args.type;
        this.vlanId = args.vlanId;
        this.mtu = args.mtu;
        const namespace = pulumi.output(args.namespace ?? "default");
        if (args.nadName !== undefined) {
            this.nadName = pulumi.interpolate`${namespace}/${args.nadName}`;
        } else {
            const spec: CniNetworkSpec = {
                type: args.type,
                name,
                bridge: args.bridge ?? "br0",
                macspoofchk: args.macSpoofCheck ?? true,
                ...(args.vlanId !== undefined && { vlanId: args.vlanId }),
                ...(args.mtu !== undefined && { mtu: args.mtu }),
            };
            refuse(this, `Network ${name}`, validateCniConfig(spec));
            const scope = scopeOf(this, args);
            this.nad = new kubernetes.apiextensions.CustomResource(
                name,
                {
                    apiVersion: "k8s.cni.cncf.io/v1",
                    kind: "NetworkAttachmentDefinition",
                    metadata: { name, namespace, annotations: objectAnnotations() },
                    spec: { config: cniConfig(spec) },
                },
                scope.kubernetes,
            );
            this.nadName = pulumi.interpolate`${namespace}/${name}`;
            this.guard = new NetworkGuard(
                `${name}-guard`,
                { ...scope.common, nadName: this.nadName },
                { ...scope.dynamic, dependsOn: this.nad },
            );
        }
        this.registerOutputs({ nadName: this.nadName });
    }
}
