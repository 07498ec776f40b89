import type { EndpointsReport } from "./endpoints";
import type { ProxyPort, ServiceProtocol } from "./model";

/** The last time that a node's rules were brought to a Service's state. */
export interface SyncView {
    /** RFC 3339. */
    readonly at: string;
    /** What kept it from being done, as a sentence; absent where it was. */
    readonly error?: string;
}

/** A Service as a node serves it. */
export interface ServiceView {
    readonly namespace: string;
    readonly name: string;
    /** Of the Service object: `ClusterIP`, `NodePort` or `LoadBalancer`. */
    readonly type: string;
    readonly ports: readonly PortView[];
    readonly lastSync?: SyncView;
    /** What of the Service cannot be served, as sentences. */
    readonly problems: readonly string[];
}

/** A port of a Service, in one IP family; see `ProxyPort` for the members. */
export interface PortView {
    readonly name: string;
    readonly protocol: ServiceProtocol;
    readonly family: "IPv4" | "IPv6";
    readonly clusterIP: string;
    readonly port: number;
    readonly externalIPs: readonly string[];
    readonly nodePort?: number;
    readonly hostPort?: number;
    readonly scheduler: ProxyPort["scheduler"];
    readonly affinitySeconds?: number;
    /** How many endpoints connections to `clusterIP` are given to. */
    readonly endpoints: number;
    /** The rules that decide, as the kernel's program prints them; only where one Service is asked for. */
    readonly rules?: readonly string[];
}

/** How many connections go to an endpoint now. */
export interface EndpointFlows {
    readonly protocol: ServiceProtocol;
    readonly address: string;
    readonly port: number;
    readonly flows: number;
}

/** The endpoints of a Service, and the VMs that are none. */
export interface EndpointsView {
    readonly namespace: string;
    readonly name: string;
    /** By address, port and protocol. */
    readonly endpoints: readonly EndpointView[];
    /** Each VM that the Service's labels choose and new connections do not go to, or not on every port. */
    readonly excluded: readonly ExcludedView[];
    /** What is wrong with the Service itself, as sentences. */
    readonly problems: readonly string[];
}

/** One port of an endpoint. */
export interface EndpointView extends EndpointFlows {
    /** The VM; absent where the endpoint is none of a VM's. */
    readonly vm?: string;
    readonly nodeName?: string;
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
    /** How the address is known. */
    readonly addressFrom?: "reservation" | "guest agent";
    /** Whether the node's rules give it new connections. */
    readonly served: boolean;
}

export interface ExcludedView {
    readonly vm: string;
    /** Sentences. */
    readonly why: readonly string[];
}

/** A port as the status API shows it. */
export function portView(port: ProxyPort): PortView {
    const { name, protocol, family, clusterIP, externalIPs, nodePort, hostPort, scheduler, affinitySeconds } = port;
    return {
        ...{ name, protocol, family: family === 4 ? "IPv4" : "IPv6", clusterIP, port: port.port, externalIPs },
        ...(nodePort !== undefined && { nodePort }),
        ...(hostPort !== undefined && { hostPort }),
        scheduler,
        ...(affinitySeconds !== undefined && { affinitySeconds }),
        endpoints: port.internal.endpoints.length,
    };
}

/**
 * The endpoints of a Service as they should be and as a node serves them, together.
 * @param ports of the Service, as the node serves them
 */
export function endpointsView(
    { namespace, name }: Pick<EndpointsView, "namespace" | "name">,
    report: EndpointsReport,
    ports: readonly ProxyPort[],
    flows: readonly EndpointFlows[],
): EndpointsView {
    const views = new Map<string, EndpointView>();
    const keyOf = (each: Omit<EndpointFlows, "flows">): string => `${each.address} ${each.port} ${each.protocol}`;
    const counts = new Map(flows.map((each) => [keyOf(each), each.flows]));
    const add = (view: Omit<EndpointView, "flows" | "served">, served: boolean): void => {
        const key = keyOf(view);
        const known = views.get(key);
        views.set(key, { ...view, ...known, served: served || known?.served === true, flows: counts.get(key) ?? 0 });
    };
    for (const { vm, nodeName, ready, serving, terminating, addressFrom, address, ports } of report.vms.flatMap(
        ({ endpoints }) => endpoints,
    )) {
        for (const { protocol, port } of ports) {
            const node = nodeName !== undefined && { nodeName };
            add({ protocol, address, port, vm, ...node, ready, serving, terminating, addressFrom }, false);
        }
    }
    for (const { protocol, internal, external } of ports) {
        for (const { address, port } of [...internal.endpoints, ...external.endpoints]) {
            add({ protocol, address, port }, true);
        }
    }
    return {
        ...{ namespace, name },
        endpoints: [...views].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, view]) => view),
        excluded: report.vms.filter(({ why }) => why.length > 0).map(({ vm, why }) => ({ vm, why })),
        problems: report.problems,
    };
}
