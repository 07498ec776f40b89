import type { ClusterClient, JsonPatchOperation, KubernetesObject } from "./client";
import { hasReason } from "./errors";
import type { ResourceKind } from "./kinds";

/**
 * Patches an object as it was read; undefined where it has changed since, or is gone.
 * @throws ClusterError where the cluster refuses for another reason
 */
export async function patchUnchanged<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    { metadata: { namespace, name, resourceVersion } }: T,
    operations: readonly JsonPatchOperation[],
): Promise<T | undefined> {
    const unchanged: JsonPatchOperation = { op: "test", path: "/metadata/resourceVersion", value: resourceVersion };
    try {
        return await client.patch<T>(kind, namespace, name, [unchanged, ...operations]);
    } catch (error) {
        if (hasReason(error, "not-found") || hasReason(error, "conflict")) {
            return undefined;
        }
        // A failed `test` comes as "invalid", as does what the object's own rules refuse: only the former is tried again.
        const now = hasReason(error, "invalid") ? await client.find<T>(kind, namespace, name) : undefined;
        if (hasReason(error, "invalid") && now?.metadata.resourceVersion !== resourceVersion) {
            return undefined;
        }
        throw error;
    }
}
