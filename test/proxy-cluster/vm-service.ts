import * as k8s from "@kubernetes/client-node";
import { pino } from "pino";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { type EndpointControllerOptions, runEndpointController } from "../../proxy/endpoints/controller";
import { done, seen, type TestNamespace, until } from "../support/embedded-cluster";

/** A controller that runs in this process. */
export interface RunningController {
    /** What it has logged. */
    readonly log: Record<string, unknown>[];
    stop(): Promise<void>;
}

/** Starts the endpoint controller, as a user of a kubeconfig. */
export function startController(kubeconfig: string, options: EndpointControllerOptions): RunningController {
    const ending = new AbortController();
    const log: Record<string, unknown>[] = [];
    const logger = pino(
        { level: "info" },
        { write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const client = new ClusterClient(loadKubeConfig({ kubeconfig }));
    const running = runEndpointController(client, ending.signal, logger, options);
    return {
        log,
        stop: async () => {
            ending.abort();
            await running;
        },
    };
}

/** A Service without selector in front of the VMs of a namespace with label app=<name>, on network red. */
export function vmService(namespace: string, name: string, spec: Partial<k8s.V1ServiceSpec> = {}): k8s.V1Service {
    return {
        metadata: {
            name,
            annotations: {
                "vm.novasphere.dev/network": `${namespace}/red`,
                "vm.novasphere.dev/vm-selector": `app=${name}`,
            },
        },
        spec: { ports: [{ port: 80, targetPort: 8080 }], ...spec },
    };
}

/** The EndpointSlices of a Service, read by Kubernetes' own client. */
export async function slicesOf(namespace: TestNamespace, service: string): Promise<k8s.V1EndpointSlice[]> {
    const { items } = await namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api).listNamespacedEndpointSlice({
        namespace: namespace.name,
        labelSelector: `kubernetes.io/service-name=${service}`,
    });
    return items;
}

/** The endpoints of a Service as `vm address node ready/serving/terminating`, sorted. */
export function endpointsIn(slices: readonly k8s.V1EndpointSlice[]): string[] {
    return slices
        .flatMap(({ endpoints }) => (endpoints as k8s.V1Endpoint[] | null) ?? [])
        .map(({ addresses, conditions, nodeName, targetRef }) => {
            const set = (["ready", "serving", "terminating"] as const).filter((key) => conditions?.[key] === true);
            return [targetRef?.name, ...addresses, nodeName, set.join("/")].join(" ");
        })
        .sort();
}

/** Waits until a Service has endpoints as `is` wants them. */
export async function untilEndpoints(
    namespace: TestNamespace,
    service: string,
    what: string,
    is: (endpoints: string[], slices: k8s.V1EndpointSlice[]) => boolean,
): Promise<k8s.V1EndpointSlice[]> {
    return until(`Service ${service} ${what}`, async () => {
        const slices = await slicesOf(namespace, service);
        return is(endpointsIn(slices), slices) ? done(slices) : seen(slices);
    });
}

/** Makes a pool of the namespace's own space; returns how to remove it. */
export async function makePool(namespace: TestNamespace, name: string, cidr: string): Promise<() => Promise<void>> {
    const resource = { group: "vm.novasphere.dev", version: "v1alpha1", plural: "ippools" };
    const metadata = { name: `${namespace.name}-${name}` };
    const spec = { space: namespace.name, blocks: [{ cidr }] };
    const body = { apiVersion: "vm.novasphere.dev/v1alpha1", kind: "IPPool", metadata, spec };
    await namespace.clients.custom.createClusterCustomObject({ ...resource, body });
    return async () => {
        await namespace.clients.custom.deleteClusterCustomObject({ ...resource, ...metadata });
    };
}

/** Reserves an address for NIC red of a VM, as the ledger does; returns how to give it back. */
export async function reserve(
    namespace: TestNamespace,
    vm: string,
    address: string,
    pool?: string,
): Promise<() => Promise<void>> {
    const resource = { group: "vm.novasphere.dev", version: "v1alpha1", plural: "ipreservations" };
    const name = `${namespace.name}.v4-${address}`;
    await namespace.clients.custom.createClusterCustomObject({
        ...resource,
        body: {
            apiVersion: "vm.novasphere.dev/v1alpha1",
            kind: "IPReservation",
            metadata: { name },
            spec: {
                ...{ address, family: "IPv4", space: namespace.name, state: "Active", allocationId: "test" },
                ...(pool !== undefined && { pool }),
                network: `${namespace.name}/red`,
                owner: { key: `${namespace.name}/${vm}/red`, manager: "acme/shop/test" },
            },
        },
    });
    return async () => {
        await namespace.clients.custom.deleteClusterCustomObject({ ...resource, name });
    };
}
