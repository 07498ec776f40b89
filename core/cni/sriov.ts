import type { Problem } from "../problem";
import { flagProblems, resourceNameProblems, vlanProblems, wholeNumberProblems, type At } from "./checks";

/** A network on virtual functions of the nodes' NICs, for sriov-cni. */
export interface SriovNetworkSpec {
    readonly type: "sriov";
    readonly name: string;
    /** The pool of virtual functions, as the SR-IOV device plugin calls it. */
    readonly resourceName: string;
    /** VLAN that the function tags with, 1 to 4094. */
    readonly vlanId?: number;
    /** Drop frames from other MACs than the NIC's. @default the driver's */
    readonly spoofCheck?: boolean;
    /** The guest may change MAC and go promiscuous. @default the driver's */
    readonly trust?: boolean;
    /** Guaranteed rate of what the guest sends, in Mbit/s. */
    readonly minTxRate?: number;
    /** Limit of what the guest sends, in Mbit/s. */
    readonly maxTxRate?: number;
}

export const SRIOV_FIELDS = ["resourceName", "vlanId", "spoofCheck", "trust", "minTxRate", "maxTxRate"] as const;

/** The kernel takes a rate in 32 bits (`struct ifla_vf_rate`). */
const RATES = [0, 2 ** 32 - 1] as const;

export function sriovProblems(spec: SriovNetworkSpec, at: At): Problem[] {
    const { minTxRate = 0, maxTxRate = 0 } = spec;
    return [
        ...resourceNameProblems(at("resourceName"), spec.resourceName),
        ...vlanProblems(at("vlanId"), spec.vlanId),
        ...flagProblems(at("spoofCheck"), spec.spoofCheck),
        ...flagProblems(at("trust"), spec.trust),
        ...wholeNumberProblems(at("minTxRate"), spec.minTxRate, RATES, "a rate in Mbit/s"),
        ...wholeNumberProblems(at("maxTxRate"), spec.maxTxRate, RATES, "a rate in Mbit/s"),
        ...(maxTxRate !== 0 && minTxRate > maxTxRate
            ? [
                  {
                      ...at("minTxRate"),
                      value: minTxRate,
                      rule: `what is guaranteed is at most the limit, maxTxRate ${String(maxTxRate)}`,
                      remedy: "lower minTxRate, or raise maxTxRate (0 is no limit)",
                  },
              ]
            : []),
    ];
}

/**
 * In the keys of sriov-cni's `SriovNetConf` (k8snetworkplumbingwg/sriov-cni, pkg/types/types.go). What is not declared is
 * left out: `vlan: 0` would take the VLANs off a function whose administrator has set them (sriov-cni issue 291).
 */
export function sriovConfig(spec: SriovNetworkSpec): object {
    const word = (flag: boolean): string => (flag ? "on" : "off");
    return {
        ...(spec.vlanId !== undefined && { vlan: spec.vlanId }),
        ...(spec.spoofCheck !== undefined && { spoofchk: word(spec.spoofCheck) }),
        ...(spec.trust !== undefined && { trust: word(spec.trust) }),
        ...(spec.minTxRate !== undefined && { min_tx_rate: spec.minTxRate }),
        ...(spec.maxTxRate !== undefined && { max_tx_rate: spec.maxTxRate }),
        ipam: {},
    };
}
