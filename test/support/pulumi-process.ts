import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
    globSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { done, seen, until } from "./embedded-cluster";
import { pulumiEnvironment, type StackUser } from "./pulumi-environment";

/** How a run of the CLI ended. */
export interface Ended {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    /** Everything it printed. */
    readonly text: string;
}

/** Marks the processes of a run, those included that its own processes start. */
const MARK = "WUKONG_TEST_RUN";

/** A run of the Pulumi CLI. */
export class PulumiProcess {
    readonly ended: Promise<Ended>;
    private text = "";

    constructor(
        private readonly child: ChildProcess,
        private readonly mark: string,
    ) {
        child.stdout?.on("data", (chunk: Buffer) => (this.text += chunk.toString()));
        child.stderr?.on("data", (chunk: Buffer) => (this.text += chunk.toString()));
        this.ended = new Promise((resolve, reject) => {
            child.once("error", reject);
            child.once("exit", (code, signal) => {
                // What it started may hold its output open for longer.
                setImmediate(() => {
                    resolve({ code, signal, text: this.text });
                });
            });
        });
    }

    get running(): boolean {
        return this.child.exitCode === null && this.child.signalCode === null;
    }

    /** Kills the CLI and all that it started, with SIGKILL and at once, and waits until they are gone. */
    async kill(): Promise<Ended> {
        this.child.kill("SIGKILL");
        await until("the processes of the run to be gone", async () => {
            const left = markedProcesses(this.mark);
            for (const pid of left) {
                killIfThere(pid);
            }
            return Promise.resolve(left.length === 0 ? done(true) : seen(left));
        });
        return this.ended;
    }

    /**
     * Kills a process in which dynamic providers run, and nothing else, once there is one.
     * @returns whether the run had one
     */
    async killProvider(): Promise<boolean> {
        return until("a process of dynamic providers", async () => {
            const [provider] = this.providers();
            if (provider !== undefined) {
                killIfThere(provider);
            }
            return Promise.resolve(
                provider !== undefined || !this.running ? done(provider !== undefined) : seen("none"),
            );
        });
    }

    /** Kills the CLI alone: what it started, the providers, learns of it by itself. */
    async killAlone(): Promise<Ended> {
        this.child.kill("SIGKILL");
        return this.ended;
    }

    /** Waits until no process is left in which dynamic providers run. */
    async providersGone(): Promise<void> {
        await until("the dynamic providers of the run to end", async () => {
            const left = this.providers();
            return Promise.resolve(left.length === 0 ? done(true) : seen(left));
        });
    }

    private providers(): number[] {
        return markedProcesses(this.mark).filter((pid) => commandLineOf(pid).includes("cmd/dynamic-provider/index.js"));
    }
}

/** A program on disk with a stack of its own, run by the CLI as a user does. */
export class CliStack {
    private readonly runs: { process: PulumiProcess; mark: string }[] = [];

    private constructor(
        private readonly directory: string,
        private readonly environment: Record<string, string>,
    ) {}

    /**
     * @param program a module that reads what it needs from the environment variable PROGRAM, as JSON
     * @param user whose kubeconfig the CLI has
     */
    static async create(program: string, user?: StackUser): Promise<CliStack> {
        const directory = mkdtempSync(path.join(tmpdir(), "wukong-cli-"));
        symlinkSync(path.resolve(__dirname, "..", "..", "..", "node_modules"), path.join(directory, "node_modules"));
        mkdirSync(path.join(directory, "state"));
        writeFileSync(path.join(directory, "index.js"), program);
        const runtime = { name: "nodejs", options: { typescript: false } };
        const project = { name: "wukong-test", runtime, main: "index.js" };
        writeFileSync(path.join(directory, "Pulumi.yaml"), JSON.stringify(project));
        writeFileSync(path.join(directory, "package.json"), JSON.stringify({ name: "wukong-test" }));
        const stack = new CliStack(directory, {
            ...(await pulumiEnvironment(user)),
            PULUMI_HOME: path.join(directory, "home"),
            PULUMI_BACKEND_URL: `file://${path.join(directory, "state")}`,
        });
        await stack.run(["stack", "init", "test"]);
        return stack;
    }

    /** Starts `pulumi up` for what the program reads. */
    up(input: unknown): PulumiProcess {
        return this.start(["up", "--yes", "--skip-preview"], input);
    }

    /** Starts a preview, which fails where it finds anything to do. */
    previewNothing(input: unknown): PulumiProcess {
        return this.start(["preview", "--expect-no-changes", "--diff"], input);
    }

    destroy(): PulumiProcess {
        return this.start(["destroy", "--yes", "--skip-preview"], {});
    }

    /** Takes away what a killed run has left that keeps others from their work, as its user does. */
    async cancel(): Promise<void> {
        // Beside each file the engine's library for files (gocloud.dev/blob/fileblob) writes one with its content type, not
        // at once: one that is empty makes `failed to load checkpoint: EOF`, one that is missing does no harm.
        for (const file of globSync("state/.pulumi/**/*.attrs", { cwd: this.directory })) {
            const attributes = path.join(this.directory, file);
            if (statSync(attributes).size === 0) {
                rmSync(attributes);
            }
        }
        await this.run(["cancel", "--yes"]);
    }

    /** Runs to the end. @throws Error with all output where the run fails */
    async succeed(run: PulumiProcess): Promise<string> {
        const { code, text } = await run.ended;
        if (code !== 0) {
            throw new Error(`pulumi ended with ${String(code)}:\n${text}`);
        }
        return text;
    }

    /** Kills what still runs, and removes all files. */
    async dispose(): Promise<void> {
        for (const { process } of this.runs) {
            await process.kill();
        }
        rmSync(this.directory, { recursive: true, force: true });
    }

    private async run(args: string[]): Promise<string> {
        return this.succeed(this.start(args, {}));
    }

    /** Runs the `wukong` command in the folder of the program. */
    async wukong(args: string[], input: unknown): Promise<Ended> {
        const cli = path.resolve(__dirname, "..", "..", "cli", "main.js");
        return this.start([cli, ...args], input, process.execPath).ended;
    }

    private start(args: string[], input: unknown, file = "pulumi"): PulumiProcess {
        const mark = randomUUID();
        const options = file === "pulumi" ? ["--non-interactive", "--color=never"] : [];
        const child = spawn(file, [...args, ...options], {
            cwd: this.directory,
            env: { ...process.env, ...this.environment, PROGRAM: JSON.stringify(input), [MARK]: mark },
            stdio: ["ignore", "pipe", "pipe"],
        });
        const run = new PulumiProcess(child, mark);
        this.runs.push({ process: run, mark });
        return run;
    }
}

/** The processes, other than dead ones, whose environment bears the mark. */
function markedProcesses(mark: string): number[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
            try {
                return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${mark}`);
            } catch {
                // It ended meanwhile, or is another user's.
                return false;
            }
        })
        .map(Number);
}

function commandLineOf(pid: number): string {
    try {
        return readFileSync(`/proc/${String(pid)}/cmdline`, "utf8");
    } catch {
        // It has ended.
        return "";
    }
}

function killIfThere(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}
