import type { Family } from "../ip";

/** What the node agent serves: Services and EndpointSlices, brought down to what a dataplane has to know. */
export interface ProxyState {
    /** In the order of their keys (see `portKey`), each once. */
    readonly ports: readonly ProxyPort[];
}

export type ServiceProtocol = "TCP" | "UDP" | "SCTP";

/** How a port's endpoint is chosen for a new connection. */
export type Scheduler = "Random" | "RoundRobin";

/** Which connections get the node's own address as their source. */
export type Masquerade =
    /** All: the VMs' way back does not lead through the node, or is not known to. */
    | "Always"
    /** Those of clients in the endpoints' own subnets, whose answers would pass the node by: the node is the VMs' gateway. */
    | "SameSubnet";

/** One port of a Service, in one IP family: a Service of both has each port twice. */
export interface ProxyPort {
    /** `namespace/name` of the Service. */
    readonly service: string;
    /** Empty where the only port has no name. */
    readonly name: string;
    readonly family: Family;
    readonly protocol: ServiceProtocol;
    /** The cluster IP of the family; empty where another port is served there (see `FrontendClaims`). */
    readonly clusterIP: string;
    /** Port at `clusterIP` and at `externalIPs`. */
    readonly port: number;
    /** Addresses of load balancers and `spec.externalIPs`, sorted. */
    readonly externalIPs: readonly string[];
    /** Port at each address of the node, loopback apart. */
    readonly nodePort?: number;
    /** The same, from `vm.novasphere.dev/host-ports`: any port, not only one of the NodePort range. */
    readonly hostPort?: number;
    /** Who may come from outside (`externalIPs`, `nodePort`, `hostPort`), as CIDRs, sorted; anybody where it is absent. */
    readonly sourceRanges?: readonly string[];
    readonly scheduler: Scheduler;
    /** Session affinity ClientIP: how long a client comes back to the same endpoint, in seconds. */
    readonly affinitySeconds?: number;
    readonly masquerade: Masquerade;
    /** The endpoints' own subnets as CIDRs, sorted: clients in there need a masquerade in any case. */
    readonly subnets: readonly string[];
    /** Where connections to `clusterIP` go. */
    readonly internal: Backends;
    /** Where connections from outside go: those to `externalIPs`, `nodePort` and `hostPort`. */
    readonly external: Backends;
    /**
     * `externalTrafficPolicy: Local`: a client from outside keeps its address (but for `subnets`); the node itself is
     * served by `internal`.
     */
    readonly externalLocal: boolean;
}

/** The endpoints that new connections are given to. */
export interface Backends {
    /** Sorted by address and port, each once. */
    readonly endpoints: readonly ProxyEndpoint[];
    /** What becomes of a connection where there are none: `drop` where only this node has none. */
    readonly whenEmpty: "reject" | "drop";
}

export interface ProxyEndpoint {
    readonly address: string;
    readonly port: number;
}

/** Names a port among all: `namespace/name:port/TCP/4`; like kube-proxy's, but for protocol and family. */
export function portKey({
    service,
    name,
    protocol,
    family,
}: Pick<ProxyPort, "service" | "name" | "protocol" | "family">): string {
    return `${service}:${name}/${protocol}/${String(family)}`;
}
