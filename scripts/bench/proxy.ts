import { execFileSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { startBareApiServer } from "../embedded-cluster/bare-api-server";
import { ensurePrograms } from "../toolchain";
import { median, report } from "./figure";
import { agent, type Contestant, type IptablesFlavour, kubeProxy } from "./proxy/contestants";
import { BenchServices, endpointsOf, virtualIP } from "./proxy/services";
import { ProxyStand } from "./proxy/stand";

const SIZES = [1_000, 10_000];
const ROUNDS = 3;
const CHANGES = 20;
const CONNECTIONS = 2_000;
const CONNECTIONS_OF_A_TURN = 50;
const READY_MS = 300_000;
const CHANGE_LIMIT = 0.3;
/** Ahead, and no slower. */
const AHEAD = 0.999;
const AS_FAST = 1;

/** What was measured of one contestant, by name of the figure. */
type Measured = Map<string, number[]>;

/**
 * The node agent beside kube-proxy: the same API server, the same Services with two endpoints each (all are the one's, then
 * all the other's), each run in network namespaces of its own.
 */
export async function proxy(): Promise<boolean> {
    const { "kube-proxy": program } = await ensurePrograms(["kube-proxy"]);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-bench-"));
    const stops: (() => Promise<void>)[] = [];
    try {
        const server = await startBareApiServer();
        stops.push(() => server.stop());
        const services = new BenchServices(new ClusterClient(loadKubeConfig({ kubeconfig: server.kubeconfig })));
        await services.prepare();
        const flavours: IptablesFlavour[] = ["legacy", "nft"];
        const contestants = [
            ...flavours.map((flavour) => kubeProxy(program, "iptables", flavour)),
            kubeProxy(program, "nftables", "nft"),
            agent("nftables", "nft"),
            ...flavours.map((flavour) => agent("iptables", flavour)),
        ];
        const served: Served[] = [];
        stops.push(async () => {
            for (const { stand } of served) {
                await stand.dispose();
            }
        });
        const measured = new Map(contestants.map(({ name }) => [name, new Map<string, number[]>()]));
        let owner = "kube-proxy";
        for (const size of SIZES) {
            await services.give("kube-proxy");
            await services.grow(size);
            owner = "kube-proxy";
            for (const contestant of contestants) {
                if (contestant.side !== owner) {
                    await services.give(contestant.side);
                    owner = contestant.side;
                }
                const figures = measured.get(contestant.name) ?? new Map<string, number[]>();
                for (let round = 0; round < ROUNDS; round += 1) {
                    const isLast = size === SIZES.at(-1) && round === ROUNDS - 1;
                    const { kubeconfig } = server;
                    const stand = await run(contestant, { kubeconfig, directory, services, size, isLast, figures });
                    if (isLast) {
                        served.push({ stand, figures });
                    } else {
                        await stand.dispose();
                    }
                }
            }
        }
        await connect(served);
        return reportAll(measured);
    } finally {
        for (const stop of stops.reverse()) {
            await stop();
        }
        fs.rmSync(directory, { recursive: true, force: true });
    }
}

/** A node that has a contestant's rules. */
interface Served {
    readonly stand: ProxyStand;
    readonly figures: Measured;
}

interface Run {
    readonly kubeconfig: string;
    readonly directory: string;
    readonly services: BenchServices;
    readonly size: number;
    /** Measure changes as well. */
    readonly isLast: boolean;
    readonly figures: Measured;
}

async function run(
    contestant: Contestant,
    { kubeconfig, directory, services, size, isLast, figures }: Run,
): Promise<ProxyStand> {
    const stand = await ProxyStand.create(portOf(kubeconfig));
    const note = (name: string, value: number): void => {
        figures.set(name, [...(figures.get(name) ?? []), value]);
    };
    try {
        const { file, args, environment } = contestant.command(kubeconfig, directory);
        const since = process.hrtime.bigint();
        const program = stand.start(file, args, environment);
        let at = since;
        // Its first, middle and last Service: the rules may come in several parts.
        for (const number of [0, size / 2, size - 1]) {
            at = await reached(stand, virtualIP(number));
        }
        note(`cold-${String(size)}`, secondsBetween(since, at));
        if (isLast) {
            for (let change = 0; change < CHANGES; change += 1) {
                const number = Math.floor((size / CHANGES) * change) + 7;
                const begun = process.hrtime.bigint();
                const [after] = await Promise.all([
                    reached(stand, virtualIP(number), endpointsOf(number, 1)),
                    services.move(number, 1),
                ]);
                note("one-change", secondsBetween(begun, after));
                await services.move(number, 0);
                await reached(stand, virtualIP(number), endpointsOf(number, 0));
            }
            const { cpuSeconds, memoryMiB } = usageOf(program);
            note("cpu", cpuSeconds);
            note("memory", memoryMiB);
            // Its rules stay.
            await stand.end(program);
        }
        return stand;
    } catch (cause) {
        const log = stand.log();
        await stand.dispose();
        throw new Error(`${contestant.name} with ${String(size)} Services: ${String(cause)}\n${log}`, { cause });
    }
}

/**
 * How long a connection takes to come about, to an endpoint itself and to its first, middle and last Service: with the rules
 * of all contestants at the same time, in turns, so that what else the machine does touches all alike.
 */
async function connect(served: readonly Served[]): Promise<void> {
    const size = SIZES.at(-1) ?? 0;
    const direct = `${endpointsOf(0)[0] ?? ""}:8080`;
    const addresses = [direct, virtualIP(0), virtualIP(size / 2), virtualIP(size - 1)];
    for (let turn = 0; turn < CONNECTIONS / CONNECTIONS_OF_A_TURN; turn += 1) {
        for (const { stand, figures } of served) {
            const told = await stand.ask({ what: "connect", addresses, times: CONNECTIONS_OF_A_TURN });
            if (told.what !== "connected" || told.failures > 0) {
                throw new Error(`Connections failed: ${JSON.stringify(told).slice(0, 200)}\n${stand.log()}`);
            }
            const [first = [], ...through] = told.microseconds;
            figures.set("direct", [...(figures.get("direct") ?? []), ...first]);
            figures.set("first-packet", [...(figures.get("first-packet") ?? []), ...through.flat()]);
        }
    }
}

async function reached(stand: ProxyStand, address: string, from?: readonly string[]): Promise<bigint> {
    const told = await stand.ask({ what: "reach", address, withinMs: READY_MS, ...(from && { from }) });
    if (told.what !== "reached") {
        throw new Error(`${address} was not reached within ${String(READY_MS / 1000)} s: ${JSON.stringify(told)}`);
    }
    return BigInt(told.at);
}

function secondsBetween(since: bigint, until: bigint): number {
    return Number(until - since) / 1e9;
}

function portOf(kubeconfig: string): number {
    return Number(new URL(loadKubeConfig({ kubeconfig }).getCurrentCluster()?.server ?? "").port);
}

/** What a program has used since its start, and its largest size. */
function usageOf({ pid = 0 }: ChildProcess): { cpuSeconds: number; memoryMiB: number } {
    const fields = fs
        .readFileSync(`/proc/${String(pid)}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
    const ticks = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
    // Fields 14 to 17 of proc(5), of which two are cut off here: the time of its own and of its children that have ended.
    const cpuSeconds = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) / ticks;
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
    return { cpuSeconds, memoryMiB: Number(peak) / 1024 };
}

function reportAll(measured: ReadonlyMap<string, Measured>): boolean {
    const figure = (name: string, of: string): number => median(measured.get(name)?.get(of) ?? [NaN]);
    const units: Readonly<Record<string, string>> = {
        "one-change": "s",
        direct: "us",
        "first-packet": "us",
        cpu: "s",
        memory: "MiB",
    };
    const cold = SIZES.map((size) => `cold-${String(size)}`);
    for (const [name] of measured) {
        for (const of of [...cold, ...Object.keys(units)]) {
            const unit = units[of] ?? "s";
            report({ bench: "proxy", name: `${name}:${of}`, value: figure(name, of), unit });
        }
    }
    const kept: boolean[] = [];
    const compare = (ours: string, theirs: string, of: string, limit: number): void => {
        const value = figure(ours, of);
        const unit = units[of] ?? "s";
        kept.push(
            report({
                bench: "proxy",
                name: `${ours}/${theirs}:${of}`,
                value,
                unit,
                ratio: value / figure(theirs, of),
                limit,
            }),
        );
    };
    for (const theirs of ["kube-proxy-nftables", "kube-proxy-iptables-legacy", "kube-proxy-iptables-nft"]) {
        for (const of of [...cold, "first-packet"]) {
            compare("agent-nftables", theirs, of, AHEAD);
        }
        compare("agent-nftables", theirs, "one-change", CHANGE_LIMIT);
    }
    for (const flavour of ["legacy", "nft"]) {
        for (const of of [...cold, "one-change", "first-packet"]) {
            compare(`agent-iptables-${flavour}`, `kube-proxy-iptables-${flavour}`, of, AS_FAST);
        }
    }
    return kept.every(Boolean);
}
