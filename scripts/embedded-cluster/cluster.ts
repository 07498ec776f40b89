import * as fs from "node:fs";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { REPOSITORY } from "../paths";
import { ensurePrograms } from "../toolchain";
import {
    commandLine,
    type KubeVirtRelease,
    kubeVirtReleases,
    type Ports,
    programNames,
    type ProgramName,
    toolchainNames,
} from "./commands";
import { choosePorts } from "./ports";
import { endProcesses, isRunning, type ProcessRecord, Program, readProcesses, writeProcesses } from "./process";

/** Where a cluster's directory names the release of KubeVirt it was started with. */
const releaseFile = "kubevirt-release";

/** How a cluster is started. */
export interface ClusterOptions {
    /**
     * Where the cluster keeps its state, logs and kubeconfigs; made when missing. What an earlier cluster left there is
     * removed.
     * @default a new directory for temporary files, which `stop` removes
     */
    readonly directory?: string;
    /**
     * Ports on 127.0.0.1.
     * @default free ones
     */
    readonly ports?: Partial<Ports>;
    /**
     * The release of KubeVirt.
     * @default "1.6"
     */
    readonly kubeVirt?: KubeVirtRelease | undefined;
    /**
     * Let the cluster outlive this process, until somebody calls `stopCluster` with its directory.
     * @default false: the cluster ends with this process, even when that is killed
     */
    readonly detached?: boolean;
    /**
     * Milliseconds until a start that has not succeeded is given up.
     * @default 120000
     */
    readonly timeoutMs?: number;
    /** Told of each step, for a progress display. */
    readonly onProgress?: (step: string) => void;
}

/** The users a cluster has kubeconfigs for: all rights, get/list/watch on everything, none. */
export type ClusterUser = "admin" | "reader" | "nobody";

/** A running cluster. */
export interface EmbeddedCluster {
    /** The path of the administrator's kubeconfig. */
    readonly kubeconfig: string;
    /** The directory with its state and logs. */
    readonly directory: string;
    /** The path of a user's kubeconfig. */
    kubeconfigOf(user: ClusterUser): string;
    /** Kills its API server, without warning. @returns what starts it again, on the state it left */
    crashApiServer(): Promise<() => Promise<void>>;
    /** Starts those of its controllers again that have ended, as a kubelet does. */
    startEnded(): void;
    /** Ends all its programs; the state is lost. */
    stop(): Promise<void>;
}

/**
 * Starts a cluster of upstream's own etcd, kube-apiserver, kube-controller-manager, virt-api and virt-controller, with
 * the node side played by this project, and returns when it takes VirtualMachines.
 *
 * @throws Error when a program ends or does not become ready in time, with the end of its log; nothing is left running
 */
export async function startCluster(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
    const temporary = options.directory === undefined;
    const directory =
        options.directory === undefined
            ? fs.mkdtempSync(path.join(os.tmpdir(), "embedded-cluster-"))
            : path.resolve(options.directory);
    const running = runningProcesses(directory);
    if (running.length > 0) {
        throw new Error(
            `A cluster runs in ${directory} already (${describe(running)}); stop it first or choose another directory.`,
        );
    }
    const release = options.kubeVirt ?? "1.6";
    const start = new ClusterStart(
        directory,
        release,
        await clusterPrograms(release),
        await choosePorts(options.ports ?? {}),
        options,
    );
    try {
        await start.run();
    } catch (error) {
        await stopCluster(directory);
        throw error;
    }
    return {
        kubeconfig: kubeconfigPath(directory, "admin"),
        directory,
        kubeconfigOf: (user) => kubeconfigPath(directory, user),
        crashApiServer: () => start.crashApiServer(),
        startEnded: () => start.startEnded(),
        stop: async () => {
            await stopCluster(directory);
            if (temporary) {
                fs.rmSync(directory, { recursive: true, force: true });
            }
        },
    };
}

/** The files of a cluster's programs, which are built where they are missing. */
async function clusterPrograms(release: KubeVirtRelease): Promise<Record<ProgramName, string>> {
    const names = toolchainNames(release);
    const files = await ensurePrograms(Object.values(names));
    return Object.fromEntries(programNames.map((name) => [name, files[names[name]]])) as Record<ProgramName, string>;
}

/** The release of KubeVirt of the cluster in a directory; undefined where no cluster has been started. */
export function releaseIn(directory: string): KubeVirtRelease | undefined {
    const file = path.join(path.resolve(directory), releaseFile);
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
    return kubeVirtReleases.find((release) => release === text);
}

/** Ends the programs of the cluster in a directory, whoever started them; does nothing where none runs. */
export async function stopCluster(directory: string): Promise<void> {
    const absolute = path.resolve(directory);
    await endProcesses(absolute, readProcesses(absolute));
    fs.rmSync(path.join(absolute, "processes.json"), { force: true });
}

/** The programs of the cluster in a directory that run now. */
export function runningProcesses(directory: string): ProcessRecord[] {
    const absolute = path.resolve(directory);
    return readProcesses(absolute).filter((process) => isRunning(absolute, process));
}

/** The path of a user's kubeconfig in a cluster's directory. */
export function kubeconfigPath(directory: string, user: ClusterUser): string {
    return path.join(path.resolve(directory), "kubeconfigs", user);
}

function describe(processes: readonly ProcessRecord[]): string {
    return processes.map((process) => `${process.name} ${process.pid}`).join(", ");
}

class ClusterStart {
    private programs: readonly Program[] = [];
    private signal: AbortSignal;

