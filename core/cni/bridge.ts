import type { Problem } from "../problem";
import { deviceNameProblems, flagProblems, mtuProblems, vlanProblems, type At } from "./checks";
import { trunkEntries, trunkProblems, type Trunk } from "./trunk";

/** A network on a Linux bridge of the nodes, for the `bridge` CNI plugin. */
export interface BridgeNetworkSpec {
    readonly type: "bridge";
    readonly name: string;
    /** The bridge on every node, at most 15 characters. */
    readonly bridge: string;
    /** Access VLAN, or native VLAN of a trunk; 1 to 4094. */
    readonly vlanId?: number;
    /** VLANs that the guest sees tagged. */
    readonly trunk?: Trunk;
    /** 68 to 65535. @default that of the bridge */
    readonly mtu?: number;
    /** Drop frames from other MACs than the NIC's (needs nft on the nodes). @default false */
    readonly macSpoofCheck?: boolean;
    /** Guests of one node cannot reach each other. @default false */
    readonly isolation?: boolean;
}

export const BRIDGE_FIELDS = ["bridge", "vlanId", "trunk", "mtu", "macSpoofCheck", "isolation"] as const;

export function bridgeProblems(spec: BridgeNetworkSpec, at: At): Problem[] {
    const withoutNative = spec.trunk !== undefined && spec.vlanId === undefined;
    return [
        ...deviceNameProblems(at("bridge"), spec.bridge, "br1"),
        ...vlanProblems(at("vlanId"), spec.vlanId),
        ...trunkProblems(at("trunk"), spec.trunk, spec.vlanId),
        ...mtuProblems(at("mtu"), spec.mtu),
        ...flagProblems(at("macSpoofCheck"), spec.macSpoofCheck),
        ...flagProblems(at("isolation"), spec.isolation),
        ...(withoutNative
            ? [
                  {
                      ...at("trunk"),
                      rule: "the CNI plugin puts the guest's untagged frames into VLAN 1 where vlanId names no native VLAN",
                      remedy: "set vlanId",
                      severity: "warning" as const,
                  },
              ]
            : []),
    ];
}

/** In the keys of the plugin's `NetConf` (containernetworking/plugins, plugins/main/bridge/bridge.go). */
export function bridgeConfig(spec: BridgeNetworkSpec): object {
    return {
        bridge: spec.bridge,
        ...(spec.vlanId !== undefined && { vlan: spec.vlanId }),
        ...(spec.trunk && { vlanTrunk: trunkEntries(spec.trunk, spec.vlanId) }),
        // Its default was true up to plugins 1.6; true leaves VLAN 1 untagged on the port beside the access VLAN.
        preserveDefaultVlan: false,
        ...(spec.mtu !== undefined && { mtu: spec.mtu }),
        ...(spec.macSpoofCheck !== undefined && { macspoofchk: spec.macSpoofCheck }),
        ...(spec.isolation !== undefined && { portIsolation: spec.isolation }),
        // KubeVirt raises the pod's NIC itself and the guest has the address, so the pod's side stays bare.
        disableContainerInterface: true,
        ipam: {},
    };
}
