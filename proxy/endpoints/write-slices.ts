import type { ClusterClient, JsonPatchOperation, KubernetesObject } from "../../cluster/client";
import { ENDPOINT_SLICE } from "../../cluster/kinds";
import type { Slice, SliceChanges } from "../../core/service-proxy/slices";

/** An EndpointSlice as the API server has it. */
export type SliceObject = Slice & KubernetesObject;

/** What was written of the slices of a Service. */
export interface Written {
    readonly created: number;
    readonly updated: number;
    readonly removed: number;
}

/**
 * Writes changes of slices: first what is new, last what goes, so that an endpoint that moves is always in one.
 * @param store learns what the API server has made of them
 * @throws ClusterError `invalid` where a slice has changed since it was read, or another where the cluster refuses
 */
export async function writeSlices(
    client: ClusterClient,
    { create, update, remove }: SliceChanges<SliceObject>,
    store: { changed(slice: SliceObject): void },
): Promise<Written> {
    for (const slice of create) {
        store.changed(await client.create<SliceObject>(ENDPOINT_SLICE, slice as SliceObject));
    }
    for (const { from, to } of update) {
        const { namespace, name } = from.metadata;
        store.changed(await client.patch<SliceObject>(ENDPOINT_SLICE, namespace, name, operations(from, to)));
    }
    for (const { metadata } of remove) {
        const { namespace, name, uid = "" } = metadata;
        await client.delete(ENDPOINT_SLICE, namespace, name, { uid });
    }
    return { created: create.length, updated: update.length, removed: remove.length };
}

/** What others have added to labels and annotations stays. */
function operations(from: SliceObject, to: Slice): JsonPatchOperation[] {
    const { labels, annotations, resourceVersion } = from.metadata;
    return [
        { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
        { op: "add", path: "/metadata/labels", value: { ...labels, ...to.metadata.labels } },
        { op: "add", path: "/metadata/annotations", value: { ...annotations, ...to.metadata.annotations } },
        { op: "add", path: "/ports", value: to.ports },
        { op: "add", path: "/endpoints", value: to.endpoints },
    ];
}
