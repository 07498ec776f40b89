import { mkdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const HEARTBEAT_MS = 1_000;
/** A holder that has not been heard for this long, by the waiter's own clock, is taken for dead. */
const SILENCE_MS = 10_000;
const DEADLINE_MS = 60 * 60_000;

/**
 * Does the work while no other process does work under the same lock. The lock is a folder that its holder touches every
 * second, so that one left behind by a killed process, also of another machine or container, is taken over.
 */
export async function withLock<T>(
    folder: string,
    onWait: () => void,
    work: () => Promise<T>,
    silenceMs = SILENCE_MS,
): Promise<T> {
    await acquire(folder, onWait, silenceMs);
    const heartbeat = setInterval(() => touch(folder), HEARTBEAT_MS);
    try {
        return await work();
    } finally {
        clearInterval(heartbeat);
        rmSync(folder, { recursive: true, force: true });
    }
}

async function acquire(folder: string, onWait: () => void, silenceMs: number): Promise<void> {
    const start = performance.now();
    let lastHeard = start;
    let lastBeat: number | undefined;
    for (let waiting = false; !create(folder); waiting = true) {
        if (!waiting) {
            onWait();
        }
        const now = performance.now();
        const beat = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
        if (beat !== lastBeat) {
            [lastBeat, lastHeard] = [beat, now];
        } else if (now - lastHeard > silenceMs) {
            rmSync(folder, { recursive: true, force: true });
            continue;
        }
        if (now - start > DEADLINE_MS) {
            throw new Error(
                `Another process has held ${folder} for an hour and is still at work. End it, or remove that folder.`,
            );
        }
        await delay(HEARTBEAT_MS / 2);
    }
}

function create(folder: string): boolean {
    try {
        mkdirSync(folder);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") {
            return false;
        }
        throw error;
    }
}

/** The lock may have been taken over while this process was stopped; the work goes on then, as it spoils nothing. */
function touch(folder: string): void {
    const now = new Date();
    try {
        utimesSync(folder, now, now);
    } catch {
        // gone: see above
    }
}
