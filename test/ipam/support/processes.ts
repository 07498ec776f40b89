import { fork, type ChildProcess } from "node:child_process";
import * as path from "node:path";
import type { Death, Order } from "./worker";
import type { Job, Outcome } from "./writers";

interface Message {
    readonly ready?: true;
    readonly outcome?: Outcome;
}

/** A process that allocates. */
export class Worker {
    private onEnd: (outcome: Outcome | undefined) => void = () => undefined;
    private readonly exited: Promise<void>;
    private running = true;

    private constructor(private readonly child: ChildProcess) {
        this.exited = new Promise((resolve) => {
            child.once("exit", () => {
                this.running = false;
                this.onEnd(undefined);
                resolve();
            });
        });
        child.on("message", ({ outcome }: Message) => {
            if (outcome) {
                this.onEnd(outcome);
            }
        });
    }

    /** Starts a process, which is there once it is ready. */
    static async start(): Promise<Worker> {
        const child = fork(path.join(__dirname, "worker.js"), { execArgv: [] });
        await new Promise<void>((resolve, reject) => {
            child.once("message", () => {
                resolve();
            });
            child.once("error", reject);
            child.once("exit", (code) => {
                reject(new Error(`A worker ended with exit code ${String(code)} before it was ready.`));
            });
        });
        return new Worker(child);
    }

    /** Does a job. @returns what came of it, or `undefined` where the process has died meanwhile */
    async run(job: Job, death?: Death): Promise<Outcome | undefined> {
        const end = new Promise<Outcome | undefined>((resolve) => (this.onEnd = resolve));
        const order: Order = { job, ...(death && { death }) };
        this.child.send(order);
        return end;
    }

    get isRunning(): boolean {
        return this.running;
    }

    async stop(): Promise<void> {
        this.child.kill("SIGKILL");
        await this.exited;
    }
}

/** So many processes start at a time. */
const STARTS_AT_ONCE = 4;

/** Processes that allocate, kept for one job after the other. */
export class Workers {
    private workers: Worker[] = [];

    /** So many running ones, some of which may have worked before. */
    async get(count: number): Promise<Worker[]> {
        this.workers = this.workers.filter(({ isRunning }) => isRunning);
        while (this.workers.length < count) {
            const missing = Math.min(count - this.workers.length, STARTS_AT_ONCE);
            this.workers.push(...(await Promise.all(Array.from({ length: missing }, async () => Worker.start()))));
        }
        return this.workers.slice(0, count);
    }

    async stop(): Promise<void> {
        await Promise.all(this.workers.splice(0).map(async (worker) => worker.stop()));
    }
}
