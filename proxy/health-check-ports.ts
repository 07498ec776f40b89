import { createServer, type Server } from "node:http";
import type { ProxiedService } from "../core/service-proxy/from-objects";
import type { ServiceObject } from "../core/service-proxy/objects";

/** A Service, and how many of its endpoints are on the node. */
interface Health {
    readonly service: { readonly namespace: string; readonly name: string };
    readonly localEndpoints: number;
}

/**
 * Answers load balancers at `spec.healthCheckNodePort` of Services with `externalTrafficPolicy: Local`, as kube-proxy does
 * (pkg/proxy/healthcheck/service_health.go): 200 where the node has endpoints, 503 where it has none. The Service asks for
 * the port to be open on all addresses of the node.
 */
export class HealthCheckPorts {
    private readonly servers = new Map<number, Server>();
    private readonly health = new Map<number, Health>();

    /** @param trouble told, in a sentence, of a port that cannot be opened */
    constructor(private readonly trouble: (sentence: string) => void) {}

    /** Opens the ports of these Services, and closes all others. */
    public serve(all: readonly { readonly service: ServiceObject; readonly served: ProxiedService }[]): void {
        this.health.clear();
        for (const { service, served } of all) {
            if (served.healthCheck) {
                const { namespace = "", name } = service.metadata;
                const { port, localEndpoints } = served.healthCheck;
                this.health.set(port, { service: { namespace, name }, localEndpoints });
            }
        }
        for (const [port, server] of this.servers) {
            if (!this.health.has(port)) {
                this.servers.delete(port);
                server.close();
                server.closeAllConnections();
            }
        }
        for (const port of this.health.keys()) {
            if (!this.servers.has(port)) {
                this.servers.set(port, this.open(port));
            }
        }
    }

    public async close(): Promise<void> {
        const closed = [...this.servers.values()].map(
            (server) =>
                new Promise<void>((resolve) => {
                    server.close(() => {
                        resolve();
                    });
                    server.closeAllConnections();
                }),
        );
        this.servers.clear();
        await Promise.all(closed);
    }

    private open(port: number): Server {
        const server = createServer((_request, response) => {
            const health = this.health.get(port);
            const count = health?.localEndpoints ?? 0;
            response.writeHead(count > 0 ? 200 : 503, {
                "content-type": "application/json",
                "x-load-balancing-endpoint-weight": String(count),
            });
            response.end(JSON.stringify({ ...health, serviceProxyHealthy: true }));
        });
        server.on("error", (error) => {
            const { namespace, name } = this.health.get(port)?.service ?? { namespace: "", name: "" };
            this.trouble(
                `The health check port ${String(port)} of Service ${namespace}/${name} cannot be opened: ${error.message}. ` +
                    "Load balancers that ask there will leave this node out; free the port.",
            );
            this.servers.delete(port);
        });
        return server.listen(port);
    }
}
