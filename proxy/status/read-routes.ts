import type { FastifyInstance, FastifyReply } from "fastify";
import { PROXY_NAME, PROXY_NAME_LABEL } from "../../core/service-proxy/names";
import { endpointsView, portView, type EndpointsView, type ServiceView } from "../../core/service-proxy/status-view";
import type { ProxyMetrics } from "./metrics";
import { Refusal } from "./refusal";
import type { ServedService, StatusSource } from "./source";
import { ServicePath } from "./service-manifest";

/** Adds the routes that tell how Services are served. */
export function addReadRoutes(server: FastifyInstance, source: StatusSource, metrics: ProxyMetrics): void {
    const served = (path: ServicePath): ServedService => {
        const service = source.service(path.namespace, path.name);
        if (service === undefined) {
            throw new Refusal(
                404,
                `No Service ${path.namespace}/${path.name} is served here: it does not exist, or lacks the label ` +
                    `${PROXY_NAME_LABEL}=${PROXY_NAME}.`,
            );
        }
        return service;
    };

    server.get("/api/v1/services", async () => ({ services: source.services().map((service) => viewOf(service)) }));

    server.get<{ Params: ServicePath }>(
        "/api/v1/services/:namespace/:name",
        { schema: { params: ServicePath } },
        async ({ params }) => viewOf(served(params), source),
    );

    server.get<{ Params: ServicePath }>(
        "/api/v1/services/:namespace/:name/endpoints",
        { schema: { params: ServicePath } },
        async ({ params }): Promise<EndpointsView> => {
            const service = served(params);
            const { namespace, name } = service;
            const [report, flows] = await Promise.all([source.report(namespace, name), source.flows(service)]);
            return endpointsView(service, report, service.ports, flows);
        },
    );

    server.get("/metrics", async (_request, reply) => {
        void reply.type(metrics.registry.contentType);
        return metrics.registry.metrics();
    });
}

/** Adds the routes that tell whether the agent is well, and nothing else. */
export function addHealthRoutes(server: FastifyInstance, source: StatusSource): void {
    const told = (reply: FastifyReply, isWell: boolean): FastifyReply =>
        reply.code(isWell ? 200 : 503).send({ status: isWell ? "ok" : "failed" });
    server.get("/livez", async (_request, reply) => told(reply, source.isAlive()));
    server.get("/healthz", async (_request, reply) => told(reply, source.isAlive() && source.isHealthy()));
}

/** @param rules whose rules are shown too */
function viewOf(service: ServedService, rules?: Pick<StatusSource, "explain">): ServiceView {
    const { namespace, name, type, ports, lastSync, problems } = service;
    return {
        ...{ namespace, name, type },
        ports: ports.map((port) => ({ ...portView(port), ...(rules && { rules: rules.explain(port) }) })),
        ...(lastSync !== undefined && { lastSync }),
        problems,
    };
}
