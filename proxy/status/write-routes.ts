import type { FastifyInstance, FastifyRequest } from "fastify";
import { ClusterClient, type KubernetesObject } from "../../cluster/client";
import { SERVICE, pathOf } from "../../cluster/kinds";
import { KubeConfig } from "../../cluster/kubernetes-client";
import { bearerOf } from "./access";
import { Refusal } from "./refusal";
import { ServiceManifest, ServicePath } from "./service-manifest";

/**
 * Adds the routes that change Services. They act on the cluster as their caller, by the token that came with the request:
 * what the agent itself may do is never used for them.
 * @param cluster whose address and certificate authority are used, and nothing else of it
 */
export function addWriteRoutes(server: FastifyInstance, cluster: Pick<ClusterClient, "kubeConfig">): void {
    const asCaller = ({ headers }: FastifyRequest): ClusterClient => {
        const token = bearerOf(headers.authorization);
        const where = cluster.kubeConfig.getCurrentCluster();
        if (token === undefined) {
            throw new Refusal(
                401,
                "A change of a Service is made with the rights of who asks for it: " +
                    "send a token of the cluster, as `Authorization: Bearer <token>`.",
            );
        }
        if (where === null) {
            throw new Error("The agent's kubeconfig names no cluster.");
        }
        const config = new KubeConfig();
        config.loadFromClusterAndUser(where, { name: "caller", token });
        return new ClusterClient(config);
    };
    // Before the body is read: who has no token learns nothing of what is wrong with it.
    const onRequest = async (request: FastifyRequest): Promise<void> => {
        asCaller(request);
    };

    server.post<{ Body: ServiceManifest }>(
        "/api/v1/services",
        { schema: { body: ServiceManifest }, onRequest },
        async (request, reply) => {
            const service = completed(request.body);
            void reply.code(201);
            return asCaller(request).create(SERVICE, service);
        },
    );

    server.put<{ Body: ServiceManifest; Params: ServicePath }>(
        "/api/v1/services/:namespace/:name",
        { schema: { body: ServiceManifest, params: ServicePath }, onRequest },
        async (request) => {
            const { namespace, name } = request.params;
            const { metadata } = request.body;
            for (const [field, value, wanted] of [
                ["name", metadata.name, name],
                ["namespace", metadata.namespace ?? namespace, namespace],
            ] as const) {
                if (value !== wanted) {
                    const path = `metadata.${field}`;
                    throw new Refusal(400, `${path} is "${value}", and the request's path says "${wanted}".`, path);
                }
            }
            return asCaller(request).request<KubernetesObject>("PUT", pathOf(SERVICE, namespace, name), {
                body: { ...request.body, metadata: { ...metadata, namespace } },
            });
        },
    );

    server.delete<{ Params: ServicePath }>(
        "/api/v1/services/:namespace/:name",
        { schema: { params: ServicePath }, onRequest },
        async (request, reply) => {
            const { namespace, name } = request.params;
            await asCaller(request).request("DELETE", pathOf(SERVICE, namespace, name));
            return reply.code(204).send();
        },
    );
}

/** As kubectl does, a manifest without namespace means `default`. */
function completed(manifest: ServiceManifest): KubernetesObject {
    return { ...manifest, metadata: { ...manifest.metadata, namespace: manifest.metadata.namespace ?? "default" } };
}
