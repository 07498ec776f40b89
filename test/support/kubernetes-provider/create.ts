import { setTimeout as sleep } from "node:timers/promises";

import { type CreateRequest, CreateResponse } from "@pulumi/pulumi/proto/provider_pb";

import { awaitReady, timeoutMs } from "./await";
import { fieldManagerFor, makeCheckpoint } from "./checkpoint";
import { AwaitError, InitializationError, messageOf, NamespaceMissingError } from "./errors";
import type { ProviderInstance } from "./instance";
import { isGone, isReason, KubeError, NoMatchError } from "./kube-error";
import { apiVersionOf, gvkFromUrn, gvkOf, idOf, nameOf } from "./kube-object";
import { CREATE_MANAGER, forceConflicts } from "./managed-fields";
import { explainConflict } from "./update";
import { containsUnknown, fromStruct, type JsonObject, toPlain, toStruct } from "./values";

const MAX_RETRIES = 5;

/** Makes the object by POST, or at preview by a dry run of it. */
export async function create(instance: ProviderInstance, request: CreateRequest): Promise<CreateResponse> {
    const urn = request.getUrn();
    const preview = request.getPreview();
    const properties = fromStruct(request.getProperties());
    const inputs = toPlain(properties);
    const response = new CreateResponse();
    if (preview && (containsUnknown(inputs) || !instance.knows(inputs))) {
        response.setProperties(request.getProperties());
        return response;
    }
    const fieldManager = fieldManagerFor(inputs, {});
    const apiVersion = String(inputs.apiVersion);

    let created: JsonObject;
    try {
        created = await post(instance, urn, inputs, fieldManager, preview, request.getTimeout());
    } catch (error) {
        const cannotPreview =
            error instanceof NamespaceMissingError || isReason(error, "Forbidden") || isReason(error, "AlreadyExists");
        if (preview && cannotPreview) {
            response.setProperties(request.getProperties());
            return response;
        }
        throw explain(urn, error);
    }
    if (preview) {
        // A program that reads the status of an object that is not there yet must not see an empty one.
        delete created.status;
        response.setProperties(toStruct(makeCheckpoint(inputs, created, properties, apiVersion, fieldManager)));
        return response;
    }

    const state = (live: JsonObject): JsonObject => makeCheckpoint(inputs, live, properties, apiVersion, fieldManager);
    try {
        created = await awaitReady(instance.client, inputs, created, timeoutMs(request.getTimeout(), inputs));
    } catch (error) {
        const live = error instanceof AwaitError ? error.object : created;
        const message = `resource "${urn}" was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: ${messageOf(error)}`;
        const reasons = error instanceof AwaitError ? error.reasons : [];
        throw new InitializationError(message, idOf(live), state(live), [message, ...reasons]);
    }
    if (gvkOf(inputs).kind === "CustomResourceDefinition") {
        await instance.client.discover();
    }
    response.setId(idOf(created));
    response.setProperties(toStruct(state(created)));
    return response;
}

/**
 * Sends the object, again while its kind or namespace is missing: after 1, 2, 4, 8, 16 and 32 s, 63 s in all, as upstream.
 * Unlike upstream a shorter `customTimeouts.create` ends the retries earlier.
 */
async function post(
    instance: ProviderInstance,
    urn: string,
    inputs: JsonObject,
    fieldManager: string,
    preview: boolean,
    timeoutSeconds: number,
): Promise<JsonObject> {
    const deadline = timeoutSeconds > 0 ? Date.now() + timeoutSeconds * 1000 : Number.POSITIVE_INFINITY;
    for (let attempt = 0; ; attempt++) {
        try {
            return await postOnce(instance, inputs, fieldManager, preview);
        } catch (error) {
            if (preview && error instanceof KubeError && error.code === 404 && error.detailsKind === "namespaces") {
                throw new NamespaceMissingError(`namespace does not exist for "${nameOf(inputs)}"`);
            }
            instance.status(urn, `Retry #${attempt}; creation failed: ${messageOf(error)}`);
            if (!isGone(error)) {
                throw error;
            }
            const pause = Math.min(1000 * 2 ** attempt, Math.max(deadline - Date.now(), 0));
            await sleep(pause, undefined, { signal: instance.signal });
            if (attempt >= MAX_RETRIES || Date.now() >= deadline) {
                throw error;
            }
        }
    }
}

async function postOnce(
    instance: ProviderInstance,
    inputs: JsonObject,
    fieldManager: string,
    preview: boolean,
): Promise<JsonObject> {
    const { enablePatchForce, upsertExistingObjects } = instance.options;
    const resource = await instance.client.resourceFor(inputs);
    if (!upsertExistingObjects) {
        return resource.create(inputs, CREATE_MANAGER, preview);
    }
    const force = forceConflicts(inputs, undefined, { enablePatchForce, preview });
    const options = { fieldManager, force, preview, fieldValidation: "Warn" };
    try {
        return await resource.apply(inputs, nameOf(inputs), options);
    } catch (error) {
        if (preview && isReason(error, "Invalid") && /field is immutable/.test(messageOf(error))) {
            // The dry run of a replacement meets its predecessor; under another name it does not.
            const metadata = { ...(inputs.metadata as JsonObject), name: `${nameOf(inputs)}-preview` };
            return resource.apply({ ...inputs, metadata }, `${nameOf(inputs)}-preview`, options);
        }
        throw explainConflict(error, fieldManager);
    }
}

function explain(urn: string, error: unknown): Error {
    if (error instanceof NoMatchError) {
        const gvk = gvkFromUrn(urn);
        return new Error(
            `creation of resource "${urn}" with kind ${apiVersionOf(gvk)}/${gvk.kind} failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${error.message}`,
        );
    }
    const advice = isReason(error, "AlreadyExists")
        ? "\n\nThe resource already exists in the cluster. Import it, delete it, or set upsertExistingObjects on the provider."
        : "";
    return new Error(
        `resource "${urn}" was not successfully created by the Kubernetes API server: ${messageOf(error)}${advice}`,
    );
}
