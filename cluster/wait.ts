import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterClient, KubernetesObject } from "./client";
import { ClusterError } from "./errors";
import { pathOf, type ResourceKind } from "./kinds";
import {
    ListWatch,
    Watch,
    type KubernetesListObject,
    type KubernetesObject as LibraryObject,
} from "./kubernetes-client";

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
    const start = Date.now();
    // Much of what is waited for is there already, and a look costs less than a watch.
    const first = await look(client, watched);
    const verdict = first && judge(first);
    if (verdict?.done) {
        return verdict.result;
    }
    const current: (KubernetesObject | undefined)[] = watched.map(() => undefined);
    const listed = watched.map(() => false);
    let seen = verdict?.seen ?? "nothing yet";
    const stops: (() => void)[] = [];
    try {
        return await new Promise<T>((resolve, reject) => {
            const decide = (): void => {
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
            const timer = setTimeout(
                () => {
                    reject(overdue(goal, timeoutSeconds, seen));
                },
                start + timeoutSeconds * 1000 - Date.now(),
            );
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
                            decide();
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

/** The objects as they are now; undefined where that cannot be told at the moment. */
async function look(
    client: ClusterClient,
    watched: readonly Watched[],
): Promise<(KubernetesObject | undefined)[] | undefined> {
    try {
        return await Promise.all(watched.map(async ({ kind, namespace, name }) => client.find(kind, namespace, name)));
    } catch (error) {
        if (isMendable(error)) {
            return undefined;
        }
        throw error;
    }
}

/** A broken connection, or a server that is not well; a refusal is final. */
function isMendable(error: unknown): boolean {
    return !(error instanceof ClusterError) || error.reason === "unreachable" || error.reason === "failed";
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
        if (error instanceof ClusterError && !isMendable(error)) {
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
