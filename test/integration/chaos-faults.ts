import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationV1Api } from "@kubernetes/client-node";
import type { EmbeddedCluster } from "../../scripts/embedded-cluster/cluster";
import type { ClusterView } from "../support/cluster-view";
import { done, seen, until } from "../support/embedded-cluster";
import type { Ended, PulumiProcess } from "../support/pulumi-process";
import { oneOf, type Random } from "./chaos-program";

/** What becomes of a run: nothing, or one of its processes, all of them, or the API server is killed. */
export const FAULTS = ["none", "run", "engine", "provider", "API server"] as const;

export type Fault = (typeof FAULTS)[number];

/** When a fault comes: so many milliseconds after the start of the run, or so many changes of VMs or of addresses. */
export interface Moment {
    readonly ms: number;
    readonly changes: number;
    readonly of: "virtualmachines" | "ipreservations";
}

export function anyFault(random: Random): Fault {
    return random() < 0.1 ? "none" : oneOf(random, FAULTS.slice(1));
}

/** @param usualMs how long a run takes */
export function anyMoment(random: Random, usualMs: number): Moment {
    return {
        // The first half of a run goes by until the programs are loaded.
        ms: Math.floor((0.3 + 0.6 * random()) * usualMs),
        changes: 1 + Math.floor(random() * 5),
        of: oneOf(random, ["virtualmachines", "virtualmachines", "ipreservations"]),
    };
}

export const describeMoment = ({ ms, changes, of }: Moment): string =>
    `after ${String(ms)} ms or at change ${String(changes)} of ${of}`;

/** How a run with a fault went. */
export interface Struck {
    readonly ended: Ended;
    /** False where the run ended before the moment came. */
    readonly hit: boolean;
    /** Ends what an engine that was killed alone has left. */
    readonly clear: () => Promise<unknown>;
}

/** How long a run may go on whose provider or API server was killed. */
const END_MS = 180_000;

/**
 * Starts a run and brings the fault at the moment. The run is over then, but for the providers of an engine that was
 * killed alone, and the API server answers again.
 */
export async function struck(
    start: () => PulumiProcess,
    fault: Fault,
    { moment, view, cluster, downMs }: { moment: Moment; view: ClusterView; cluster: EmbeddedCluster; downMs: number },
): Promise<Struck> {
    const coming = await watchFor(view, moment);
    const run = start();
    await Promise.race([coming.came, run.ended]);
    coming.stop();
    const hit = run.running && fault !== "none";
    switch (hit ? fault : "none") {
        case "run":
            await run.kill();
            break;
        case "engine":
            await run.killAlone();
            break;
        case "provider":
            await run.killProvider();
            break;
        case "API server": {
            const startAgain = await cluster.crashApiServer();
            await sleep(downMs);
            await startAgain();
            await controllersGoOn(view, cluster);
            break;
        }
        case "none":
    }
    const ended = await Promise.race([run.ended, sleep(END_MS, undefined, { ref: false })]);
    if (ended === undefined) {
        const { text } = await run.kill();
        throw new Error(`The run did not end within ${String(END_MS / 1000)} s of the fault: ${text}`);
    }
    return { ended, hit, clear: async () => run.kill() };
}

/** Waits until KubeVirt's controller acts again; it ends, and is started anew, where the API server was away for long. */
async function controllersGoOn(view: ClusterView, cluster: EmbeddedCluster): Promise<void> {
    const leases = view.clients.config.makeApiClient(CoordinationV1Api);
    const renewed = async (): Promise<string> => {
        const { spec } = await leases.readNamespacedLease({ namespace: "kubevirt", name: "virt-controller" });
        return JSON.stringify(spec?.renewTime);
    };
    const before = await renewed();
    await until(
        "virt-controller to renew its lease",
        async () => {
            cluster.startEnded();
            const now = await renewed();
            return now === before ? seen(now) : done(true);
        },
        60_000,
    );
}

async function watchFor(view: ClusterView, moment: Moment): Promise<{ came: Promise<unknown>; stop: () => void }> {
    let changes = 0;
    let come = (): void => undefined;
    const changed = new Promise<void>((resolve) => (come = resolve));
    const watch = await view.onEvent(moment.of, () => (changes += 1) >= moment.changes, come);
    return {
        came: Promise.race([changed, sleep(moment.ms, undefined, { signal: watch.signal }).catch(() => undefined)]),
        stop: () => {
            watch.abort();
        },
    };
}
