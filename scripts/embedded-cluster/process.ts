import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { Socket } from "node:net";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** One program of a running cluster, as `processes.json` in the cluster's directory lists it. */
export interface ProcessRecord {
    readonly name: string;
    readonly pid: number;
}

/** What is needed to start a program. Its output goes to `<directory>/logs/<name>.log`. */
export interface ProgramStart {
    readonly name: string;
    readonly file: string;
    readonly arguments: readonly string[];
    readonly directory: string;
    /** Keep a pipe to its standard input, which closes when this process ends in whatever way. */
    readonly lifeline?: boolean;
}

/** With Go's default, a fifth of the API server's time goes into collecting garbage; what it holds is small. */
const GO_RUNTIME = { GOGC: "400" };

const tailLines = 15;
const endMs = 15_000;

/** A program this process has started. */
export class Program {
    readonly name: string;
    readonly pid: number;
    private readonly log: string;
    private ending: string | undefined;

    private constructor(start: ProgramStart, child: ChildProcess, log: string) {
        this.name = start.name;
        this.log = log;
        this.pid = child.pid ?? 0;
        child.once("exit", (code, signal) => {
            this.ending = signal === null ? `exit code ${code}` : `signal ${signal}`;
        });
        child.once("error", (error) => {
            this.ending = error.message;
        });
    }

    /**
     * Starts a program in a process group of its own, so that a Ctrl-C meant for its starter does not end it before
     * the starter can end all of them in order.
     */
    static start(start: ProgramStart): Program {
        const log = path.join(start.directory, "logs", `${start.name}.log`);
        fs.mkdirSync(path.dirname(log), { recursive: true });
        const output = fs.openSync(log, "a");
        const lifeline = start.lifeline === true;
        const child = spawn(start.file, start.arguments, {
            cwd: start.directory,
            env: { ...GO_RUNTIME, ...process.env },
            detached: true,
            stdio: [lifeline ? "pipe" : "ignore", output, output],
        });
        fs.closeSync(output);
        // Neither the program nor the pipe to it is a reason for this process to go on.
        child.unref();
        if (child.stdin instanceof Socket) {
            child.stdin.unref();
        }
        return new Program(start, child, log);
    }

    get hasEnded(): boolean {
        return this.ending !== undefined;
    }

    /** Throws, with the end of its log, once the program has ended. */
    assertRunning(): void {
        if (this.ending !== undefined) {
            throw new Error(`${this.name} ended early (${this.ending}).${this.logTail()}`);
        }
    }

    /** Waits for the program to end by itself; throws when it fails or the signal aborts. */
    async finish(signal: AbortSignal): Promise<void> {
        while (this.ending === undefined) {
            if (signal.aborted) {
                throw new Error(`${this.name} did not end in time.${this.logTail()}`);
            }
            await delay(20);
        }
        if (this.ending !== "exit code 0") {
            throw new Error(`${this.name} failed (${this.ending}).${this.logTail()}`);
        }
    }

    /** The last lines the program wrote, for an error message. */
    logTail(): string {
        const lines = fs.readFileSync(this.log, "utf8").trimEnd().split("\n").slice(-tailLines);
        return `\nThe last lines of ${this.log}:\n${lines.map((line) => `    ${line.slice(0, 400)}`).join("\n")}`;
    }
}

/** Writes the list of programs by which the cluster is found and stopped again. */
export function writeProcesses(directory: string, processes: readonly ProcessRecord[]): void {
    const file = path.join(directory, "processes.json");
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(processes, undefined, 4)}\n`);
    fs.renameSync(`${file}.new`, file);
}

/** The programs of the cluster in a directory; empty where there is none. */
export function readProcesses(directory: string): ProcessRecord[] {
    try {
        return JSON.parse(fs.readFileSync(path.join(directory, "processes.json"), "utf8")) as ProcessRecord[];
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return [];
        }
        throw error;
    }
}

/**
 * Whether the process is still the one that was started for the cluster in this directory. Process ids are used again,
 * so its command line must name the directory, as each of the cluster's programs does.
 */
export function isRunning(directory: string, process: ProcessRecord): boolean {
    return commandLineOf(process.pid).includes(directory);
}

/**
 * Whether the kernel still takes the process apart. Its memory, and with it its command line, goes before its files: a
 * program of much memory listens on its ports for tens of milliseconds after it has lost its command line.
 */
function isLeaving({ pid }: ProcessRecord): boolean {
    try {
        const state = /^ [ZX] /.exec(fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, ""));
        const isAlone = fs.readdirSync(`/proc/${pid}/task`).length === 1;
        return commandLineOf(pid) === "" && !(state !== null && isAlone);
    } catch {
        return false;
    }
}

/** Empty where there is no such process, or where it is on its way out. */
function commandLineOf(pid: number): string {
    try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
        return "";
    }
}

/**
 * Ends the given programs at once and by force: a cluster's state is lost with it, so an orderly end, for which
 * kube-apiserver and virt-api take ten seconds, would save nothing.
 */
export async function endProcesses(directory: string, processes: readonly ProcessRecord[]): Promise<void> {
    const deadline = Date.now() + endMs;
    const ending = processes.filter((candidate) => isRunning(directory, candidate));
    for (;;) {
        const left = ending.filter((candidate) => isRunning(directory, candidate) || isLeaving(candidate));
        if (left.length === 0) {
            return;
        }
        if (Date.now() > deadline) {
            const names = left.map((each) => `${each.name} (${each.pid})`).join(", ");
            throw new Error(`These programs of the cluster in ${directory} do not end: ${names}.`);
        }
        left.forEach((each) => kill(each.pid));
        await delay(20);
    }
}

function kill(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}
