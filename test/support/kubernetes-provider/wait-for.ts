import { AwaitError } from "./errors";
import type { KubeClient } from "./kube-client";
import { nameOf, pluck } from "./kube-object";
import { parsePropertyPath } from "./property-path";
import type { Json, JsonObject } from "./values";

type Condition = (object: JsonObject) => boolean;

/** Waits for what the annotation `pulumi.com/waitFor` says: one condition, or a JSON list of them. */
export async function waitForConditions(
    client: KubeClient,
    created: JsonObject,
    waitFor: string,
    timeout: number,
): Promise<JsonObject> {
    const conditions = parseConditions(waitFor);
    const deadline = AbortSignal.timeout(timeout);
    const resource = await client.resourceFor(created);
    let live = created;
    try {
        const signal = AbortSignal.any([deadline, client.signal]);
        for await (const { type, object } of resource.watch(signal, `metadata.name=${nameOf(created)}`)) {
            if (type === "ADDED" || type === "MODIFIED") {
                live = { ...object, apiVersion: created.apiVersion!, kind: created.kind! };
                if (conditions.every((condition) => condition(live))) {
                    return live;
                }
            }
        }
    } catch (error) {
        if (!deadline.aborted) {
            throw error;
        }
    }
    throw new AwaitError("timed out waiting for the condition", live);
}

function parseConditions(waitFor: string): Condition[] {
    let expressions = [waitFor];
    if (waitFor.trimStart().startsWith("[")) {
        expressions = JSON.parse(waitFor) as string[];
    }
    return expressions.map((expression) => {
        const [, kind, what, value] = /^(condition|jsonpath)=([^=]+)(?:==?(.*))?$/s.exec(expression) ?? [];
        if (kind === "condition") {
            return (object) => conditionStatus(object, what!).toLowerCase() === (value ?? "True").toLowerCase();
        }
        if (kind === "jsonpath") {
            const steps = parsePropertyPath(what!.replace(/^\{\.?|\}$/g, ""));
            return (object) => {
                const found = pluck(object, ...steps.map(String));
                return found !== undefined && (value === undefined || String(found) === value);
            };
        }
        throw new Error(`expected a "jsonpath=" or "condition=" prefix, got "${expression}"`);
    });
}

function conditionStatus(object: JsonObject, type: string): string {
    const conditions = pluck(object, "status", "conditions");
    const found = (Array.isArray(conditions) ? conditions : []).find(
        (condition: Json) => pluck(condition, "type") === type,
    );
    return String(pluck(found, "status") ?? "");
}
