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
    const server = await startBareApiServer();
    try {
        const services = new BenchServices(new ClusterClient(loadKubeConfig({ kubeconfig: server.kubeconfig })));
        await services.prepare();
        const flavours: IptablesFlavour[] = ["legacy", "nft"];
        const contestants = [
            ...flavours.map((flavour) => kubeProxy(program, "iptables", flavour)),
            kubeProxy(program, "nftables", "nft"),
            agent("nftables", "nft"),
            ...flavours.map((flavour) => agent("iptables", flavour)),
        ];
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
                    await run(contestant, {
                        kubeconfig: server.kubeconfig,
                        directory,
                        services,
                        size,
                        isLast,
                        figures,
                    });
                }
            }
        }
        return reportAll(measured);
    } finally {
        await server.stop();
        fs.rmSync(directory, { recursive: true, force: true });
    }
}

interface Run {
    readonly kubeconfig: string;
    readonly directory: string;
    readonly services: BenchServices;
    readonly size: number;
    /** Measure changes and connections as well. */
    readonly isLast: boolean;
    readonly figures: Measured;
}

async function run(
    contestant: Contestant,
    { kubeconfig, directory, services, size, isLast, figures }: Run,
): Promise<void> {
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
            const direct = `${endpointsOf(0)[0] ?? ""}:8080`;
            const targets = [direct, virtualIP(0), virtualIP(size / 2), virtualIP(size - 1)];
            const told = await stand.ask({ what: "connect", addresses: targets, times: CONNECTIONS });
            if (told.what !== "connected" || told.failures > 0) {
                throw new Error(`Connections failed with ${contestant.name}: ${JSON.stringify(told).slice(0, 200)}`);
            }
            const [first = [], ...through] = told.microseconds;
            note("direct", median(first));
            note("first-packet", median(through.flat()));
            const { cpuSeconds, memoryMiB } = usageOf(program);
            note("cpu", cpuSeconds);
            note("memory", memoryMiB);
        }
    } catch (cause) {
        throw new Error(`${contestant.name} with ${String(size)} Services: ${String(cause)}\n${stand.log()}`, {
            cause,
        });
    } finally {
        await stand.dispose();
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
