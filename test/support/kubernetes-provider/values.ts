import { Struct } from "google-protobuf/google/protobuf/struct_pb";

/** A value as it crosses the wire, secrets still in their envelopes. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

// The signatures of pulumi's wire format (sdk/go/common/resource/properties.go).
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

// One sentinel per type the engine does not know yet (sdk/go/common/resource/plugin/rpc.go).
const UNKNOWN_SENTINELS = new Set([
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9", // string
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
    "030794c1-ac77-496b-92df-f27374a8bd58", // asset
    "e48ece36-62e2-4504-bad9-02848725956a", // archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

// Property names with dashes cannot be spelt in every language, so the SDKs write them with underscores.
const DASHED = [
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
const TO_DASHED = new Map(DASHED.map((name) => [name.replaceAll("-", "_"), name]));
const TO_UNDERSCORED = new Map(DASHED.map((name) => [name, name.replaceAll("-", "_")]));

export function fromStruct(struct: Struct | undefined): JsonObject {
    return struct?.toJavaScript() ?? {};
}

export function toStruct(object: JsonObject): Struct {
    return Struct.fromJavaScript(object);
}

export function isObject(value: Json | undefined): value is JsonObject {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !isSecret(value);
}

export function isSecret(value: Json | undefined): value is { [SIGNATURE]: string; value: Json } {
    return (
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        value[SIGNATURE] === SECRET_SIGNATURE &&
        "value" in value
    );
}

export function makeSecret(value: Json): Json {
    return isSecret(value) ? value : { [SIGNATURE]: SECRET_SIGNATURE, value };
}

export function isUnknown(value: Json | undefined): boolean {
    return typeof value === "string" && UNKNOWN_SENTINELS.has(value);
}

export function containsSecret(value: Json | undefined): boolean {
    return some(value, isSecret);
}

export function containsUnknown(value: Json | undefined): boolean {
    return some(value, isUnknown);
}

function some(value: Json | undefined, test: (value: Json | undefined) => boolean): boolean {
    if (test(value)) {
        return true;
    }
    if (typeof value !== "object" || value === null) {
        return false;
    }
    return Object.values(value).some((child: Json) => some(child, test));
}

/** A deep copy as the API server wants it: no secret envelopes, dashed extension names. */
export function toPlain(value: JsonObject): JsonObject {
    return copy(value, TO_DASHED) as JsonObject;
}

/** A deep copy of an API object under the names that the SDKs use. */
export function toProperties(value: JsonObject): JsonObject {
    return copy(value, TO_UNDERSCORED) as JsonObject;
}

function copy(value: Json, names: Map<string, string>): Json {
    if (isSecret(value)) {
        return copy(value.value, names);
    }
    if (Array.isArray(value)) {
        return value.map((child) => copy(child, names));
    }
    if (isObject(value)) {
        return Object.fromEntries(
            Object.entries(value).map(([key, child]) => [names.get(key) ?? key, copy(child, names)]),
        );
    }
    return value;
}

/**
 * Marks in `outputs` what is secret in `inputs`, key by key; an array with any secret in it becomes secret as a whole.
 * The data of a Secret is always secret.
 */
export function copySecrets(outputs: JsonObject, inputs: JsonObject): void {
    if (outputs.kind === "Secret") {
        for (const key of ["data", "stringData"]) {
            if (key in outputs) {
                outputs[key] = makeSecret(outputs[key]!);
            }
        }
        return;
    }
    for (const [key, input] of Object.entries(inputs)) {
        const output = outputs[key];
        if (output === undefined) {
            continue;
        }
        if (isObject(output) && isObject(input)) {
            copySecrets(output, input);
        } else if (containsSecret(input)) {
            outputs[key] = makeSecret(output);
        }
    }
}
