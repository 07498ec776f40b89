import type { Impact, ImpactVerdict } from "../../core/impact";
import type { PlannedNic } from "./inputs";

/** What an update is going to do to a VM's network, as a preview tells it. */
export interface PlannedChange {
    /** `adopt`: the VM has the NIC already. */
    action: "attach" | "adopt" | "change" | "detach" | "release" | "restart";
    /** The NIC; absent where it is not about one. */
    nic?: string;
    /** `namespace/name` of the NIC's network; absent for the pod network. */
    network?: string;
    macAddress?: string;
    /** The NIC's addresses, or those that are given back; empty with DHCP. */
    addresses?: string[];
    /** `unknown` where the cluster was not reached. */
    impact: Impact | "unknown";
    /** A clause that says why. */
    reason: string;
}

/** What a change costs that was planned without the cluster. */
export const NOT_REACHED = { impact: "unknown", reason: "the cluster was not reached" } as const;

/** A change to a NIC. */
export function nicChange(
    action: "attach" | "adopt" | "change" | "detach",
    nic: string,
    { nadName, macAddress, addresses }: Pick<PlannedNic, "nadName" | "macAddress" | "addresses">,
    { impact, reason }: ImpactVerdict | typeof NOT_REACHED,
): PlannedChange {
    const network = nadName === undefined ? {} : { network: nadName };
    return { action, nic, ...network, macAddress, addresses, impact, reason };
}

/** The change as a line of a preview. */
export function describeChange({
    action,
    nic,
    network = "pod network",
    macAddress = "",
    addresses = [],
    impact,
    reason,
}: PlannedChange): string {
    const cost = `${impact === "unknown" ? "impact unknown" : impact}, ${reason}`;
    switch (action) {
        case "restart":
            return `restart: ${reason}`;
        case "release":
            return `release ${addresses.join(", ")}: ${cost}`;
        default:
            return `${action} ${nic ?? ""} (${network}, MAC ${macAddress}, ${addresses.join(", ") || "DHCP"}): ${cost}`;
    }
}
