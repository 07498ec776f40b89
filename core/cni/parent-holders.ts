import { PASSTHRU_ONLY } from "./macvlan";
import type { Problem } from "../problem";

/** A NIC of a VM in the cluster, with the network it names. */
export interface NicOnNad {
    /** `namespace/name`. */
    readonly vm: string;
    readonly nic: string;
    /** `namespace/name`. */
    readonly nadName: string;
}

/** The NIC, other than `self`, that has a parent device to itself. */
export function parentHolder(
    self: Pick<NicOnNad, "vm" | "nic">,
    parentDevice: string,
    nics: readonly NicOnNad[],
    parentOf: (nadName: string) => string | undefined,
): NicOnNad | undefined {
    return nics.find(
        ({ vm, nic, nadName }) => (vm !== self.vm || nic !== self.nic) && parentOf(nadName) === parentDevice,
    );
}

/** The refusal of a second VM on a parent, with what can be had instead. */
export function parentTaken(place: Pick<Problem, "vm" | "nic">, parentDevice: string, holder: string): Problem {
    return {
        ...place,
        field: "master",
        value: parentDevice,
        rule: "a macvlan in mode passthru takes its parent for one VM on each node, and the other modes pass no replies to a VM",
        holder,
        remedy:
            "detach that NIC first, in an update of its own, or take type bridge with the same NIC as uplink, or macvtap " +
            "(macvtap-cni and KubeVirt's network binding plugin), for several VMs",
    };
}

/** The refusal of a network that exists and is of a mode that passes nothing. */
export function modeRefused(place: Pick<Problem, "vm" | "nic">, nadName: string, mode: string): Problem {
    return {
        ...place,
        field: "nadName",
        value: nadName,
        ...PASSTHRU_ONLY,
        rule: `its mode is ${mode}, and ${PASSTHRU_ONLY.rule}`,
    };
}
