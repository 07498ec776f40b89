import type { Problem } from "../problem";
import { deviceNameProblems, mtuProblems, shown, vlanProblems, type At } from "./checks";

/** A network on a NIC of the nodes that one VM of each node has to itself, for the `macvlan` CNI plugin. */
export interface MacvlanNetworkSpec {
    readonly type: "macvlan";
    readonly name: string;
    /** The NIC of every node. */
    readonly master: string;
    /** VLAN, 1 to 4094: the nodes have a device `<master>.<vlanId>`, which is the parent then. */
    readonly vlanId?: number;
    /** 68 to 65535, at most the parent's. @default the parent's */
    readonly mtu?: number;
}

/** `mode` is there to be told about: only one can be had. */
export const MACVLAN_FIELDS = ["master", "vlanId", "mtu", "mode"] as const;

/** Why only mode passthru is rendered, and what else there is. */
export const PASSTHRU_ONLY = {
    rule:
        "behind KubeVirt's bridge binding only mode passthru passes frames: the other modes deliver by the MAC address " +
        "of the pod's NIC, which the guest's is not, so no reply ever arrives and nothing reports an error",
    remedy: "use mode passthru (one VM per parent and node), or type bridge with the same NIC as uplink for several VMs",
} as const;

/** The device that the macvlan takes for itself. */
export function macvlanParent({ master, vlanId }: Pick<MacvlanNetworkSpec, "master" | "vlanId">): string {
    return vlanId === undefined ? master : `${master}.${String(vlanId)}`;
}

export function macvlanProblems(spec: MacvlanNetworkSpec & { readonly mode?: unknown }, at: At): Problem[] {
    const { mode } = spec;
    const problems = [
        ...deviceNameProblems(at("master"), spec.master, "eth1"),
        ...vlanProblems(at("vlanId"), spec.vlanId),
        ...mtuProblems(at("mtu"), spec.mtu),
        ...(mode === undefined || mode === "passthru" ? [] : [{ ...at("mode"), ...shown(mode), ...PASSTHRU_ONLY }]),
    ];
    return problems.length > 0 ? problems : deviceNameProblems(at("master"), macvlanParent(spec), "eth1.100");
}

/**
 * In the keys of the plugin's `NetConf` (containernetworking/plugins, plugins/main/macvlan/macvlan.go). The plugin knows
 * no VLAN: the parent is the nodes' VLAN device.
 */
export function macvlanConfig(spec: MacvlanNetworkSpec): object {
    return {
        master: macvlanParent(spec),
        mode: "passthru",
        ...(spec.mtu !== undefined && { mtu: spec.mtu }),
        ipam: {},
    };
}
