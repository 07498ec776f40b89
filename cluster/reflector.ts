import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterClient, KubernetesObject } from "./client";
import { resourceName, type ResourceKind } from "./kinds";
import { ObjectWatch, type WatchEnd, type WatchEvent } from "./watch";

/** Who is told of the objects of a kind. What it throws ends the watch; the objects are then listed again. */
export interface ObjectHandler<T> {
    /** These are all objects there are: the first answer, and again after each gap in what was told. */
    replaced(objects: readonly T[]): void;
    /** An object is new, or another than it was. */
    changed(object: T): void;
    removed(object: T): void;
}

export interface FollowOptions {
    /** Ends the following. */
    readonly signal: AbortSignal;
    /** All namespaces where it is absent. */
    readonly namespace?: string;
    readonly labelSelector?: string;
    /** Told, in a sentence, of what keeps the cluster from being followed for the moment. */
    readonly onTrouble?: (sentence: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A watch that tells nothing and ends sooner is none (client-go calls it "very short watch"). */
const SHORTEST_WATCH_MS = 1_000;

/**
 * Follows the objects of a kind: lists them, then watches them from the list's version on. A watch that ends is begun
 * again where it ended; where the server no longer knows that version, or does not answer, the objects are listed again,
 * after pauses that double from 0.1 s to 10 s, each between half and one and a half of that, so that the agents of many
 * nodes do not ask all at once. A connection that is silent for 30 s is taken for dead and replaced.
 * @returns when the signal has aborted
 */
export async function follow<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    handler: ObjectHandler<T>,
    { signal, namespace, labelSelector, onTrouble }: FollowOptions,
): Promise<void> {
    const selector = { ...(labelSelector !== undefined && { labelSelector }) };
    const hasEnded = (): boolean => signal.aborted;
    let failures = 0;
    let expiredAtOnce = false;
    while (!hasEnded()) {
        try {
            const { metadata, items } = await client.list<T>(kind, namespace, selector);
            signal.throwIfAborted();
            handler.replaced(items);
            const query = { ...selector, ...(namespace !== undefined && { namespace }) };
            const isAgain = expiredAtOnce;
            expiredAtOnce = await watchFrom(
                client,
                kind,
                query,
                metadata.resourceVersion ?? "",
                signal,
                (event, object) => {
                    failures = 0;
                    tell(handler, event, object as T);
                },
            );
            if (expiredAtOnce && isAgain) {
                throw new Error(`The version of the list of ${resourceName(kind)} has expired at once, twice.`);
            }
        } catch (error) {
            if (!hasEnded()) {
                failures += 1;
                onTrouble?.(error instanceof Error ? error.message : String(error));
                await sleep(pauseMs(failures), undefined, { signal }).catch(() => undefined);
            }
        }
    }
}

/**
 * Watches from a version on, through as many connections as it takes.
 * @returns when the objects have to be listed again: whether nothing was told before
 * @throws Error where that should wait
 */
async function watchFrom(
    client: ClusterClient,
    kind: ResourceKind,
    query: { namespace?: string; labelSelector?: string },
    version: string,
    signal: AbortSignal,
    report: (event: WatchEvent, object: KubernetesObject) => void,
): Promise<boolean> {
    let reached = version;
    for (;;) {
        const begun = Date.now();
        let events = 0;
        const end = await watchOnce(client, kind, { ...query, resourceVersion: reached }, signal, (event, object) => {
            events += 1;
            reached = object.metadata.resourceVersion ?? reached;
            report(event, object);
        });
        signal.throwIfAborted();
        if (end.reason === "expired") {
            return reached === version;
        }
        const isTooShort = events === 0 && Date.now() - begun < SHORTEST_WATCH_MS;
        if (end.reason === "failed" || isTooShort) {
            const why = end.reason === "failed" ? end.message : "the connection was closed at once";
            throw new Error(`The watch of ${resourceName(kind)} has ended: ${why}.`);
        }
    }
}

async function watchOnce(
    client: ClusterClient,
    kind: ResourceKind,
    query: { namespace?: string; labelSelector?: string; resourceVersion: string },
    signal: AbortSignal,
    report: (event: WatchEvent, object: KubernetesObject) => void,
): Promise<WatchEnd> {
    return new Promise((resolve) => {
        const stop = (): void => {
            watch.stop();
            resolve({ reason: "closed" });
        };
        const watch = new ObjectWatch(client, kind, { ...query, allowWatchBookmarks: true }, report, (end) => {
            signal.removeEventListener("abort", stop);
            resolve(end);
        });
        signal.addEventListener("abort", stop, { once: true });
    });
}

function tell<T>(handler: ObjectHandler<T>, event: WatchEvent, object: T): void {
    switch (event) {
        case "ADDED":
        case "MODIFIED":
            handler.changed(object);
            break;
        case "DELETED":
            handler.removed(object);
            break;
        case "BOOKMARK":
    }
}

function pauseMs(failures: number): number {
    const doubled = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    return doubled * (0.5 + Math.random());
}
