import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationV1Api } from "@kubernetes/client-node";
import type { EmbeddedCluster } from "../../scripts/embedded-cluster/cluster";
import { Machines } from "../cluster/virtual-machines";
import { podNic } from "../cluster/vm-objects";
import type { ClusterView } from "../support/cluster-view";
import { done, seen, type TestClients, until } from "../support/embedded-cluster";
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

/** How long a NIC of the bystander may take to come or go. */
const SERVED_MS = 120_000;

/** A VM of nobody's, whose NICs show whether all that serves VMs does so. */
export class Bystander {
    private constructor(private readonly machines: Machines) {}

    static async start(clients: TestClients): Promise<Bystander> {
        const namespace = { name: "chaos-bystander", clients };
        await clients.core.createNamespace({ body: { metadata: { name: namespace.name } } });
        const machines = new Machines(namespace);
        await machines.network("lan");
        await machines.run("bystander", [podNic]);
        return new Bystander(machines);
    }

    /**
     * Attaches a NIC and detaches it, with everybody who has to do with it. The watches of client-go come back after a time
     * that doubles up to 30 s, or 60 s with its jitter, where the API server goes away again and again
     * (tools/cache/reflector.go).
     */
    async isServed(): Promise<void> {
        await this.machines.plug("bystander", { name: "nic", nad: "lan", macAddress: "02:98:00:00:00:01" });
        await this.machines.attached("bystander", "nic", SERVED_MS);
        await this.machines.setState("bystander", "nic", "absent");
        await this.machines.gone("bystander", "nic", SERVED_MS);
    }
}

/** How long a run may go on whose provider or API server was killed. */
const END_MS = 180_000;

interface Surroundings {
    readonly moment: Moment;
    readonly view: ClusterView;
    readonly cluster: EmbeddedCluster;
    readonly bystander: Bystander;
    /** How long the API server stays away. */
    readonly downMs: number;
}

/**
 * Starts a run and brings the fault at the moment. The run is over then, but for the providers of an engine that was
 * killed alone, and the API server answers again.
 */
export async function struck(
    start: () => PulumiProcess,
    fault: Fault,
    { moment, view, cluster, bystander, downMs }: Surroundings,
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
            await bystander.isServed();
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
