import { setTimeout as sleep } from "node:timers/promises";
import { type Finding, findingKey } from "../../core/audit-view";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { audit, type AuditOptions } from "./audit";

/** What is watched, and how often. */
export interface WatchOptions extends AuditOptions {
    /** Seconds from the end of one audit to the next. */
    readonly everySeconds: number;
}

/** What has changed since the last audit. */
export interface AuditChange {
    /** The API server's time. */
    readonly at: Date;
    /** Findings that were not there before; in the first audit, all. */
    readonly appeared: readonly Finding[];
    /** Findings that are not there any more, as they were; one that was mended is `fixed`. */
    readonly gone: readonly Finding[];
    /** Why the audit failed; nothing has changed then, as far as it is known. */
    readonly error?: Error;
}

/** `setTimeout` takes no more (2^31 - 1 milliseconds). */
const LONGEST_SECONDS = 2_147_483;

/**
 * Audits again and again until the signal, and tells what changes: after the first audit, after each that finds something
 * else than the one before, and after each that fails. Returns when the audit that is under way has ended.
 * @throws ClusterError `invalid` for a period that is none
 */
export async function watchAudit(
    client: ClusterClient,
    { everySeconds, ...options }: WatchOptions,
    onChange: (change: AuditChange) => void,
    signal: AbortSignal,
): Promise<void> {
    if (!(everySeconds > 0 && everySeconds <= LONGEST_SECONDS)) {
        const message = `An audit cannot be repeated every ${String(everySeconds)} seconds: choose up to ${String(LONGEST_SECONDS)}.`;
        throw new ClusterError("invalid", message);
    }
    let known: ReadonlyMap<string, Finding> | undefined;
    while (!signal.aborted) {
        const findings = await attempt(client, options);
        const at = client.serverNow();
        if (findings instanceof Error) {
            onChange({ at, appeared: [], gone: [], error: findings });
        } else {
            const { left, ...change } = compare(known ?? new Map(), findings);
            if (!known || change.appeared.length > 0 || change.gone.length > 0) {
                onChange({ at, ...change });
            }
            known = left;
        }
        await pause(everySeconds, signal);
    }
}

async function attempt(client: ClusterClient, options: AuditOptions): Promise<Finding[] | Error> {
    try {
        return await audit(client, options);
    } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
    }
}

function compare(
    known: ReadonlyMap<string, Finding>,
    findings: readonly Finding[],
): Pick<AuditChange, "appeared" | "gone"> & { left: ReadonlyMap<string, Finding> } {
    const found = new Map(findings.map((finding) => [findingKey(finding), finding]));
    const isLeft = (key: string): boolean => found.has(key) && found.get(key)?.fixed !== true;
    const fixed = findings.filter((finding) => finding.fixed === true);
    return {
        appeared: findings.filter((finding) => !known.has(findingKey(finding))),
        gone: [...fixed, ...[...known].filter(([key]) => !found.has(key)).map(([, finding]) => finding)],
        left: new Map([...found].filter(([key]) => isLeft(key))),
    };
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
    try {
        await sleep(seconds * 1000, undefined, { signal });
    } catch (error) {
        if (!signal.aborted) {
            throw error;
        }
    }
}
