import type * as pulumi from "@pulumi/pulumi";
import type { NetworkType } from "../core/cni-config";
import type { ServiceDataplane } from "../core/service/exposure";
import type { ExposureArgs } from "./exposure-args";
import type { IPPool } from "./ip-pool";
import type { Network } from "./network";

/** A NIC of a VirtualMachine, with everything network about it. Keyed by `name`; order carries no meaning. */
export interface NetworkInterfaceArgs {
    /** Name of the NIC, unique in the VM, in the form of a DNS label; the guest's interface gets it where it fits (15 characters). */
    name: string;
    /**
     * `pod`: the pod network, by masquerade; the guest takes its address by DHCP.
     * `bridge`, `macvlan`, `sriov`, `ovs`: a layer-2 network, as `Network` makes it.
     */
    type: "pod" | NetworkType;
    /** The network of the NIC. @default one of its own, called `<vm>-<nic>`, which goes with the NIC */
    network?: Network;
    /**
     * NetworkAttachmentDefinition that exists already, as `name` (of the VM's namespace) or `namespace/name`; instead of
     * `network`.
     */
    nadName?: pulumi.Input<string>;
    /** Of a `bridge` or `ovs` network of the NIC's own: the bridge on the nodes. @default "br0" with `bridge` */
    bridge?: string;
    /** Of a `macvlan` network of the NIC's own: the nodes' NIC, which this VM then has to itself. */
    master?: string;
    /** Of a `sriov` (or `ovs`) network of the NIC's own: the nodes' resource, such as `intel.com/sriov_net`. */
    resourceName?: string;
    /** Of a network of the NIC's own: access VLAN, 1 to 4094. @default untagged; with `ovs`, all VLANs */
    vlanId?: number;
    /** Of a `bridge` or `ovs` network of the NIC's own: VLANs the guest sees tagged, as `[101, "200-299"]`. @default none */
    trunk?: (number | string)[];
    /** Of a network of the NIC's own (not `sriov`): MTU in bytes. @default that of the nodes' device */
    mtu?: number;
    /** The primary NIC cannot be removed while the VM exists. @default the first NIC is primary */
    primary?: boolean;
    /**
     * MAC address; unicast. Changing it takes the NIC off the running VM and attaches it anew.
     * @default made of namespace, VM and NIC name: it stays over reorder, restart, and changes of other NICs
     */
    macAddress?: pulumi.Input<string>;
    /** Device model, one of KubeVirt's; only virtio is attached live. @default "virtio" */
    model?: pulumi.Input<string>;
    /** Whether the cable is in. Changes live; a `sriov` NIC's is always in. @default "up" */
    linkState?: pulumi.Input<"up" | "down">;
    /** @default DHCP */
    ipConfig?: IPConfigArgs;
    /** Expose the NIC as a Service. */
    serviceExposure?: NicExposureArgs;
    /** Ports of every node that lead to the NIC: NodePorts of a Service, or host ports by the node agent. */
    portMappings?: PortMappingArgs[];
}

/** The address of a NIC, and what the guest is told with it. */
export interface IPConfigArgs {
    /** `static`: the address below, or one of `ipPool`. `dhcp`: whatever answers on the network. */
    mode: "static" | "dhcp";
    /** Address with prefix length, as `192.168.1.100/24`; the prefix may be left out where `ipPool` has it. */
    address?: pulumi.Input<string>;
    /**
     * Pool (or the name of one that exists) which the address is taken from, or of which `address` is one. Of a pool of
     * this program that has blocks of both families, a NIC without `address` gets one of each.
     */
    ipPool?: IPPool | pulumi.Input<string>;
    /** Further addresses of the NIC, each of `ipPool` or with prefix length. The last ones go first when there are fewer. */
    secondaryAddresses?: SecondaryAddressArgs[];
    /**
     * Keep the addresses for this NIC when it or its VM is gone: nobody else gets them, and a NIC of the same name, VM and
     * namespace gets them back. @default false
     */
    reserved?: boolean;
    /** Take over addresses that another stack has reserved for this NIC. @default false */
    adopt?: boolean;
    /** @default that of the pool's block */
    gateway?: pulumi.Input<string>;
    /** @default those of the pool */
    dnsServers?: pulumi.Input<string[]>;
    /** Further routes of the guest by this NIC; `to` in CIDR notation. */
    routes?: pulumi.Input<RouteArgs[]>;
    /** Whether the guest's default route goes by this NIC. @default the primary NIC, else the first with a gateway */
    defaultRoute?: boolean;
}

/** A further address of a NIC: one that is named, or one of a pool. */
export interface SecondaryAddressArgs {
    /** As `address` of the NIC. @default one of `ipPool` */
    address?: pulumi.Input<string>;
    /** As `ipPool` of the NIC. @default that of the NIC */
    ipPool?: IPPool | pulumi.Input<string>;
}

/** A route of the guest. */
export interface RouteArgs {
    /** Destination in CIDR notation. */
    to: string;
    /** Next hop, an address in the NIC's subnet. */
    via: string;
    /** Lower wins. @default the guest's */
    metric?: number;
}

/** A NIC's Service; see ServiceExposure. */
export interface NicExposureArgs extends ExposureArgs {
    /** False removes the Service. @default true */
    enabled?: boolean;
    /**
     * Labels of the VMs' instances, instead of the VM alone: further VMs that have them are behind the Service too. The VM
     * must have them. @default the VM alone
     */
    selector?: Record<string, pulumi.Input<string>>;
}

/** A port of every node that leads to a port of the guest. */
export interface PortMappingArgs {
    /** @default "TCP" */
    protocol?: "TCP" | "UDP";
    /** Port in the guest, 1 to 65535. */
    containerPort: number;
    /**
     * Port on the nodes. One of the cluster's range of NodePorts (30000-32767, or what the stack's configuration
     * `wukong:nodePortRange` says) is a NodePort; others are mapped by the node agent, with `dataplane: "wukong"`, which NICs
     * on secondary networks have anyway.
     */
    hostPort: number;
    /** As that of `serviceExposure`. @default "kube-proxy" on the pod network, "wukong" on others */
    dataplane?: ServiceDataplane;
}

/** The state of a NIC, as Wukong manifests list it. */
export interface NetworkStatus {
    /** Name of the NIC. */
    name: string;
    /** Type of the NIC, as it is declared. */
    type: NetworkInterfaceArgs["type"];
    /** `namespace/name`; empty for the pod network. */
    nadName: string;
    /** Address with prefix length; empty with DHCP. */
    ipAddress: string;
    /** Whether the address is reserved in the cluster. */
    ipAllocated: boolean;
    /** When it was, in RFC 3339; empty where it is not. */
    ipAllocatedTime: string;
}
