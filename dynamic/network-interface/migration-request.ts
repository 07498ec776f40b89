import type { ClusterClient } from "../../cluster/client";
import { awaitsMigration, requestMigration } from "../../cluster/migration";
import type { VmView } from "../../cluster/virtual-machine";
import type { OnMigrationRequired } from "../../core/consent";

/** Asks, once, for the migration that a change waits for, where the VM's owner has it so. */
export class MigrationRequest {
    private asked = false;
    private failure: Error | undefined;

    constructor(
        private readonly client: ClusterClient,
        private readonly vm: { readonly namespace: string; readonly name: string },
        private readonly onMigrationRequired: OnMigrationRequired | undefined,
    ) {}

    /** Looks at the VM as it is now. @throws ClusterError where the cluster has refused the migration */
    public see(view: VmView): void {
        if (this.failure) {
            throw this.failure;
        }
        if (this.onMigrationRequired === "request" && !this.asked && awaitsMigration(view)) {
            this.asked = true;
            requestMigration(this.client, this.vm).catch((error: unknown) => {
                this.failure = error instanceof Error ? error : new Error(String(error));
            });
        }
    }
}
