import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
    cniConfig,
    existingNetworkProblems,
    resourceNameOf,
    RESOURCE_NAME_ANNOTATION,
    validateCniConfig,
    type CniNetworkSpec,
    type NetworkType,
} from "../core/cni-config";
import { macvlanParent } from "../core/cni/macvlan";
import { networkDefaults } from "../core/nic-network";
import { NetworkGuard } from "../dynamic/network-guard/resource";
import { untraced } from "../dynamic/shim";
import { managerOfStack, objectAnnotations } from "./manager";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";

/** What every network has. */
export interface PlacedNetworkArgs extends ClusterScopedArgs {
    /** @default "default" */
    namespace?: pulumi.Input<string>;
}

/** A network on a Linux bridge that exists on every node, with the uplink in it. */
export interface BridgeNetworkArgs extends PlacedNetworkArgs {
    /** A Linux bridge. */
    type: "bridge";
    /**
     * Name of the bridge on the nodes. Where a node has none, the CNI plugin makes an empty one, and its VMs are alone.
     * @default "br0"
     */
    bridge?: string;
    /**
     * Access VLAN, or native VLAN of a trunk, 1 to 4094. The bridge must have VLAN filtering on, and its uplink the VLAN,
     * on every node: on a bridge without filtering the VLAN is not in force, and nothing says so.
     * @default untagged
     */
    vlanId?: number;
    /** VLANs that the guest sees tagged: ids and ranges, as `[101, "200-299"]`. @default none */
    trunk?: (number | string)[];
    /**
     * MTU in bytes; at most that of the bridge and its uplink. All networks of a bridge should have the same: the kernel
     * lowers a bridge to the least of its ports.
     * @default the bridge's
     */
    mtu?: number;
    /**
     * Drop frames whose source MAC is not that of the NIC. In the way of VRRP and of nested virtualization; needs nft on
     * the nodes.
     * @default true
     */
    macSpoofCheck?: boolean;
    /**
     * Guests of one node reach the uplink, but not each other. It holds where every network of the bridge has it, and
     * inside a node only.
     * @default false
     */
    isolation?: boolean;
}

/**
 * A network on a NIC of the nodes that one VM of each node has to itself: macvlan in mode passthru. The other modes pass
 * no replies behind KubeVirt's bridge binding, so they cannot be had; for several VMs on one NIC, put it into a bridge.
 */
export interface MacvlanNetworkArgs extends PlacedNetworkArgs {
    /** A macvlan in mode passthru. */
    type: "macvlan";
    /** The NIC of every node; not one that is in a bridge. */
    master: string;
    /** VLAN, 1 to 4094: every node must have the VLAN device `<master>.<vlanId>`. @default untagged */
    vlanId?: number;
    /** MTU in bytes; at most that of the NIC. @default that of the NIC */
    mtu?: number;
}

/** A network on virtual functions of the nodes' NICs (sriov-cni). VMs get such a NIC by live migration, and keep it. */
export interface SriovNetworkArgs extends PlacedNetworkArgs {
    /** Virtual functions. */
    type: "sriov";
    /** The pool of virtual functions, bound to vfio-pci, as the SR-IOV device plugin calls it: `intel.com/sriov_net`. */
    resourceName: string;
    /** VLAN, 1 to 4094. @default untagged, or what the node's administrator has set */
    vlanId?: number;
    /** Drop frames whose source MAC is not that of the NIC. @default the driver's */
    spoofCheck?: boolean;
    /** The guest may change its MAC address and go promiscuous. @default the driver's */
    trust?: boolean;
    /** Guaranteed rate of what the guest sends, in Mbit/s. @default none */
    minTxRate?: number;
    /** Limit of what the guest sends, in Mbit/s; 0 is none. @default none */
    maxTxRate?: number;
}

