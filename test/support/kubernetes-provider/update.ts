import { type UpdateRequest, UpdateResponse } from "@pulumi/pulumi/proto/provider_pb";

import { awaitReady, timeoutMs } from "./await";
import { fieldManagerFor, initialApiVersionFor, makeCheckpoint, parseCheckpoint } from "./checkpoint";
import { InitializationError, messageOf } from "./errors";
import type { ProviderInstance } from "./instance";
import type { KubeResource } from "./kube-client";
import { isReason, NoMatchError } from "./kube-error";
import { gvkOf, idOf, metadataOf, nameOf, namespaceOf, setMetadata } from "./kube-object";
import { forceConflicts, ignoreFields, managedFieldsOf, takeOverPatch } from "./managed-fields";
import { normalize } from "./normalize";
import { containsUnknown, fromStruct, type JsonObject, toPlain, toStruct } from "./values";

/** Updates the object by server-side apply under its own field manager, or at preview by a dry run of it. */
export async function update(instance: ProviderInstance, request: UpdateRequest): Promise<UpdateResponse> {
    const urn = request.getUrn();
    const preview = request.getPreview();
    const oldState = fromStruct(request.getOlds());
    const news = fromStruct(request.getNews());
    const inputs = normalize(toPlain(news));
    const response = new UpdateResponse();
    if (preview && (containsUnknown(inputs) || !instance.knows(inputs))) {
        response.setProperties(request.getNews());
        return response;
    }
    const { inputs: oldInputs, live: oldLive } = parseCheckpoint(oldState);
    const apiVersion = initialApiVersionFor(oldState, oldInputs);
    const fieldManager = fieldManagerFor(inputs, oldState);
    const state = (live: JsonObject): JsonObject => makeCheckpoint(inputs, live, news, apiVersion, fieldManager);

    let updated: JsonObject;
    try {
        const resource = await instance.client.resourceFor(inputs);
        updated = await send(instance, resource, inputs, nameOf(oldLive), fieldManager, request);
        if (!preview) {
            updated = await awaitReady(instance.client, inputs, updated, timeoutMs(request.getTimeout(), inputs));
        }
    } catch (error) {
        if (preview && isReason(error, "Forbidden")) {
            response.setProperties(request.getNews());
            return response;
        }
        throw await failure(instance, urn, oldLive, state, error);
    }

    const oldManager = fieldManagerFor(oldInputs, oldState);
    if (!preview && oldManager !== fieldManager) {
        await relinquish(instance, updated, oldManager);
    }
    response.setProperties(toStruct(state(updated)));
    return response;
}

async function send(
    instance: ProviderInstance,
    resource: KubeResource,
    inputs: JsonObject,
    name: string,
    fieldManager: string,
    request: UpdateRequest,
): Promise<JsonObject> {
    const preview = request.getPreview();
    let live = await resource.get(name);
    if (gvkOf(inputs).kind === "CustomResourceDefinition") {
        setMetadata(inputs, "resourceVersion", metadataOf(live).resourceVersion);
        return resource.replace(inputs, name, fieldManager, preview);
    }
    if (!preview && managedFieldsOf(live).length > 0) {
        live = await resource.jsonPatch(name, takeOverPatch(live, fieldManager));
    }
    ignoreFields(inputs, live, fieldManager, request.getIgnorechangesList());
    const force = forceConflicts(inputs, live, { enablePatchForce: instance.options.enablePatchForce, preview });
    try {
        return await resource.apply(inputs, name, { fieldManager, force, preview });
    } catch (error) {
        throw explainConflict(error, fieldManager);
    }
}

/** A failed update keeps the live object in the state, so that the next diff starts from the truth. */
async function failure(
    instance: ProviderInstance,
    urn: string,
    oldLive: JsonObject,
    state: (live: JsonObject) => JsonObject,
    error: unknown,
): Promise<Error> {
    if (error instanceof NoMatchError) {
        return new Error(
            `update of resource "${urn}" failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${error.message}`,
        );
    }
    let live: JsonObject;
    try {
        live = await (await instance.client.resourceFor(oldLive)).get(nameOf(oldLive));
    } catch (readError) {
        return new Error(
            `update of resource "${urn}" failed: ${messageOf(error)}\nunable to get cluster state: ${messageOf(readError)}`,
        );
    }
    const message = `the Kubernetes API server reported that "${idOf(live)}" failed to fully initialize or become live: ${messageOf(error)}`;
    const reasons = "reasons" in Object(error) ? (error as { reasons: string[] }).reasons : [];
    return new InitializationError(message, idOf(live), state(live), [message, ...reasons]);
}

/** Gives up all fields of a manager that is not used any more. */
async function relinquish(instance: ProviderInstance, object: JsonObject, manager: string): Promise<void> {
    const metadata: JsonObject = { name: nameOf(object) };
    if (namespaceOf(object) !== "") {
        metadata.namespace = namespaceOf(object);
    }
    const bare = { apiVersion: object.apiVersion!, kind: object.kind!, metadata };
    const resource = await instance.client.resourceFor(bare);
    await resource.apply(bare, nameOf(object), { fieldManager: manager, force: false, preview: false });
}

/** Says who is in conflict where a server-side apply was refused for it. */
export function explainConflict(error: unknown, fieldManager: string): unknown {
    return isReason(error, "Conflict")
        ? new Error(
              `server-side apply field conflict detected\nThe resource managed by field manager "${fieldManager}" had an apply conflict: ${messageOf(error)}`,
          )
        : error;
}
