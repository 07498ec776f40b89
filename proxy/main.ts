#!/usr/bin/env node
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { pino, type Logger } from "pino";
import { clientFor } from "../cluster/client";
import { DEFAULT_HOST_PORTS, parsePortRanges, type PortRanges } from "../core/service-proxy/host-ports";
import { Agent } from "./agent";
import { AgentStatus } from "./agent-status";
import type { Dataplane } from "./dataplane";
import { IptablesDataplane } from "./dataplane/iptables";
import { NftablesDataplane } from "./dataplane/nftables";
import { runEndpointController } from "./endpoints/controller";
import { observerOf } from "./metrics-observer";
import { ProxyMetrics } from "./status/metrics";
import type { StatusServer } from "./status/server";

// What a node's pod of ServiceProxy and the endpoint controller's run.

/** The status API is there by then, also where the cluster does not answer. */
const STATUS_BY_MS = 5_000;

interface ConnectionOptions {
    readonly kubeconfig?: string;
    readonly context?: string;
    readonly logLevel: string;
}

interface DataplaneOptions {
    readonly mode: "nftables" | "iptables";
    readonly chainPrefix: string;
}

interface AgentOptions extends ConnectionOptions, DataplaneOptions {
    readonly nodeName: string;
    readonly hostPorts: PortRanges;
    readonly statusAddress: string;
    readonly statusPort: number;
    readonly statusTokenFile?: string;
}

async function runAgent(options: AgentOptions, log: Logger, signal: AbortSignal): Promise<void> {
    const client = clientFor(options);
    const dataplane = dataplaneOf(options);
    const metrics = new ProxyMetrics();
    const agent = new Agent(client, dataplane, {
        nodeName: options.nodeName,
        hostPorts: options.hostPorts,
        observer: observerOf(log, metrics),
    });
    const failing = new AbortController();
    const working = agent.run(AbortSignal.any([signal, failing.signal]));
    let status: StatusServer | undefined;
    try {
        // The rules come first: what serves HTTP takes longer to load than they take to write.
        await Promise.race([agent.hasSynced, sleep(STATUS_BY_MS, undefined, { ref: false }), working]);
        const { startStatusServer } = await import("./status/server.js");
        const { statusAddress: host, statusPort: port, statusTokenFile: tokenFile } = options;
        status = await startStatusServer(
            { host, port, client, metrics, log, ...(tokenFile !== undefined && { tokenFile }) },
            new AgentStatus(client, agent, await dataplane),
        );
        await working;
    } catch (error) {
        failing.abort();
        await working;
        throw error;
    } finally {
        await status?.close();
        await dataplane.then(
            (each) => {
                each.close();
            },
            () => undefined,
        );
    }
}

async function dataplaneOf({ mode, chainPrefix }: DataplaneOptions): Promise<Dataplane> {
    return mode === "nftables" ? NftablesDataplane.create() : IptablesDataplane.create({ prefix: chainPrefix });
}

/** Runs until a signal asks it to end; a failure is told in a sentence. */
async function runUntilSignal(
    { logLevel }: Pick<ConnectionOptions, "logLevel">,
    work: (log: Logger, signal: AbortSignal) => Promise<void>,
): Promise<void> {
    const log = pino({ level: logLevel });
    const ending = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => {
            ending.abort();
        });
    }
    try {
        await work(log, ending.signal);
    } catch (error) {
        log.fatal(error instanceof Error ? error.message : String(error));
        process.exitCode = 1;
    }
}

function portNumber(text: string): number {
    const port = Number(text);
    if (!/^\d+$/.test(text) || port > 65_535) {
        throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
    }
    return port;
}

function portRanges(text: string): PortRanges {
    const ranges = parsePortRanges(text);
    if (ranges === undefined) {
        throw new InvalidArgumentError("Ports are given as 80,443,8000-8999, each from 1 to 65535.");
    }
    return ranges;
}

function connectionOptions(command: Command): Command {
    return command
        .option("--kubeconfig <file>", "the kubeconfig to use (default: as kubectl finds it, else the pod's)")
        .option("--context <name>", "the context of the kubeconfig to use (default: its current one)")
        .addOption(
            new Option("--log-level <level>", "what is logged, as JSON lines on standard output")
                .choices(["debug", "info", "warn", "error"])
                .default("info"),
        );
}

function dataplaneOptions(command: Command): Command {
    return command
        .addOption(
            new Option("--mode <mode>", "what the node's rules are made of")
                .choices(["nftables", "iptables"])
                .default("nftables"),
        )
        .option("--chain-prefix <prefix>", "how the chains' names begin, with --mode iptables", "WUKONG");
}

const program = new Command("wukong-proxy").description("Serves Services of VMs on secondary networks.");
dataplaneOptions(connectionOptions(program.command("agent")))
    .description("Keeps a node's rules as the cluster's Services ask. They stay when it ends.")
    .requiredOption("--node-name <name>", "the node as EndpointSlices name it")
    .addOption(
        new Option("--host-ports <ranges>", "ports of the node that Services may take, such as 80,443,8000-8999")
            .argParser(portRanges)
            .default(portRanges(DEFAULT_HOST_PORTS), DEFAULT_HOST_PORTS),
    )
    .option("--status-address <address>", "where the status API listens", "127.0.0.1")
    .option("--status-port <port>", "its port; 0 takes a free one", portNumber, 5050)
    .option("--status-token-file <file>", "the token its readers must send; required at any address but loopback")
    .action(async (options: AgentOptions) =>
        runUntilSignal(options, async (log, signal) => runAgent(options, log, signal)),
    );
connectionOptions(program.command("endpoints"))
    .description("Keeps the EndpointSlices of Services of VMs on secondary networks; one is enough for a cluster.")
    .action(async (options: ConnectionOptions) =>
        runUntilSignal(options, async (log, signal) => runEndpointController(clientFor(options), signal, log)),
    );
dataplaneOptions(program.command("cleanup"))
    .description("Removes the rules from this node, and nobody else's.")
    .action(async (options: DataplaneOptions) =>
        runUntilSignal({ logLevel: "info" }, async (log) => {
            await (await dataplaneOf(options)).remove();
            log.info("the rules are removed");
        }),
    );
void program.parseAsync();
