import { createHash, randomBytes } from "node:crypto";

import { CheckRequest } from "@pulumi/pulumi/proto/provider_pb";

import { annotationOf, metadataOf, nameOf, setMetadata } from "./kube-object";
import { isObject, type JsonObject } from "./values";

const AUTONAMED = "pulumi.com/autonamed";

/** Keeps the generated name of the old object where the program still gives none. Changes `inputs`. */
export function adoptOldName(inputs: JsonObject, oldInputs: JsonObject): void {
    if (nameOf(inputs) === "" && annotationOf(oldInputs, AUTONAMED) === "true") {
        setName(inputs, nameOf(oldInputs));
    }
}

/**
 * Names an object that the program does not name: `<logical name>-<8 hex>` from the engine's seed, or what the engine's own
 * autonaming settings propose. Changes `inputs`.
 */
export function assignName(
    inputs: JsonObject,
    logicalName: string,
    randomSeed: Uint8Array,
    autonaming: CheckRequest.AutonamingOptions | undefined,
): void {
    if (nameOf(inputs) !== "" || metadataOf(inputs).generateName) {
        return;
    }
    if (!autonaming) {
        const seed = randomSeed.length > 0 ? randomSeed : randomBytes(32);
        const suffix = createHash("sha256").update(seed).digest("hex").slice(0, 8);
        setName(inputs, `${logicalName}-${suffix}`);
    } else if (autonaming.getMode() === CheckRequest.AutonamingOptions.Mode.DISABLE) {
        throw new Error("autonaming is disabled, resource requires the .metadata.name field to be set");
    } else {
        setName(inputs, autonaming.getProposedName());
    }
}

function setName(inputs: JsonObject, name: string): void {
    setMetadata(inputs, "name", name);
    const annotations = metadataOf(inputs).annotations;
    setMetadata(inputs, "annotations", { ...(isObject(annotations) ? annotations : {}), [AUTONAMED]: "true" });
}
