import { isObject, type Json, type JsonObject } from "./values";

export interface GroupVersionKind {
    group: string;
    version: string;
    kind: string;
}

export function gvkOf(object: JsonObject): GroupVersionKind {
    const apiVersion = text(object.apiVersion);
    const slash = apiVersion.indexOf("/");
    const group = slash < 0 ? "" : apiVersion.slice(0, slash);
    return { group: group === "core" ? "" : group, version: apiVersion.slice(slash + 1), kind: text(object.kind) };
}

/** The kind that a URN's type names, e.g. `kubernetes:kubevirt.io/v1:VirtualMachine`. */
export function gvkFromUrn(urn: string): GroupVersionKind {
    const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const [pkg, groupVersion, kind] = type.split(":");
    const [group, version] = groupVersion?.split("/") ?? [];
    if (pkg !== "kubernetes" || !group || !version || !kind) {
        throw new Error(`unrecognized resource type: "${type}" for this provider`);
    }
    return { group: group === "core" ? "" : group, version, kind };
}

export function apiVersionOf(gvk: GroupVersionKind): string {
    return gvk.group === "" ? gvk.version : `${gvk.group}/${gvk.version}`;
}

function text(value: Json | undefined): string {
    return typeof value === "string" ? value : "";
}

export function metadataOf(object: JsonObject): JsonObject {
    return isObject(object.metadata) ? object.metadata : {};
}

export function nameOf(object: JsonObject): string {
    return text(metadataOf(object).name);
}

export function namespaceOf(object: JsonObject): string {
    return text(metadataOf(object).namespace);
}

export function annotationOf(object: JsonObject, key: string): string {
    const annotations = metadataOf(object).annotations;
    return isObject(annotations) ? text(annotations[key]) : "";
}

export function setMetadata(object: JsonObject, key: string, value: Json | undefined): void {
    const metadata = { ...metadataOf(object) };
    if (value === undefined) {
        delete metadata[key];
    } else {
        metadata[key] = value;
    }
    object.metadata = metadata;
}

export function idOf(object: JsonObject): string {
    const namespace = namespaceOf(object);
    return namespace === "" ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

/** The value at a path of plain keys. */
export function pluck(object: Json | undefined, ...path: string[]): Json | undefined {
    let current = object;
    for (const key of path) {
        if (!isObject(current)) {
            return undefined;
        }
        current = current[key];
    }
    return current;
}

/** The live values of what `shape` mentions: keys that both have, list elements up to the shape's length. */
export function prune(live: JsonObject, shape: JsonObject): JsonObject {
    const result: JsonObject = {};
    for (const [key, value] of Object.entries(live)) {
        if (key in shape) {
            result[key] = pruneValue(value, shape[key]!);
        }
    }
    return result;
}

function pruneValue(live: Json, shape: Json): Json {
    if (isObject(live) && isObject(shape)) {
        return prune(live, shape);
    }
    if (Array.isArray(live) && Array.isArray(shape)) {
        return live.slice(0, shape.length).map((element, i) => pruneValue(element, shape[i]!));
    }
    return live;
}
