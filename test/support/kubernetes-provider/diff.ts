import { type DiffRequest, DiffResponse, PropertyDiff } from "@pulumi/pulumi/proto/provider_pb";

import { parseCheckpoint } from "./checkpoint";
import { type Change, detailedDiff } from "./detailed-diff";
import { forceNewPaths, mustDeleteFirst } from "./force-new";
import type { ProviderInstance } from "./instance";
import { gvkOf, metadataOf, nameOf, namespaceOf, prune, setMetadata } from "./kube-object";
import { isBuiltIn, normalize } from "./normalize";
import { isWithin, parsePropertyPath } from "./property-path";
import { fromStruct, type JsonObject, toPlain } from "./values";

const KINDS = {
    ADD: [PropertyDiff.Kind.ADD, PropertyDiff.Kind.ADD_REPLACE],
    UPDATE: [PropertyDiff.Kind.UPDATE, PropertyDiff.Kind.UPDATE_REPLACE],
    DELETE: [PropertyDiff.Kind.DELETE, PropertyDiff.Kind.DELETE_REPLACE],
} as const;

/** Compares the state with the new inputs; asks no cluster, so drift shows only after a refresh. */
export function diff(instance: ProviderInstance, request: DiffRequest): DiffResponse {
    const { inputs: oldInputs, live: oldLive } = parseCheckpoint(fromStruct(request.getOlds()));
    const newInputs = normalize(toPlain(fromStruct(request.getNews())));
    const old = prune(oldLive, normalize(oldInputs));

    const namespaced = instance.isNamespaced(gvkOf(newInputs));
    for (const object of [old, newInputs]) {
        setMetadata(object, "namespace", namespaced ? namespaceOf(object) || "default" : undefined);
    }
    if (nameOf(newInputs) !== "") {
        setMetadata(old, "name", metadataOf(oldLive).name);
    }
    setMetadata(old, "resourceVersion", undefined);

    const changes = detailedDiff(old, newInputs, {
        forceNew: forceNewPaths(newInputs, instance.options),
        zeroIsAbsent: isBuiltIn(newInputs),
    });
    const ignored = request.getIgnorechangesList().map(parsePropertyPath);
    for (const [key, change] of changes) {
        if (ignored.some((path) => isWithin(change.path, path))) {
            changes.delete(key);
        }
    }
    return responseOf(changes, newInputs, oldLive);
}

function responseOf(changes: Map<string, Change>, newInputs: JsonObject, oldLive: JsonObject): DiffResponse {
    const response = new DiffResponse();
    response.setHasdetaileddiff(true);
    response.setChanges(changes.size > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE);
    const replaces: string[] = [];
    for (const [key, change] of changes) {
        const detail = new PropertyDiff();
        detail.setKind(KINDS[change.kind][change.replace ? 1 : 0]);
        detail.setInputdiff(change.kind === "DELETE");
        response.getDetaileddiffMap().set(key, detail);
        // A removed `metadata` takes the name with it.
        if (change.replace || (change.kind === "DELETE" && key === "metadata")) {
            replaces.push(key);
        }
    }
    response.setReplacesList(replaces);
    response.setDeletebeforereplace(replaces.length > 0 && mustDeleteFirst(newInputs, oldLive));
    return response;
}
