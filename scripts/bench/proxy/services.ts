import type { ClusterClient, KubernetesObject } from "../../../cluster/client";
import { ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE } from "../../../cluster/kinds";
import { PROXY_NAME, PROXY_NAME_LABEL, SLICE_LABEL } from "../../../core/service-proxy/names";
import { inParallel } from "../../parallel";

/** The node whose agent and kube-proxy are compared. */
export const NODE_NAME = "bench-node";
const AT_ONCE = 16;
const NAMESPACE_NAME = "bench-proxy";

/** The cluster IP of a Service by its number. */
export function virtualIP(number: number): string {
    return `10.96.${String(1 + Math.floor(number / 250))}.${String(1 + (number % 250))}`;
}

/** The two endpoints of a Service, in one of two sets. */
export function endpointsOf(number: number, set = 0): string[] {
    return [0, 1].map(
        (which) => `10.200.${String(Math.floor(number / 60))}.${String((number % 60) * 4 + set * 2 + which + 1)}`,
    );
}

/** Services with two endpoints each, as a cluster has them that no controller looks after. */
export class BenchServices {
    private count = 0;

    constructor(private readonly client: ClusterClient) {}

    async prepare(): Promise<void> {
        await this.client.create(NAMESPACE, { metadata: { name: NAMESPACE_NAME } });
        await this.client.create(NODE, { metadata: { name: NODE_NAME } });
        const path = `/api/v1/nodes/${NODE_NAME}/status`;
        const addresses = [{ type: "InternalIP", address: "192.0.2.1" }];
        await this.client.request("PATCH", path, {
            body: { status: { addresses } },
            contentType: "application/merge-patch+json",
        });
    }

    /** Makes Services until there are so many. */
    async grow(count: number): Promise<void> {
        const numbers = Array.from({ length: count - this.count }, (_, index) => this.count + index);
        await inParallel(AT_ONCE, numbers, async (number) => {
            await this.client.create(SERVICE, {
                metadata: { name: nameOf(number), namespace: NAMESPACE_NAME, labels: labelsFor("kube-proxy") },
                spec: { clusterIP: virtualIP(number), ports: [{ name: "http", port: 80, targetPort: 8080 }] },
            } as KubernetesObject);
            await this.client.create(ENDPOINT_SLICE, {
                metadata: {
                    name: nameOf(number),
                    namespace: NAMESPACE_NAME,
                    labels: { [SLICE_LABEL.service]: nameOf(number), [SLICE_LABEL.managedBy]: "bench" },
                },
                addressType: "IPv4",
                endpoints: slicesEndpoints(endpointsOf(number)),
                ports: [{ name: "http", port: 8080, protocol: "TCP" }],
            } as KubernetesObject);
        });
        this.count = count;
    }

    /** Gives all Services to the agent, or to kube-proxy. */
    async give(to: "agent" | "kube-proxy"): Promise<void> {
        const numbers = Array.from({ length: this.count }, (_, number) => number);
        await inParallel(AT_ONCE, numbers, async (number) => {
            await this.client.patch(SERVICE, NAMESPACE_NAME, nameOf(number), [
                { op: "replace", path: "/metadata/labels", value: labelsFor(to) },
            ]);
        });
    }

    /** Moves a Service to its other endpoints, or back. */
    async move(number: number, set: number): Promise<void> {
        await this.client.patch(ENDPOINT_SLICE, NAMESPACE_NAME, nameOf(number), [
            { op: "replace", path: "/endpoints", value: slicesEndpoints(endpointsOf(number, set)) },
        ]);
    }
}

function labelsFor(side: "agent" | "kube-proxy"): Record<string, string> {
    return { bench: "proxy", ...(side === "agent" && { [PROXY_NAME_LABEL]: PROXY_NAME }) };
}

function nameOf(number: number): string {
    return `service-${String(number).padStart(5, "0")}`;
}

function slicesEndpoints(addresses: readonly string[]): object[] {
    return addresses.map((address) => ({ addresses: [address], conditions: { ready: true }, nodeName: "elsewhere" }));
}
