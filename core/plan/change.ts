import type { Impact, ImpactVerdict } from "../impact";

/** What a change costs; `unknown` where it was planned without the cluster. */
export type PlannedImpact = Impact | "unknown";

/** What an update is going to do to a VM's network, as a preview tells it. */
export interface PlannedChange {
    /** `adopt`: the VM has the NIC already. */
    readonly action: "attach" | "adopt" | "change" | "detach" | "release" | "restart";
    /** The NIC; absent where it is not about one. */
    readonly nic?: string;
    /** `namespace/name` of the NIC's network; absent for the pod network. */
    readonly network?: string;
    /** The NIC's, in lower case. */
    readonly macAddress?: string;
    /** The NIC's addresses, or those that are given back; empty with DHCP. */
    readonly addresses?: readonly string[];
    /** What it costs the VM; `unknown` where the cluster was not reached. */
    readonly impact: PlannedImpact;
    /** A clause that says why. */
    readonly reason: string;
}

/** What of a NIC its changes tell. */
interface ChangedNic {
    readonly nadName?: string;
    readonly macAddress: string;
    readonly addresses: readonly string[];
}

/** What a change costs that was planned without the cluster. */
export const NOT_REACHED = { impact: "unknown", reason: "the cluster was not reached" } as const;

/** A change to a NIC. */
export function nicChange(
    action: "attach" | "adopt" | "change" | "detach",
    nic: string,
    { nadName, macAddress, addresses }: ChangedNic,
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
