import { setTimeout as sleep } from "node:timers/promises";
import {
    ListWatch,
    Watch,
    type KubernetesListObject,
    type KubernetesObject as LibraryObject,
} from "@kubernetes/client-node";
import type { ClusterClient, KubernetesObject } from "./client";
import { ClusterError } from "./errors";
import { pathOf, type ResourceKind } from "./kinds";

/** An object to look at while waiting. */
export interface Watched {
    readonly kind: ResourceKind;
    readonly namespace: string;
    readonly name: string;
}

/** What a look at the objects told: done with a result, or why not yet. */
export type Verdict<T> = { done: true; result: T } | { done: false; seen: string };

/** A closed or broken watch is opened again after this long. */
const RECONNECT_MS = 500;

/**
 * Watches objects until `judge` is content with them. It is asked each time one of them changes, with the objects in
 * the order of `watched` and `undefined` for one that does not exist. Whatever it throws ends the wait.
 * @throws ClusterError `deadline` after `timeoutSeconds`, with what was last seen
 */
export async function waitFor<T>(
    client: ClusterClient,
    watched: readonly Watched[],
    judge: (objects: (KubernetesObject | undefined)[]) => Verdict<T>,
    goal: string,
    timeoutSeconds: number,
): Promise<T> {
    const current: (KubernetesObject | undefined)[] = watched.map(() => undefined);
    const listed = watched.map(() => false);
    let seen = "nothing yet";
    const stops: (() => void)[] = [];
    try {
        return await new Promise<T>((resolve, reject) => {
            const look = (): void => {
                if (!listed.every(Boolean)) {
                    return;
                }
                try {
                    const verdict = judge(current);
                    if (verdict.done) {
                        resolve(verdict.result);
                    } else {
                        seen = verdict.seen;
                    }
                } catch (error) {
                    reject(error instanceof Error ? error : new Error(String(error)));
                }
            };
            const timer = setTimeout(() => {
                reject(overdue(goal, timeoutSeconds, seen));
            }, timeoutSeconds * 1000);
            stops.push(() => {
                clearTimeout(timer);
            });
            watched.forEach((target, index) => {
                stops.push(
                    follow(
                        client,
                        target,
                        (object) => {
                            current[index] = object;
                            listed[index] = true;
                            look();
                        },
                        reject,
                    ),
                );
            });
        });
    } finally {
        stops.forEach((stop) => {
            stop();
        });
    }
}

/**
 * Reports an object at first and whenever it changes (`undefined` when it is gone), until the returned stop. A broken
 * connection is mended; a refusal is final and goes to `fail`.
 */
function follow(
    client: ClusterClient,
    target: Watched,
    report: (object: KubernetesObject | undefined) => void,
    fail: (error: ClusterError) => void,
): () => void {
    const fieldSelector = `metadata.name=${target.name}`;
    let stopped = false;
    const list = async (): Promise<KubernetesListObject<LibraryObject>> => {
        const found = await client.list(target.kind, target.namespace, { fieldSelector });
        if (!stopped && found.items.length === 0) {
            report(undefined);
        }
        return { apiVersion: "v1", kind: "List", ...found } as unknown as KubernetesListObject<LibraryObject>;
    };
    const path = pathOf(target.kind, target.namespace);
    const watch = new ListWatch(path, new Watch(client.kubeConfig), list, false, undefined, fieldSelector);
    const start = (): void => {
        void watch.start().then(() => (stopped ? watch.stop() : undefined));
    };
    // The library's type gives Date for timestamps; a watched object is the JSON as it came.
    const reportRaw = (object: LibraryObject): void => {
        report(object as unknown as KubernetesObject);
    };
    watch.on("add", reportRaw);
    watch.on("update", reportRaw);
    watch.on("delete", () => {
        report(undefined);
    });
    watch.on("error", (error: unknown) => {
        if (error instanceof ClusterError && error.reason !== "unreachable" && error.reason !== "failed") {
            fail(error);
        } else if (!stopped) {
            setTimeout(start, RECONNECT_MS).unref();
        }
    });
    start();
    return () => {
        stopped = true;
        void watch.stop();
    };
}

/** How often `poll` looks. */
const POLL_MS = 250;

/**
 * Asks `look` again and again until it is content; for questions that no watch of a few objects answers.
 * @throws ClusterError `deadline` after `timeoutSeconds`, with what was last seen; and whatever `look` throws
 */
export async function poll<T>(look: () => Promise<Verdict<T>>, goal: string, timeoutSeconds: number): Promise<T> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (;;) {
        const verdict = await look();
        if (verdict.done) {
            return verdict.result;
        }
        if (Date.now() >= deadline) {
            throw overdue(goal, timeoutSeconds, verdict.seen);
        }
        await sleep(POLL_MS);
    }
}

function overdue(goal: string, timeoutSeconds: number, seen: string): ClusterError {
    return new ClusterError("deadline", `Waited ${String(timeoutSeconds)} s for ${goal}. Last seen: ${seen}.`);
}
