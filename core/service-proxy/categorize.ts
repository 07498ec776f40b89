import type { Backends } from "./model";

/** An endpoint as an EndpointSlice has it. */
export interface ReachableEndpoint {
    readonly address: string;
    readonly port: number;
    /** The node it is on; of an endpoint outside the cluster unknown. */
    readonly nodeName: string | undefined;
    readonly ready: boolean;
    readonly serving: boolean;
    readonly terminating: boolean;
}

/**
 * The endpoints that get new connections: those that are ready; where there are none, those that end but still serve
 * (KEP-1669). Under a traffic policy Local only those of this node count, and connections are dropped, not rejected,
 * where others have endpoints: the client may have to come by another node.
 * @see CategorizeEndpoints in pkg/proxy/topology.go of Kubernetes
 */
export function usableEndpoints(
    endpoints: readonly ReachableEndpoint[],
    nodeName: string,
    isLocalOnly: boolean,
): Backends {
    const everywhere = readyOrStillServing(endpoints);
    if (!isLocalOnly) {
        return { endpoints: inOrder(everywhere), whenEmpty: "reject" };
    }
    const local = readyOrStillServing(endpoints.filter((endpoint) => endpoint.nodeName === nodeName));
    return { endpoints: inOrder(local), whenEmpty: everywhere.length > 0 ? "drop" : "reject" };
}

function readyOrStillServing(endpoints: readonly ReachableEndpoint[]): readonly ReachableEndpoint[] {
    const ready = endpoints.filter((endpoint) => endpoint.ready);
    return ready.length > 0 ? ready : endpoints.filter(({ serving, terminating }) => serving && terminating);
}

/** Slices may have an endpoint twice, while it moves from one to another. */
function inOrder(endpoints: readonly ReachableEndpoint[]): Backends["endpoints"] {
    const unique = new Map(endpoints.map(({ address, port }) => [`${address} ${String(port)}`, { address, port }]));
    return [...unique.values()].sort((a, b) =>
        a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1,
    );
}
