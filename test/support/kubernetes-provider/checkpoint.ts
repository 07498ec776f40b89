import { randomBytes } from "node:crypto";

import { annotationOf, pluck } from "./kube-object";
import { copySecrets, isObject, type JsonObject, toPlain, toProperties } from "./values";

/** What the provider keeps in a resource's state beside the live object. */
export interface Checkpoint {
    inputs: JsonObject;
    live: JsonObject;
}

export function parseCheckpoint(state: JsonObject): Checkpoint {
    const live = toPlain(state);
    const inputs = live.__inputs;
    delete live.__inputs;
    return { inputs: isObject(inputs) ? inputs : {}, live };
}

/** The outputs of a resource: the live object, and what the next diff and update need to know. */
export function makeCheckpoint(
    inputs: JsonObject,
    live: JsonObject,
    secretsFrom: JsonObject,
    initialApiVersion: string,
    fieldManager: string,
): JsonObject {
    const outputs = toProperties(live);
    const storedInputs = toProperties(inputs);
    copySecrets(outputs, secretsFrom);
    copySecrets(storedInputs, secretsFrom);
    return {
        ...outputs,
        __inputs: storedInputs,
        __initialApiVersion: initialApiVersion,
        __fieldManager: fieldManager,
    };
}

/** The name under which updates are applied: the annotation, else the one in the state, else a new one. */
export function fieldManagerFor(inputs: JsonObject, state: JsonObject): string {
    const annotated = annotationOf(inputs, "pulumi.com/patchFieldManager");
    if (annotated !== "") {
        return annotated;
    }
    const stored = pluck(state, "__fieldManager");
    return typeof stored === "string" ? stored : `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

export function initialApiVersionFor(state: JsonObject, inputs: JsonObject): string {
    const stored = state.__initialApiVersion ?? inputs.apiVersion;
    return typeof stored === "string" ? stored : "";
}
