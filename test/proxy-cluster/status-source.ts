import { pino } from "pino";
import type { ClusterClient } from "../../cluster/client";
import type { EndpointsReport } from "../../core/service-proxy/endpoints";
import type { ProxyPort } from "../../core/service-proxy/model";
import { ProxyMetrics } from "../../proxy/status/metrics";
import { type StatusServer, type StatusServerOptions, startStatusServer } from "../../proxy/status/server";
import type { ServedService, StatusSource } from "../../proxy/status/source";

/** A port of Service shop/web with one endpoint. */
export const PORT: ProxyPort = {
    ...{ service: "shop/web", name: "http", family: 4, protocol: "TCP", clusterIP: "10.96.0.10", port: 80 },
    ...{ externalIPs: [], nodePort: 30080, scheduler: "Random", masquerade: "Always", subnets: ["192.0.2.0/24"] },
    internal: { endpoints: [{ address: "192.0.2.7", port: 8080 }], whenEmpty: "reject" },
    external: { endpoints: [{ address: "192.0.2.7", port: 8080 }], whenEmpty: "reject" },
    externalLocal: false,
};

const SERVED: ServedService = {
    ...{ namespace: "shop", name: "web", type: "NodePort", ports: [PORT], problems: [] },
    lastSync: { at: "2026-01-01T00:00:00Z" },
};

/** web-a is the endpoint of `PORT`, and web-b is paused. */
export const REPORT: EndpointsReport = {
    families: [4],
    problems: [],
    vms: [
        {
            ...{ vm: "web-a", uid: "1", why: [] },
            endpoints: [
                {
                    ...{ vm: "web-a", namespace: "shop", uid: "1", nic: "lan", family: 4, address: "192.0.2.7" },
                    ...{ addressFrom: "reservation", subnet: "192.0.2.0/24", nodeName: "node-1" },
                    ...{ ready: true, serving: true, terminating: false },
                    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
                },
            ],
        },
        { vm: "web-b", uid: "2", endpoints: [], why: ["VM web-b is no endpoint: it is paused."] },
    ],
};

/** A source whose parts a test may replace at any time. */
export function sourceOf(parts: Partial<StatusSource> = {}): StatusSource {
    return {
        services: () => [SERVED],
        service: (namespace, name) => (namespace === "shop" && name === "web" ? SERVED : undefined),
        explain: ({ clusterIP }) => [`elements = { ${clusterIP} . tcp . 80 : goto random-1 }`],
        flows: async () => [{ protocol: "TCP", address: "192.0.2.7", port: 8080, flows: 3 }],
        report: async () => REPORT,
        isAlive: () => true,
        isHealthy: () => true,
        ...parts,
    };
}

/** Starts a status API at a free port. */
export async function serve(
    client: Pick<ClusterClient, "kubeConfig">,
    source = sourceOf(),
    options: Partial<StatusServerOptions> = {},
): Promise<StatusServer & { metrics: ProxyMetrics; log: string[] }> {
    const metrics = new ProxyMetrics();
    const log: string[] = [];
    const logger = pino({ level: "info" }, { write: (line) => void log.push(line) });
    const server = await startStatusServer({ port: 0, client, metrics, log: logger, ...options }, source);
    return { ...server, metrics, log };
}
