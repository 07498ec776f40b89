import { judge } from "../../core/audit";
import { type Finding } from "../../core/audit-view";
import { parseSpace } from "../../core/reservation";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { fixFindings, noteOrphans } from "./audit-fix";
import { readAudit } from "./audit-view";
import { HISTORY_DAYS } from "./history";

/** What is audited, and what is done about it. */
export interface AuditOptions {
    /** Only this address space. @default all of them */
    readonly space?: string;
    /** Records of tenancies that ended more than so many days ago are to go. @default 90 */
    readonly historyDays?: number;
    /**
     * Mend `Orphan`, `TombstoneExpired`, `PoolDeleting` and `HistoryExpired`. The address of an `Orphan` is released when
     * audits with `fix` have seen that its NIC is gone over 15 minutes, nobody uses it, and everything could be read; it
     * then rests for 300 seconds at least (or as its pool says). What is retained, or in use by something other than a NIC,
     * is never released. @default false
     */
    readonly fix?: boolean;
}

/**
 * Compares what is reserved with what the cluster uses. Not seen is an address that a guest was given by hand while no
 * guest agent reports it, and cloud-init data in Secrets.
 * @returns what is not as it should be, in the order of spaces and addresses; with `fix`, what was mended is among it
 * @throws ClusterError `invalid` for options that are none, `not-found` for a space that there is not or where the cluster
 * does not know the project's kinds, or any other reason; what cannot be read beside them is an `UnreadableSource`
 */
export async function audit(client: ClusterClient, options: AuditOptions = {}): Promise<Finding[]> {
    const { space, historyDays = HISTORY_DAYS, fix = false } = options;
    checkOptions(space, historyDays);
    const reading = await readAudit(client, { space, historyDays });
    if (!fix) {
        return judge(reading.view);
    }
    const { view, failures } = await noteOrphans(client, reading);
    return fixFindings(client, { ...reading, view }, failures, judge(view));
}

function checkOptions(space: string | undefined, historyDays: number): void {
    const parsed = space === undefined ? undefined : parseSpace(space);
    if (parsed?.ok === false) {
        throw new ClusterError("invalid", `The space ${JSON.stringify(space)} cannot be audited: ${parsed.rule}.`);
    }
    if (!(historyDays >= 0)) {
        throw new ClusterError("invalid", `Records cannot be kept for ${String(historyDays)} days: choose 0 or more.`);
    }
}
