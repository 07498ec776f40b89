import { type ReadRequest, ReadResponse } from "@pulumi/pulumi/proto/provider_pb";

import { checkReady } from "./await";
import { fieldManagerFor, initialApiVersionFor, makeCheckpoint, parseCheckpoint } from "./checkpoint";
import { AwaitError, InitializationError } from "./errors";
import type { ProviderInstance } from "./instance";
import { isGone } from "./kube-error";
import { apiVersionOf, gvkFromUrn, nameOf, namespaceOf, prune, setMetadata } from "./kube-object";
import { isBuiltIn, normalize } from "./normalize";
import { copySecrets, fromStruct, type JsonObject, toPlain, toProperties, toStruct } from "./values";

/** Reads the live object for a refresh, an import or a `.get`; an empty id says that it is gone. */
export async function read(instance: ProviderInstance, request: ReadRequest): Promise<ReadResponse> {
    const urn = request.getUrn();
    const response = new ReadResponse();
    if (instance.unreachable !== undefined) {
        return readUnreachable(instance, request);
    }
    const oldState = fromStruct(request.getProperties());
    const inputs = fromStruct(request.getInputs());
    const oldInputs = normalize(toPlain(inputs));
    const { live: oldLive } = parseCheckpoint(oldState);
    const [name, namespace] = request.getId().split("/").reverse();
    const firstRead = completeIdentity(oldInputs, oldLive, urn, name!, namespace ?? "");
    const apiVersion = initialApiVersionFor(oldState, oldInputs);
    const fieldManager = fieldManagerFor(oldInputs, oldState);

    let live: JsonObject;
    let problem: AwaitError | undefined;
    try {
        const resource = await instance.client.resourceFor(oldInputs);
        live = await resource.get(name!);
        if (!firstRead) {
            problem = await checkReady(instance.client, oldInputs, live).then(
                () => undefined,
                (error: unknown) => {
                    if (error instanceof AwaitError) {
                        return error;
                    }
                    throw error;
                },
            );
            live = await resource.get(name!);
        }
    } catch (error) {
        if (isGone(error)) {
            return response;
        }
        throw error;
    }

    const liveInputs = firstRead && isBuiltIn(live) ? wholeInputs(live) : prune(live, oldInputs);
    const id = request.getId();
    const state = makeCheckpoint(liveInputs, live, inputs, apiVersion, fieldManager);
    const stored = toProperties(liveInputs);
    copySecrets(stored, inputs);
    if (problem) {
        throw new InitializationError(problem.message, id, state, [problem.message, ...problem.reasons], stored);
    }
    response.setId(id);
    response.setProperties(toStruct(state));
    response.setInputs(toStruct(stored));
    return response;
}

/** Fills in what identifies the object; true when nothing was known of it but its id. */
function completeIdentity(
    inputs: JsonObject,
    oldLive: JsonObject,
    urn: string,
    name: string,
    namespace: string,
): boolean {
    if (inputs.apiVersion && inputs.kind) {
        return false;
    }
    const firstRead = !oldLive.apiVersion || !oldLive.kind;
    const gvk = gvkFromUrn(urn);
    inputs.apiVersion = firstRead ? apiVersionOf(gvk) : oldLive.apiVersion!;
    inputs.kind = firstRead ? gvk.kind : oldLive.kind!;
    if (nameOf(inputs) === "") {
        setMetadata(inputs, "name", name);
    }
    if (namespaceOf(inputs) === "" && namespace !== "") {
        setMetadata(inputs, "namespace", namespace);
    }
    return firstRead;
}

/** Everything of a built-in object that a program could have written; of a custom one upstream knows no fields. */
function wholeInputs(live: JsonObject): JsonObject {
    const { status: _status, ...inputs } = structuredClone(live);
    return normalize(inputs);
}

function readUnreachable(instance: ProviderInstance, request: ReadRequest): ReadResponse {
    instance.warn(request.getUrn(), `configured Kubernetes cluster is unreachable: ${instance.unreachable}`);
    const response = new ReadResponse();
    if (instance.options.deleteUnreachable) {
        return response;
    }
    if (instance.options.skipUpdateUnreachable) {
        response.setId(request.getId());
        response.setProperties(request.getProperties());
        response.setInputs(request.getInputs());
        return response;
    }
    throw new Error(
        'failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
    );
}