/** A network on an Open vSwitch bridge of the nodes (ovs-cni). */
export interface OvsNetworkArgs extends PlacedNetworkArgs {
    /** Open vSwitch. */
    type: "ovs";
    /** Name of the Open vSwitch bridge on the nodes. */
    bridge: string;
    /** Access VLAN, 1 to 4094; not together with `trunk`. @default the guest sees every VLAN of the bridge, tagged */
    vlanId?: number;
    /** VLANs that the guest sees tagged: ids and ranges, as `[101, "200-299"]`. @default all */
    trunk?: (number | string)[];
    /** MTU in bytes. @default the bridge's */
    mtu?: number;
    /**
     * Resource of the nodes that have the bridge, so that VMs start there only.
     * @default "ovs-cni.network.kubevirt.io/" and the bridge, which ovs-cni's marker reports
     */
    resourceName?: string;
}

/** A network whose NetworkAttachmentDefinition exists already. */
export interface ExistingNetworkArgs extends PlacedNetworkArgs {
    /** What its CNI plugin is; it decides on the binding of the NICs. */
    type: NetworkType;
    /** Name of a NetworkAttachmentDefinition in `namespace`; it is used as it is, and stays. */
    nadName: string;
    /** Access VLAN that it has. @default not known */
    vlanId?: number;
    /** MTU that it has, in bytes, for the guest. @default not known */
    mtu?: number;
}

/** A layer-2 network that VMs attach to: one that is made, by type, or one that exists. */
export type NetworkArgs =
    BridgeNetworkArgs | MacvlanNetworkArgs | SriovNetworkArgs | OvsNetworkArgs | ExistingNetworkArgs;

/** A network, and its NetworkAttachmentDefinition, which goes only when nothing names it any more. */
export class Network extends pulumi.ComponentResource {
    /** Name of the resource, and of the NetworkAttachmentDefinition where one is made. */
    public readonly name: string;
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    public readonly nadName: pulumi.Output<string>;
    /** What kind of network it is. */
    public readonly type: NetworkType;
    /** Access VLAN, 1 to 4094; undefined where untagged. */
    public readonly vlanId: number | undefined;
    /** MTU in bytes; undefined where it is the nodes'. */
    public readonly mtu: number | undefined;
    /** Device of the nodes that a `macvlan` NIC has to itself; undefined on other types and where `nadName` is given. */
    public readonly parentDevice: string | undefined;
    /** Absent where `nadName` named an existing one. */
    public readonly nad: kubernetes.apiextensions.CustomResource | undefined;
    /** What VMs depend on; absent where `nadName` named an existing one. */
    public readonly guard: NetworkGuard | undefined;

    constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:Network", name, {}, opts);
        this.name = name;
        this.type = args.type;
        this.vlanId = args.vlanId;
        this.mtu = "mtu" in args ? args.mtu : undefined;
        const namespace = pulumi.output(args.namespace ?? "default");
        const { nadName } = args as Partial<ExistingNetworkArgs>;
        if (nadName !== undefined) {
            refuse(this, `Network ${name}`, existingNetworkProblems(name, args.type, args));
            this.nadName = pulumi.interpolate`${namespace}/${nadName}`;
        } else {
            const { namespace: _namespace, cluster: _cluster, ...rest } = args;
            const spec = { name, ...networkDefaults(args.type), ...rest } as CniNetworkSpec;
            refuse(this, `Network ${name}`, validateCniConfig(spec));
            this.parentDevice = spec.type === "macvlan" ? macvlanParent(spec) : undefined;
            const config = cniConfig(spec);
            const resourceName = resourceNameOf(spec);
            const scope = scopeOf(this, args);
            this.nad = untraced(
                () =>
                    new kubernetes.apiextensions.CustomResource(
                        name,
                        {
                            apiVersion: "k8s.cni.cncf.io/v1",
                            kind: "NetworkAttachmentDefinition",
                            metadata: {
                                name,
                                namespace,
                                annotations: {
                                    ...objectAnnotations(),
                                    ...(resourceName !== undefined && { [RESOURCE_NAME_ANNOTATION]: resourceName }),
                                },
                            },
                            spec: { config },
                        },
                        scope.kubernetes,
                    ),
            );
            this.nadName = pulumi.interpolate`${namespace}/${name}`;
            this.guard = new NetworkGuard(
                `${name}-guard`,
                { ...scope.common, nadName: this.nadName, config, manager: managerOfStack() },
                { ...scope.dynamic, dependsOn: this.nad },
            );
        }
        this.registerOutputs({ nadName: this.nadName });
    }
}
