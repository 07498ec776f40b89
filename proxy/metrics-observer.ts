import type { Logger } from "pino";
import type { AgentObserver } from "./agent";
import type { ProxyMetrics } from "./status/metrics";

/** Writes down and counts what an agent reports of its work. */
export function observerOf(log: Logger, metrics: ProxyMetrics): AgentObserver {
    let told = new Set<string>();
    return {
        applied: ({ unserved, ...applied }, state, seconds) => {
            metrics.synced(applied, seconds, state);
            if (applied.kind !== "none") {
                log.info({ ...applied, ports: state.ports.length, seconds }, "the rules are the cluster's");
            }
            unserved
                .filter((sentence) => !told.has(sentence))
                .forEach((sentence) => {
                    log.warn(sentence);
                });
            told = new Set(unserved);
        },
        failed: (sentence) => {
            metrics.failed();
            log.error({ error: sentence }, "the rules were not written; trying again");
        },
        trouble: (sentence) => {
            log.warn(sentence);
        },
        drifted: () => {
            metrics.repaired();
            log.warn("the rules are not known to be as they were left; writing all of them anew");
        },
    };
}
