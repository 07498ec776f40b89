import type { ClusterClient, KubernetesObject } from "./client";
import { hasReason } from "./errors";
import { NAMESPACE } from "./kinds";
import { Remembered } from "./remembered";

const identities = new Remembered<string | undefined>();

/**
 * What tells a cluster from another, whatever URL it is reached by: the uid of its namespace kube-system, by
 * convention. `undefined` where the user may not read it.
 */
export async function identityOf(client: ClusterClient): Promise<string | undefined> {
    return identities.get(client, "identity", async () => readIdentity(client));
}

async function readIdentity(client: ClusterClient): Promise<string | undefined> {
    try {
        return (await client.get<KubernetesObject>(NAMESPACE, undefined, "kube-system")).metadata.uid;
    } catch (error) {
        if (hasReason(error, "forbidden") || hasReason(error, "not-found")) {
            return undefined;
        }
        throw error;
    }
}
