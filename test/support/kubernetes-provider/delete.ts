import type { DeleteRequest } from "@pulumi/pulumi/proto/provider_pb";

import { awaitGone, timeoutMs } from "./await";
import { fieldManagerFor, initialApiVersionFor, makeCheckpoint, parseCheckpoint } from "./checkpoint";
import { AwaitError, InitializationError } from "./errors";
import type { ProviderInstance } from "./instance";
import { isGone } from "./kube-error";
import { annotationOf, idOf } from "./kube-object";
import { fromStruct, type JsonObject } from "./values";

/** Deletes the object in the foreground and waits until it is gone. */
export async function remove(instance: ProviderInstance, request: DeleteRequest): Promise<void> {
    if (instance.unreachable !== undefined) {
        instance.warn(request.getUrn(), `configured Kubernetes cluster is unreachable: ${instance.unreachable}`);
        if (instance.options.deleteUnreachable) {
            return;
        }
        throw new Error(
            'configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
        );
    }
    const state = fromStruct(request.getProperties());
    const { inputs, live } = parseCheckpoint(state);
    const name = request.getId().split("/").at(-1)!;
    try {
        const resource = await instance.client.resourceFor(live);
        await resource.delete(name, propagationPolicy(inputs));
        await awaitGone(instance.client, inputs, live, name, timeoutMs(request.getTimeout(), inputs));
    } catch (error) {
        if (isGone(error)) {
            return;
        }
        if (error instanceof AwaitError) {
            error.reasons.forEach((reason) => instance.warn(request.getUrn(), reason));
            const last = makeCheckpoint(
                live,
                error.object,
                state,
                initialApiVersionFor(state, {}),
                fieldManagerFor(inputs, state),
            );
            throw new InitializationError(error.message, idOf(error.object), last, [error.message]);
        }
        throw error;
    }
}

function propagationPolicy(inputs: JsonObject): string {
    switch (annotationOf(inputs, "pulumi.com/deletionPropagationPolicy").toLowerCase()) {
        case "orphan":
            return "Orphan";
        case "background":
            return "Background";
        default:
            return "Foreground";
    }
}
