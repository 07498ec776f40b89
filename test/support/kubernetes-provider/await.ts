import { AwaitError } from "./errors";
import type { KubeClient } from "./kube-client";
import { isGone } from "./kube-error";
import { annotationOf, apiVersionOf, gvkOf, nameOf, namespaceOf, pluck } from "./kube-object";
import { ENDPOINTS_SETTLE_MS, type Readiness, readinessOf } from "./readiness";
import type { JsonObject } from "./values";
import { waitForConditions } from "./wait-for";

export const DEFAULT_TIMEOUT_MS = 10 * 60_000;

// At delete, upstream honours skipAwait for these kinds only.
const SKIP_AWAIT_AT_DELETE = new Set([
    "/Namespace",
    "/Pod",
    "/ReplicationController",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "batch/Job",
]);

/** `customTimeouts` first, then the annotation, then ten minutes. */
export function timeoutMs(requestSeconds: number, inputs: JsonObject): number {
    const annotated = Number.parseInt(annotationOf(inputs, "pulumi.com/timeoutSeconds"), 10);
    return requestSeconds > 0 ? requestSeconds * 1000 : annotated > 0 ? annotated * 1000 : DEFAULT_TIMEOUT_MS;
}

/** Waits until a created or updated object is ready, as its kind and annotations demand; returns it as last seen. */
export async function awaitReady(
    client: KubeClient,
    inputs: JsonObject,
    created: JsonObject,
    timeout: number,
): Promise<JsonObject> {
    if (annotationOf(inputs, "pulumi.com/skipAwait") === "true") {
        return created;
    }
    const waitFor = annotationOf(created, "pulumi.com/waitFor");
    if (waitFor !== "") {
        return waitForConditions(client, created, waitFor, timeout);
    }
    const readiness = readinessOf(created);
    return readiness ? awaitReadiness(client, created, readiness, timeout) : created;
}

async function awaitReadiness(
    client: KubeClient,
    created: JsonObject,
    readiness: Readiness,
    timeout: number,
): Promise<JsonObject> {
    const own = gvkOf(created);
    const stop = new AbortController();
    const timers = new Set<NodeJS.Timeout>();
    const after = (ms: number, act: () => void): void => void timers.add(setTimeout(act, ms));
    let live = created;
    let endpointsSeen = false;

    try {
        return await new Promise<JsonObject>((resolve, reject) => {
            const evaluate = (): void => {
                if (readiness.ready()) {
                    resolve(live);
                }
            };
            const settle = (): void => {
                readiness.settle();
                evaluate();
            };
            const follow = async (kind: string): Promise<void> => {
                const gvk = kind === own.kind ? own : { group: "", version: "v1", kind };
                const resource = await client.resource(gvk, namespaceOf(created));
                const signal = AbortSignal.any([stop.signal, client.signal]);
                for await (const { type, object } of resource.watch(signal)) {
                    if (type === "SYNCED" || type === "BOOKMARK") {
                        continue;
                    }
                    readiness.observe(kind, type, object);
                    if (kind === own.kind && nameOf(object) === nameOf(created)) {
                        live = { ...object, apiVersion: created.apiVersion!, kind: created.kind! };
                    }
                    if (kind === "Endpoints" && concerns(readiness, object, created)) {
                        endpointsSeen = true;
                        after(ENDPOINTS_SETTLE_MS, settle);
                    }
                    evaluate();
                }
            };
            for (const kind of [own.kind, ...readiness.neighbours]) {
                follow(kind).catch((error: unknown) => {
                    if (!stop.signal.aborted) {
                        reject(error instanceof Error ? error : new Error(String(error)));
                    }
                });
            }
            if (readiness.graceMs !== undefined) {
                after(readiness.graceMs, () => (endpointsSeen ? undefined : settle()));
            }
            after(timeout, () => {
                if (readiness.acceptable()) {
                    resolve(live);
                } else {
                    const message = `'${nameOf(created)}' timed out waiting to be Ready`;
                    reject(new AwaitError(message, live, readiness.problems()));
                }
            });
        });
    } catch (error) {
        if (client.signal.aborted) {
            throw new AwaitError(
                `Resource operation was cancelled for "${nameOf(created)}"`,
                live,
                readiness.problems(),
            );
        }
        throw error;
    } finally {
        stop.abort();
        timers.forEach(clearTimeout);
    }
}

/** An Ingress minds the endpoints of every Service around it, a Service only its own. */
function concerns(readiness: Readiness, endpoints: JsonObject, created: JsonObject): boolean {
    return readiness.graceMs !== undefined || nameOf(endpoints) === nameOf(created);
}

/** Looks once whether an object is ready, for a refresh. */
export async function checkReady(client: KubeClient, inputs: JsonObject, live: JsonObject): Promise<void> {
    const readiness = annotationOf(inputs, "pulumi.com/skipAwait") === "true" ? undefined : readinessOf(live);
    if (!readiness) {
        return;
    }
    readiness.observe(gvkOf(live).kind, "ADDED", live);
    for (const kind of readiness.neighbours) {
        const resource = await client.resource({ group: "", version: "v1", kind }, namespaceOf(live));
        const { items } = await resource.list();
        for (const object of (items ?? []) as JsonObject[]) {
            readiness.observe(kind, "ADDED", object);
        }
    }
    readiness.settle();
    if (!readiness.ready()) {
        const message = `Resource '${nameOf(live)}' was created but failed to initialize`;
        throw new AwaitError(message, live, readiness.problems());
    }
}

/** Waits until a deleted object is gone. */
export async function awaitGone(
    client: KubeClient,
    inputs: JsonObject,
    deleted: JsonObject,
    name: string,
    timeout: number,
): Promise<void> {
    const { group, kind } = gvkOf(deleted);
    const skip = annotationOf(inputs, "pulumi.com/skipAwait") === "true";
    if (skip && SKIP_AWAIT_AT_DELETE.has(`${group}/${kind}`)) {
        return;
    }
    const resource = await client.resourceFor(deleted);
    const deadline = AbortSignal.timeout(timeout);
    let live = deleted;
    try {
        const signal = AbortSignal.any([deadline, client.signal]);
        for await (const { type, object } of resource.watch(signal, `metadata.name=${name}`)) {
            const there = type === "SYNCED" ? (object.items as JsonObject[] | null)?.length : type !== "DELETED";
            if (!there) {
                return;
            }
            if (type === "ADDED" || type === "MODIFIED") {
                live = { ...object, apiVersion: apiVersionOf(gvkOf(deleted)), kind };
            }
        }
    } catch (error) {
        if (isGone(error)) {
            return;
        }
        if (!deadline.aborted) {
            throw error;
        }
    }
    const finalizers = pluck(live, "metadata", "finalizers");
    throw new AwaitError("timed out waiting for the condition", live, [
        `finalizers might be preventing deletion (${Array.isArray(finalizers) ? finalizers.join(", ") : ""})`,
    ]);
}
