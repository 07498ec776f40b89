import type { ImpactVerdict } from "./impact";
import type { Place, Problem } from "./problem";

/**
 * What to do about a change that takes a live migration. `wait`: until KubeVirt, or somebody, migrates the VM; `request`:
 * ask for the migration; `refuse`: the change.
 */
export type OnMigrationRequired = "wait" | "request" | "refuse";

/** What to do about a change that takes a restart. `report`: it is in force at the next one; `restart`: the VM, once and last; `refuse`: the change. */
export type OnRestartRequired = "report" | "restart" | "refuse";

/** What the owner of a VM agrees to. */
export interface Consent {
    readonly onMigrationRequired: OnMigrationRequired;
    readonly onRestartRequired: OnRestartRequired;
}

/** What is wrong with a change of this cost, as far as its VM's owner does not agree to it. */
export function consentProblems({ impact, reason }: ImpactVerdict, consent: Consent, place: Place): Problem[] {
    const refused =
        impact === "live-migration" && consent.onMigrationRequired === "refuse"
            ? (["a live migration", "onMigrationRequired", '"wait" or "request"'] as const)
            : impact === "restart" && consent.onRestartRequired === "refuse"
              ? (["a restart of the VM", "onRestartRequired", '"report" or "restart"'] as const)
              : undefined;
    if (!refused) {
        return [];
    }
    const [cost, field, others] = refused;
    return [
        {
            ...place,
            rule: `the change takes ${cost}, which ${field}: "refuse" rules out: ${reason}`,
            remedy: `leave the NIC as it is, or set ${field} of the VM to ${others}`,
        },
    ];
}
