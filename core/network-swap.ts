import type { OnMigrationRequired } from "./consent";
import { classifyChange, type ImpactFacts, type ImpactVerdict } from "./impact";
import type { NicSpec } from "./nic";

/**
 * What it costs to have KubeVirt move a plugged NIC to another network, which the guest keeps meanwhile. Undefined where
 * it takes another way, detached and attached anew: KubeVirt cannot (before 1.8, or the VM does not migrate), nobody is
 * going to migrate the VM, or its owner refuses that.
 */
export function networkSwap(
    nic: NicSpec,
    facts: ImpactFacts,
    onMigrationRequired: OnMigrationRequired,
): ImpactVerdict | undefined {
    if (nic.binding !== "bridge" || onMigrationRequired === "refuse") {
        return undefined;
    }
    const migrates = facts.requestsMigration === true || facts.workloadUpdateMethods?.includes("LiveMigrate") === true;
    const verdict = classifyChange({ kind: "nad", nic }, facts);
    return migrates && verdict.impact === "live-migration" ? verdict : undefined;
}
