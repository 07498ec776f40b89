import * as k8s from "@kubernetes/client-node";
import type { TestClients } from "./embedded-cluster";

/** A kubeconfig with a token of a ServiceAccount, as it is used outside the cluster. */
export async function accountKubeconfig(clients: TestClients, namespace: string, name: string): Promise<string> {
    const { status } = await clients.core.createNamespacedServiceAccountToken({
        ...{ namespace, name },
        body: { spec: { audiences: [], expirationSeconds: 3600 } },
    });
    const config = new k8s.KubeConfig();
    const cluster = clients.config.getCurrentCluster();
    if (!cluster) {
        throw new Error("The clients of a test have a cluster.");
    }
    config.loadFromClusterAndUser(cluster, { name, token: status?.token ?? "" });
    return config.exportConfig();
}
