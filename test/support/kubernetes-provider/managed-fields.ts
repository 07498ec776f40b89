import { annotationOf, metadataOf, pluck } from "./kube-object";
import { parsePropertyPath } from "./property-path";
import { isObject, type Json, type JsonObject } from "./values";

/** The constant manager of creates; its fields move to the resource's own manager at the first update. */
export const CREATE_MANAGER = "pulumi-kubernetes";

interface ManagedFieldsEntry {
    manager: string;
    operation: "Apply" | "Update";
    subresource?: string;
    fieldsV1?: JsonObject;
}

// Managers whose fields the provider takes over at an update; names are prefixes.
const TAKEN_OVER: readonly (readonly [string, ManagedFieldsEntry["operation"]])[] = [
    ["kubectl", "Apply"],
    ["kubectl", "Update"],
    ["before-first-apply", "Update"],
    ["pulumi-kubernetes", "Update"],
    ["pulumi-resource-kubernetes", "Update"],
];

export function managedFieldsOf(object: JsonObject): ManagedFieldsEntry[] {
    const entries = metadataOf(object).managedFields;
    return Array.isArray(entries) ? (entries as unknown as ManagedFieldsEntry[]) : [];
}

/** The JSON Patch that makes `manager` the applier of what the create (or kubectl) wrote; null when there is nothing to move. */
export function takeOverPatch(live: JsonObject, manager: string): JsonObject[] | null {
    const entries = managedFieldsOf(live);
    let own = entries.find((entry) => entry.manager === manager && entry.operation === "Apply");
    const others: ManagedFieldsEntry[] = [];
    let moved = false;
    for (const entry of entries) {
        if (entry === own) {
            continue;
        }
        if (!isTakenOver(entry)) {
            others.push(entry);
            continue;
        }
        moved = true;
        own = own
            ? { ...own, fieldsV1: mergeFields(own.fieldsV1 ?? {}, entry.fieldsV1 ?? {}) }
            : { ...entry, manager, operation: "Apply" };
    }
    if (!moved || !own) {
        return null;
    }
    const value = [...others, own] as unknown as Json;
    return [{ op: "replace", path: "/metadata/managedFields", value }];
}

function isTakenOver(entry: ManagedFieldsEntry): boolean {
    return (
        !entry.subresource &&
        TAKEN_OVER.some(([prefix, operation]) => entry.operation === operation && entry.manager.startsWith(prefix))
    );
}

/** The union of two field sets in the FieldsV1 form, where `{}` is a member and `"."` makes a member of a node with children. */
function mergeFields(a: JsonObject, b: JsonObject): JsonObject {
    const result = { ...a };
    for (const [key, child] of Object.entries(b)) {
        const mine = result[key];
        if (!isObject(mine) || !isObject(child)) {
            result[key] = child;
            continue;
        }
        const merged = mergeFields(mine, child);
        const oneIsMember = Object.keys(mine).length === 0 || Object.keys(child).length === 0;
        result[key] = oneIsMember && Object.keys(merged).length > 0 ? { ...merged, ".": {} } : merged;
    }
    return result;
}

/**
 * Applies `ignoreChanges` to the object about to be applied: a path that others own and we do not is left out, any other
 * gets its live value. Only plain paths work, as upstream; changes `inputs`.
 */
export function ignoreFields(inputs: JsonObject, live: JsonObject, manager: string, ignoreChanges: string[]): void {
    const entries = managedFieldsOf(live);
    const owned = (steps: string[], ours: boolean): boolean =>
        entries.some(
            (entry) =>
                (entry.manager === manager) === ours &&
                pluck(entry.fieldsV1, ...steps.map((step) => `f:${step}`)) !== undefined,
        );
    for (const path of ignoreChanges) {
        const steps = parsePropertyPath(path).map(String);
        if (owned(steps, false) && !owned(steps, true)) {
            setAt(inputs, steps, undefined);
            continue;
        }
        const value = pluck(live, ...steps);
        if (value !== undefined) {
            setAt(inputs, steps, value);
        }
    }
}

function setAt(object: JsonObject, steps: string[], value: Json | undefined): void {
    let current = object;
    for (const step of steps.slice(0, -1)) {
        if (!isObject(current[step])) {
            if (value === undefined) {
                return;
            }
            current[step] = {};
        }
        current = current[step];
    }
    if (value === undefined) {
        delete current[steps.at(-1)!];
    } else {
        current[steps.at(-1)!] = value;
    }
}

/** Whether an apply overrides other managers; `live` is undefined for an object that is not there yet. */
export function forceConflicts(
    inputs: JsonObject,
    live: JsonObject | undefined,
    options: { enablePatchForce: boolean; preview: boolean },
): boolean {
    if (annotationOf(inputs, "pulumi.com/patchForce") === "true" || options.enablePatchForce) {
        return true;
    }
    if (!live) {
        return options.preview;
    }
    const entries = managedFieldsOf(live);
    if (entries.length === 0) {
        return true;
    }
    // A real update moves the create-time manager's fields first; a preview cannot, so it would conflict with itself.
    return (
        options.preview &&
        entries.some(
            (entry) =>
                entry.operation === "Update" &&
                [CREATE_MANAGER, "pulumi-kubernetes.exe", "pulumi-resource-kubernetes"].includes(entry.manager),
        )
    );
}
