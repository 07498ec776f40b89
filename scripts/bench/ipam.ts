import { randomUUID } from "node:crypto";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { emptySpace, poolOf } from "../../test/ipam/support/objects";
import { type Worker, Workers } from "../../test/ipam/support/processes";
import type { Job, Outcome } from "../../test/ipam/support/writers";
import { median, report } from "./figure";
import { planning } from "./ipam-planning";
import { updates } from "./ipam-updates";
import type { Setting } from "./setting";

const ROUNDS = 5;
const BATCH = 1_000;

/** Addresses that some processes want at the same time. */
interface Race {
    readonly name: string;
    readonly processes: number;
    /** How many addresses each asks for at a time. */
    readonly atOnce: number;
    /** How many there are. */
    readonly free: number;
    readonly limit: number;
}

const ALONE: Race = { name: "1000-by-one-writer", processes: 1, atOnce: 16, free: 65_000, limit: 1.1 };
const RACES: readonly Race[] = [
    { name: "1000-by-10-writers", processes: 10, atOnce: 4, free: 65_000, limit: 1.5 },
    { name: "1000-by-10-writers-of-1000-free", processes: 10, atOnce: 4, free: BATCH, limit: 2 },
];

/** Requests for a batch of 1,000, for each of them. */
const REQUESTS_LIMIT = 1.05;

/** What it takes to reserve addresses, beside objects of the same size whose names nobody has to choose. */
export async function ipam(setting: Setting): Promise<boolean> {
    const kept = [await planning()];
    const workers = new Workers();
    try {
        const client = new ClusterClient(loadKubeConfig({ kubeconfig: setting.kubeconfig }));
        for (const race of [ALONE, ...RACES]) {
            kept.push(...(await compare(race, { client, workers, kubeconfig: setting.kubeconfig })));
        }
    } finally {
        await workers.stop();
    }
    kept.push(await updates(setting));
    return kept.every(Boolean);
}

interface Course {
    readonly client: ClusterClient;
    readonly workers: Workers;
    readonly kubeconfig: string;
}

/** Runs both sides in turns, the one that begins in turns too, so that what else the machine does touches both alike. */
async function compare(race: Race, course: Course): Promise<boolean[]> {
    const ours: number[] = [];
    const bare: number[] = [];
    const requests: number[] = [];
    const creates: number[] = [];
    const running = await course.workers.get(race.processes);
    // The first round is for the machines to get warm.
    for (let round = 0; round <= ROUNDS; round += 1) {
        for (const side of round % 2 === 0 ? (["bare", "ours"] as const) : (["ours", "bare"] as const)) {
            const { seconds, outcomes } = await run(race, side, running, course);
            if (round === 0) {
                continue;
            }
            (side === "ours" ? ours : bare).push(seconds);
            if (side === "ours") {
                const sent = outcomes.flatMap((outcome) => Object.entries(outcome.requests));
                const total = (of: typeof sent): number => of.reduce((sum, [, count]) => sum + count, 0) / BATCH;
                requests.push(total(sent));
                creates.push(total(sent.filter(([method]) => method === "POST")));
            }
        }
    }
    const ratio = median(ours.map((seconds, round) => seconds / (bare[round] ?? NaN)));
    const { name, limit } = race;
    const figure = { bench: "ipam", unit: "s" };
    const perAddress = { bench: "ipam", unit: "requests" };
    const isAlone = race === ALONE;
    report({ ...figure, name: `bare-creates-of-${name}`, value: median(bare) });
    report({ ...perAddress, name: `creates-per-address-of-${name}`, value: median(creates) });
    return [
        report({ ...figure, name: `reservations-of-${name}`, value: median(ours), ratio, limit }),
        report({
            ...perAddress,
            name: `requests-per-address-of-${name}`,
            value: median(requests),
            ...(isAlone && { ratio: median(requests), limit: REQUESTS_LIMIT }),
        }),
    ];
}

async function run(
    { processes, atOnce, free }: Race,
    side: "ours" | "bare",
    running: readonly Worker[],
    { client, kubeconfig }: Course,
): Promise<{ seconds: number; outcomes: Outcome[] }> {
    const space = `bench-${randomUUID().slice(0, 8)}`;
    const last = `10.0.${String((free - 1) >> 8)}.${String((free - 1) & 255)}`;
    const pool = poolOf(space, "10.0.0.0/16", { ranges: [`10.0.0.0-${last}`], allocateReserved: true }).spec;
    const each = BATCH / processes;
    const jobs = running.map((_, process): Job => {
        const owners = Array.from({ length: each }, (_, index) => `bench/vm-${String(process * each + index)}/eth1`);
        return {
            kubeconfig,
            pool,
            manager: "organization/benchmark/dev",
            writers: [owners],
            atOnce,
            ...(side === "bare" && { bare: [process * each] }),
        };
    });
    try {
        const since = performance.now();
        const outcomes = await Promise.all(jobs.map(async (job, process) => running[process]?.run(job)));
        const seconds = (performance.now() - since) / 1000;
        return { seconds, outcomes: outcomes.map(checked) };
    } finally {
        await emptySpace(client, space);
    }
}

function checked(outcome: Outcome | undefined): Outcome {
    const [failure] = Object.values(outcome?.failures ?? { process: "A writer has ended." });
    if (!outcome || failure !== undefined) {
        throw new Error(failure);
    }
    return outcome;
}
