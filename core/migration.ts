import { condition, type MigrationObject, type VmiObject } from "./kubevirt-objects";

/** What is seen of an instance's migrations. */
export interface MigrationFacts {
    readonly vmi?: VmiObject;
    readonly migrations?: readonly MigrationObject[];
    /** `spec.workloadUpdateStrategy.workloadUpdateMethods` of the KubeVirt object; undefined when it was not read. */
    readonly workloadUpdateMethods?: readonly string[];
}

/** True while a migration of the instance is under way or asked for. */
export function isMigrating({ vmi, migrations }: MigrationFacts): boolean {
    const state = vmi?.status?.migrationState;
    const asked = (migrations ?? []).some(
        ({ spec, status }) =>
            spec?.vmiName === vmi?.metadata?.name && status?.phase !== "Succeeded" && status?.phase !== "Failed",
    );
    return asked || (state !== undefined && state.endTimestamp === undefined);
}

/** Why KubeVirt will not migrate an instance that needs it, as a clause; undefined when nothing stands against it. */
export function migrationObstacle({ vmi, workloadUpdateMethods }: MigrationFacts): string | undefined {
    const migratable = condition(vmi?.status?.conditions, "LiveMigratable");
    if (migratable?.status === "False") {
        const why = [migratable.reason, migratable.message].filter((text) => text !== undefined && text !== "");
        return `which is impossible: ${why.join(": ")}`;
    }
    return workloadUpdateMethods?.includes("LiveMigrate") === false
        ? "and KubeVirt starts none by itself (workloadUpdateMethods lacks LiveMigrate): " +
              "create a VirtualMachineInstanceMigration"
        : undefined;
}
