import { gvkOf, metadataOf, pluck } from "./kube-object";
import { containsUnknown, isObject, type Json, type JsonObject } from "./values";

const BUILT_IN_GROUPS = new Set([
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
]);

const READ_ONLY_METADATA = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

export function isBuiltIn(object: JsonObject): boolean {
    return BUILT_IN_GROUPS.has(gvkOf(object).group);
}

/** One spelling for inputs that mean the same, so that they do not show up as a difference. Changes `inputs`. */
export function normalize(inputs: JsonObject): JsonObject {
    if (!containsUnknown(inputs) && isBuiltIn(inputs)) {
        const { group, kind } = gvkOf(inputs);
        if (group === "" && kind === "Secret") {
            normalizeSecret(inputs);
        } else if (kind === "CustomResourceDefinition") {
            delete inputs.status;
            const spec = inputs.spec;
            if (isObject(spec) && spec.preserveUnknownFields === false) {
                delete spec.preserveUnknownFields;
            }
        } else {
            dropEmpty(inputs);
        }
    }
    const metadata = metadataOf(inputs);
    for (const key of READ_ONLY_METADATA) {
        delete metadata[key];
    }
    return inputs;
}

/** `stringData` goes into `data` in base64 and wins over it, as at the API server. */
function normalizeSecret(secret: JsonObject): void {
    const data: JsonObject = isObject(secret.data) ? { ...secret.data } : {};
    const stringData = pluck(secret, "stringData");
    if (isObject(stringData) && Object.values(stringData).every((value) => typeof value === "string")) {
        for (const [key, value] of Object.entries(stringData)) {
            data[key] = Buffer.from(value as string, "utf8").toString("base64");
        }
        if (Object.keys(stringData).length > 0) {
            secret.data = data;
            delete secret.stringData;
        }
    } else if (isObject(secret.data)) {
        for (const [key, value] of Object.entries(data)) {
            if (typeof value === "string" && /^[A-Za-z0-9+/=\s]*$/.test(value)) {
                data[key] = Buffer.from(value, "base64").toString("base64");
            }
        }
        secret.data = data;
    }
}

// Lists that the built-in types write even when they are empty; all others are `omitempty`.
const ALWAYS_WRITTEN = new Set(["addresses", "endpoints", "ports", "rules"]);
const STRING_MAPS = new Set(["labels", "annotations", "data", "binaryData", "matchLabels", "nodeSelector"]);

/** What a built-in type omits when it is written is not in its normal form: empty lists and empty string maps. */
function dropEmpty(object: JsonObject): void {
    for (const [key, value] of Object.entries(object)) {
        if (isEmptyList(value) && !ALWAYS_WRITTEN.has(key)) {
            delete object[key];
        } else if (isObject(value)) {
            if (STRING_MAPS.has(key) && Object.keys(value).length === 0) {
                delete object[key];
            } else {
                dropEmpty(value);
            }
        } else if (Array.isArray(value)) {
            value.filter(isObject).forEach(dropEmpty);
        }
    }
}

function isEmptyList(value: Json): boolean {
    return Array.isArray(value) && value.length === 0;
}