    constructor(
        private readonly directory: string,
        readonly release: KubeVirtRelease,
        private readonly files: Readonly<Record<ProgramName, string>>,
        readonly ports: Ports,
        private readonly options: ClusterOptions,
    ) {
        this.signal = AbortSignal.timeout(this.timeoutMs());
    }

    /**
     * The order is the fastest on two cores: virt-api needs seconds to start, so it starts together with the CRDs;
     * virt-controller comes after the KubeVirt object, because it would back off without.
     */
    async run(): Promise<void> {
        this.prepareDirectory();
        this.progress("certificates");
        await this.nodeSide("certificates", `-api-server-port=${this.ports.apiServer}`).finish(this.signal);
        const nodes = this.startNodeSide();
        this.start("etcd");
        const apiServer = this.start("kube-apiserver");
        this.progress("kube-apiserver");
        await this.apiServerReady(apiServer);
        this.progress("KubeVirt's kinds, virt-api");
        const virtApi = `-virt-api-port=${this.ports.virtApi}`;
        const setup = this.nodeSide("setup", virtApi, `-crds=${path.join(REPOSITORY, "crds")}`);
        this.start("virt-api");
        await this.whileRunning(setup.finish(this.signal));
        this.progress("virt-controller, webhooks");
        this.start("virt-controller");
        this.start("kube-controller-manager");
        await this.whileRunning(this.nodeSide("activate", virtApi).finish(this.signal));
        nodes.assertRunning();
    }

    /** The other programs go on, and connect again to the one that takes its place. */
    async crashApiServer(): Promise<() => Promise<void>> {
        const victims = this.programs.filter(({ name }) => name === "kube-apiserver");
        this.programs = this.programs.filter((program) => !victims.includes(program));
        await endProcesses(this.directory, victims);
        return async () => {
            this.signal = AbortSignal.timeout(this.timeoutMs());
            const apiServer = this.start("kube-apiserver");
            await this.apiServerReady(apiServer, [apiServer]);
        };
    }

    /** One that has a lease ends when it could not renew it for a while. */
    startEnded(): void {
        for (const name of ["virt-controller", "kube-controller-manager"] as const) {
            const ended = this.programs.filter((program) => program.name === name && program.hasEnded);
            this.programs = this.programs.filter((program) => !ended.includes(program));
            ended.forEach(() => this.start(name));
        }
    }

    private prepareDirectory(): void {
        fs.mkdirSync(this.directory, { recursive: true, mode: 0o700 });
        for (const stale of ["etcd", "certificates", "kubeconfigs", "logs"]) {
            fs.rmSync(path.join(this.directory, stale), { recursive: true, force: true });
        }
        fs.writeFileSync(path.join(this.directory, releaseFile), this.release);
    }

    private start(name: ProgramName): Program {
        return this.launch(name, commandLine(name, this.directory, this), false);
    }

    private startNodeSide(): Program {
        const lifeline = this.options.detached !== true;
        const flags = [...commandLine("node-side", this.directory, this), this.timeoutFlag()];
        if (lifeline) {
            flags.push("-lifeline", ...(this.options.directory === undefined ? ["-temporary"] : []));
        }
        return this.launch("node-side", flags, lifeline);
    }

    private launch(name: ProgramName, flags: readonly string[], lifeline: boolean): Program {
        const program = Program.start({
            name,
            file: this.files[name],
            arguments: flags,
            directory: this.directory,
            lifeline,
        });
        this.programs = [...this.programs, program];
        writeProcesses(
            this.directory,
            this.programs.map(({ name, pid }) => ({ name, pid })),
        );
        return program;
    }

    private nodeSide(command: string, ...flags: string[]): Program {
        return Program.start({
            name: `node-side-${command}`,
            file: this.files["node-side"],
            arguments: [command, `-directory=${this.directory}`, this.timeoutFlag(), ...flags],
            directory: this.directory,
        });
    }

    private timeoutMs(): number {
        return this.options.timeoutMs ?? 120_000;
    }

    private timeoutFlag(): string {
        return `-timeout=${this.timeoutMs()}ms`;
    }

    /** Waits for a promise, and fails as soon as one of the programs ends. */
    private async whileRunning(step: Promise<void>): Promise<void> {
        let done = false;
        const finished = step.finally(() => {
            done = true;
        });
        const watch = async (): Promise<void> => {
            while (!done) {
                this.programs.forEach((program) => program.assertRunning());
                await delay(50);
            }
        };
        await Promise.all([finished, watch()]);
    }

    /** @param needed programs that must not end meanwhile */
    private async apiServerReady(apiServer: Program, needed = this.programs): Promise<void> {
        let seen = "no answer";
        while (seen !== "ok") {
            needed.forEach((program) => program.assertRunning());
            if (this.signal.aborted) {
                throw new Error(`kube-apiserver is not ready in time; last seen: ${seen}.${apiServer.logTail()}`);
            }
            await delay(50);
            seen = await this.readyz();
        }
    }

    private readyz(): Promise<string> {
        const ca = fs.readFileSync(path.join(this.directory, "certificates", "ca", "ca.crt"));
        return new Promise((resolve) => {
            const request = https.get(
                { host: "127.0.0.1", port: this.ports.apiServer, path: "/readyz", ca, timeout: 5_000 },
                (response) => {
                    let body = "";
                    response.setEncoding("utf8");
                    response.on("data", (chunk: string) => (body += chunk));
                    response.on("end", () =>
                        resolve(response.statusCode === 200 ? "ok" : `${response.statusCode} ${body}`),
                    );
                },
            );
            request.on("timeout", () => request.destroy(new Error("no answer in 5 s")));
            request.on("error", (error) => resolve(error.message));
        });
    }

    private progress(step: string): void {
        this.options.onProgress?.(step);
    }
}
