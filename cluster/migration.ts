import { isMigrating } from "../core/migration";
import { condition } from "../core/kubevirt-objects";
import type { ClusterClient, KubernetesObject } from "./client";
import { hasReason } from "./errors";
import { MIGRATION } from "./kinds";
import type { VmView } from "./virtual-machine";

/** Whether KubeVirt says that an instance has to be migrated for its NICs, and nobody has begun to. */
export function awaitsMigration({ vmi }: VmView): boolean {
    return (
        vmi?.status?.phase === "Running" &&
        condition(vmi.status.conditions, "MigrationRequired")?.status === "True" &&
        !isMigrating({ vmi })
    );
}

/** Asks KubeVirt to migrate a VM. A migration that another has asked for meanwhile serves as well. */
export async function requestMigration(
    client: ClusterClient,
    { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<void> {
    const migration = {
        apiVersion: `${MIGRATION.group}/${MIGRATION.version}`,
        kind: MIGRATION.kind,
        metadata: { namespace, generateName: `${name}-network-` },
        spec: { vmiName: name },
    };
    try {
        await client.create(MIGRATION, migration as unknown as KubernetesObject);
    } catch (error) {
        // KubeVirt's admission refuses a second migration of a VM (migration-create-admitter.go).
        const text = error instanceof Error ? error.message : "";
        if (!hasReason(error, "already-exists") && !text.includes("in-flight migration detected")) {
            throw error;
        }
    }
}
