import { setTimeout as sleep } from "node:timers/promises";

/** Changes that come together are worked off together. */
const GATHER_MS = 50;
/** What failed is tried again after pauses that double between these. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
/** So much is done at a time. */
const PARALLEL = 8;

/** Keys that have to be looked at: each once, however often it was added, and again after a failure. */
export class WorkQueue {
    private readonly due = new Set<string>();
    private readonly failures = new Map<string, number>();
    private wake: () => void = () => undefined;

    public add(key: string): void {
        this.due.add(key);
        this.wake();
    }

    /** Has `isReady` asked again. */
    public recheck(): void {
        this.wake();
    }

    /**
     * Looks at what is due until the signal aborts. What throws is tried again later.
     * @param isReady false while nothing can be judged yet; `add` asks again
     */
    public async run(
        signal: AbortSignal,
        isReady: () => boolean,
        work: (key: string) => Promise<void>,
        onFailure: (key: string, error: unknown) => void,
    ): Promise<void> {
        const attempt = async (key: string): Promise<void> => {
            try {
                await work(key);
                this.failures.delete(key);
            } catch (error) {
                if (!signal.aborted) {
                    onFailure(key, error);
                    this.retry(key, signal);
                }
            }
        };
        const hasEnded = (): boolean => signal.aborted;
        while (!hasEnded()) {
            if (this.due.size === 0 || !isReady()) {
                await this.woken(signal);
            }
            await sleep(GATHER_MS, undefined, { signal }).catch(() => undefined);
            const keys = isReady() ? [...this.due] : [];
            keys.forEach((key) => this.due.delete(key));
            while (keys.length > 0 && !hasEnded()) {
                await Promise.all(keys.splice(0, PARALLEL).map(attempt));
            }
        }
    }

    private retry(key: string, signal: AbortSignal): void {
        const failures = (this.failures.get(key) ?? 0) + 1;
        this.failures.set(key, failures);
        const pause = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS) * (0.5 + Math.random());
        void sleep(pause, undefined, { signal }).then(
            () => {
                this.add(key);
            },
            () => undefined,
        );
    }

    private async woken(signal: AbortSignal): Promise<void> {
        await new Promise<void>((resolve) => {
            const done = (): void => {
                signal.removeEventListener("abort", done);
                resolve();
            };
            this.wake = done;
            signal.addEventListener("abort", done, { once: true });
            if (signal.aborted) {
                done();
            }
        });
    }
}
