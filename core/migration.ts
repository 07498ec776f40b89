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
    return openMigrations({ vmi, migrations }).length > 0 || (state !== undefined && state.endTimestamp === undefined);
}

/** When the migration that is under way was asked for, in RFC 3339; undefined while there is none. */
export function migrationStart({ vmi, migrations }: MigrationFacts): string | undefined {
    const { startTimestamp, endTimestamp } = vmi?.status?.migrationState ?? {};
    const starts = openMigrations({ vmi, migrations }).map(({ metadata }) => metadata?.creationTimestamp);
    return [...starts, endTimestamp === undefined ? startTimestamp : undefined]
        .filter((time) => time !== undefined)
        .sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

function openMigrations({ vmi, migrations = [] }: MigrationFacts): MigrationObject[] {
    return migrations.filter(
        ({ spec, status }) =>
            spec?.vmiName === vmi?.metadata?.name && status?.phase !== "Succeeded" && status?.phase !== "Failed",
    );
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
