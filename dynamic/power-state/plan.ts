import type { ImpactVerdict } from "../../core/impact";
import type { PlannedChange, PlannedNic } from "./inputs";

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
