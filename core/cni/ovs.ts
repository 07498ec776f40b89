import type { Problem } from "../problem";
import { deviceNameProblems, mtuProblems, resourceNameProblems, vlanProblems, type At } from "./checks";
import { trunkEntries, trunkProblems, type Trunk } from "./trunk";

/** A network on an Open vSwitch bridge of the nodes, for ovs-cni. */
export interface OvsNetworkSpec {
    readonly type: "ovs";
    readonly name: string;
    /** The Open vSwitch bridge on the nodes. */
    readonly bridge: string;
    /** Access VLAN, 1 to 4094. @default the guest sees all VLANs of the bridge, tagged */
    readonly vlanId?: number;
    /** VLANs that the guest sees tagged; instead of `vlanId`. */
    readonly trunk?: Trunk;
    /** 68 to 65535. @default that of the bridge */
    readonly mtu?: number;
    /** Resource of the nodes that have the bridge. @default that of ovs-cni's marker */
    readonly resourceName?: string;
}

export const OVS_FIELDS = ["bridge", "vlanId", "trunk", "mtu", "resourceName"] as const;

export function ovsProblems(spec: OvsNetworkSpec, at: At): Problem[] {
    const problems = deviceNameProblems(at("bridge"), spec.bridge, "ovsbr0");
    return [
        ...problems,
        ...vlanProblems(at("vlanId"), spec.vlanId),
        ...trunkProblems(at("trunk"), spec.trunk, undefined),
        ...mtuProblems(at("mtu"), spec.mtu),
        ...(problems.length > 0 ? [] : resourceNameProblems(at("resourceName"), ovsResourceName(spec))),
        ...(spec.vlanId !== undefined && spec.trunk !== undefined
            ? [
                  {
                      ...at("vlanId"),
                      value: spec.vlanId,
                      rule: "ovs-cni gives a trunk no native VLAN and leaves the tag out",
                      remedy: "keep either vlanId or trunk",
                  },
              ]
            : []),
    ];
}

/** The resource that brings a VM to a node with the bridge (k8snetworkplumbingwg/ovs-cni, docs/marker.md). */
export function ovsResourceName({ bridge, resourceName }: OvsNetworkSpec): string {
    return resourceName ?? `ovs-cni.network.kubevirt.io/${bridge}`;
}

/** In the keys of ovs-cni's `NetConf` (k8snetworkplumbingwg/ovs-cni, pkg/types/types.go). */
export function ovsConfig(spec: OvsNetworkSpec): object {
    return {
        bridge: spec.bridge,
        ...(spec.vlanId !== undefined && { vlan: spec.vlanId }),
        ...(spec.trunk && { trunk: trunkEntries(spec.trunk, undefined) }),
        ...(spec.mtu !== undefined && { mtu: spec.mtu }),
        ipam: {},
    };
}
