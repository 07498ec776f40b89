import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { STAMP_SET, TABLE } from "../../core/service-proxy/nftables/layout";

/**
 * When marks are made until one is told, in milliseconds after the one before. nft reads all tables first, which takes a
 * second with ten thousand Services, and begins again when one changes: so the pauses get longer.
 */
const MARKS_MS = [20, 50, 100, 200, 400, 800, 1600, 3200, 6400] as const;

/** For how long it stays away where it cannot be kept up: longer each time, until one has worked for the longest time. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;

const STAMPED = new RegExp(`^add element ip ${TABLE} ${STAMP_SET} \\{ (0x[0-9a-f]+) \\}`);
const OF_OUR_TABLES = new RegExp(`^(add|delete|insert|replace|flush|create) \\S+ ip6? ${TABLE}\\b`);

/**
 * Follows the kernel's transactions by `nft monitor`, to know at no cost whether somebody else has changed our tables: each
 * transaction of ours bears a stamp that nobody else's has.
 */
export class NftMonitor {
    private child: ChildProcess | undefined;
    /** The stamps of our transactions since the start. */
    private ours: { readonly first: number; last: number } = { first: 1, last: 0 };
    private isStamped = false;
    private touchesUs = false;
    private isForeign = false;
    private isListening = false;
    private listening: Promise<void> = Promise.resolve();
    private startedAt = 0;
    private pauseMs = 0;
    private restartAt: number | undefined;

    /** Whether it has been told of somebody else's change to our tables. */
    public get hasChange(): boolean {
        return this.isForeign;
    }

    /**
     * What it knows of our tables, once it listens: nothing where it has ended or missed something, which says nothing of
     * what somebody has changed. It is then to be started anew when that is `due`.
     */
    public async watch(): Promise<"unchanged" | "changed" | "unknown" | "due"> {
        await this.listening;
        if (this.isForeign || this.restartAt === undefined) {
            return this.isForeign ? "changed" : "unchanged";
        }
        return performance.now() < this.restartAt ? "unknown" : "due";
    }

    /** Tells that the transaction with this stamp, one more than the last, is ours; call it before the transaction. */
    public expect(stamp: number): void {
        this.ours.last = stamp;
    }

    /**
     * Starts anew.
     * @param mark makes a transaction that has the stamp and changes nothing else
     */
    public start(stamp: number, mark: () => Promise<void>): void {
        this.stop();
        const child = spawn("nft", ["monitor"], { stdio: ["ignore", "pipe", "ignore"] });
        this.child = child;
        this.ours = { first: stamp, last: stamp };
        this.isForeign = this.isListening = this.isStamped = this.touchesUs = false;
        this.startedAt = performance.now();
        // Neither the program nor its output keeps the agent from ending.
        child.unref();
        (child.stdout as unknown as { unref(): void }).unref();
        const lost = (): void => {
            this.lose(child);
        };
        child.once("error", lost).once("close", lost);
        createInterface({ input: child.stdout }).on("line", (line) => {
            if (this.child === child) {
                this.read(line, lost);
            }
        });
        this.listening = this.markUntilTold(child, mark).catch(lost); // our table is gone, or nft does not tell
    }

    public stop(): void {
        this.child?.kill();
        this.child = undefined;
        this.restartAt = undefined;
    }

    private lose(child: ChildProcess): void {
        if (this.child === child) {
            this.stop();
            const now = performance.now();
            const isFirst = this.pauseMs === 0 || now - this.startedAt >= LONGEST_PAUSE_MS;
            this.pauseMs = isFirst ? FIRST_PAUSE_MS : Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
            this.restartAt = now + this.pauseMs;
        }
    }

    /** nft says nothing of when it has begun to listen. */
    private async markUntilTold(child: ChildProcess, mark: () => Promise<void>): Promise<void> {
        const isWaiting = (): boolean => this.child === child && !this.isListening;
        for (const pause of MARKS_MS) {
            await mark();
            await sleep(pause);
            if (!isWaiting()) {
                return;
            }
        }
        throw new Error("nft monitor has not told of a transaction.");
    }

    private read(line: string, lost: () => void): void {
        if (line.startsWith("# new generation")) {
            this.isForeign ||= this.touchesUs && !this.isStamped;
            this.isListening ||= this.isStamped;
            this.isStamped = this.touchesUs = false;
        } else if (line.startsWith("#")) {
            if (line.includes("lost")) {
                lost(); // the kernel's buffer was too small for what had to be told
            }
        } else if (OF_OUR_TABLES.test(line)) {
            this.touchesUs = true;
            const stamp = Number(STAMPED.exec(line)?.[1]);
            this.isStamped ||= this.ours.first <= stamp && stamp <= this.ours.last;
        }
    }
}
