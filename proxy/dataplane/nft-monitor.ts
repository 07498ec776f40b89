import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { STAMP_SET, TABLE } from "../../core/service-proxy/nftables/layout";

/**
 * When marks are made until one is told, in milliseconds after the one before. nft reads all tables first, which takes a
 * second with ten thousand Services, and begins again when one changes: so the pauses get longer.
 */
const MARKS_MS = [20, 50, 100, 200, 400, 800, 1600, 3200, 6400] as const;

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

    /** Whether it runs, or is about to, and has not been told of anybody else's change to our tables. */
    public get isQuiet(): boolean {
        return this.child !== undefined && !this.isForeign;
    }

    /** As `isQuiet`, once it listens. */
    public async isStillQuiet(): Promise<boolean> {
        await this.listening;
        return this.isQuiet;
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
        // Neither the program nor its output keeps the agent from ending.
        child.unref();
        (child.stdout as unknown as { unref(): void }).unref();
        const lost = (): void => {
            if (this.child === child) {
                this.child = undefined;
            }
        };
        child.once("error", lost).once("close", lost);
        createInterface({ input: child.stdout }).on("line", (line) => {
            if (this.child === child) {
                this.read(line);
            }
        });
        this.listening = this.markUntilTold(child, mark).catch(lost); // our table is gone, or nft does not tell
    }

    public stop(): void {
        this.child?.kill();
        this.child = undefined;
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

    private read(line: string): void {
        if (line.startsWith("# new generation")) {
            this.isForeign ||= this.touchesUs && !this.isStamped;
            this.isListening ||= this.isStamped;
            this.isStamped = this.touchesUs = false;
        } else if (line.startsWith("#")) {
            this.isForeign ||= line.includes("lost"); // the kernel's buffer was too small for what had to be told
        } else if (OF_OUR_TABLES.test(line)) {
            this.touchesUs = true;
            const stamp = Number(STAMPED.exec(line)?.[1]);
            this.isStamped ||= this.ours.first <= stamp && stamp <= this.ours.last;
        }
    }
}
