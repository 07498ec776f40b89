import { familyName, type Family } from "../ip";
import { canonicalAddress, canonicalSubnet, commaSeparated, compare, sorted, type FamilyText } from "./addresses";
import { usableEndpoints, type ReachableEndpoint } from "./categorize";
import { portKey, type ProxyPort, type ServiceProtocol } from "./model";
import { DEFAULT_HOST_PORTS, parsePortRanges, type PortRanges } from "./host-ports";
import { ServiceProblems } from "./problems";
import { checkHostPorts, serviceOptions } from "./service-options";
import { SERVICE_ANNOTATION, SLICE_ANNOTATION, SLICE_LABEL, SLICE_MANAGER } from "./names";
import type { EndpointSliceObject, ServiceObject, ServicePort } from "./objects";

/** A Service as the agent of a node serves it. */
export interface ProxiedService {
    /** Sorted by `portKey`. */
    readonly ports: readonly ProxyPort[];
    /** Where a load balancer asks whether this node has endpoints (`externalTrafficPolicy: Local`). */
    readonly healthCheck?: { readonly port: number; readonly localEndpoints: number };
    /** What of the Service cannot be served, in sentences. */
    readonly problems: readonly string[];
}

/** Session affinity lasts three hours where the Service does not say (`DefaultClientIPServiceAffinitySeconds`). */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/**
 * Brings a Service and its EndpointSlices down to what the dataplane of a node has to know. A Service without cluster IP
 * (headless, ExternalName) has no ports here.
 * @param slices all EndpointSlices of the Service
 * @param allowedHostPorts ports of the nodes that Services may take. @default DEFAULT_HOST_PORTS
 */
export function proxiedService(
    service: ServiceObject,
    slices: readonly EndpointSliceObject[],
    nodeName: string,
    allowedHostPorts: PortRanges = parsePortRanges(DEFAULT_HOST_PORTS) ?? [],
): ProxiedService {
    const { metadata, spec = {} } = service;
    const name = `${metadata.namespace ?? ""}/${metadata.name}`;
    if (spec.type === "ExternalName" || metadata.deletionTimestamp !== undefined) {
        return { ports: [], problems: [] };
    }
    const problems = new ServiceProblems(`Service ${name}`);
    const options = serviceOptions(service, problems, allowedHostPorts);
    const own = ownSlices(service, slices);
    const externalLocal = spec.externalTrafficPolicy === "Local";
    const ports = clusterIPs(service).flatMap(({ family, text: clusterIP }) => {
        const ofFamily = own.filter(({ addressType }) => addressType === familyName(family));
        return (spec.ports ?? []).map((port): ProxyPort => {
            const endpoints = endpointsOf(port, ofFamily, problems);
            const hostPort = options.hostPorts.get(port.name ?? "") ?? options.hostPorts.get(String(port.port));
            return {
                service: name,
                name: port.name ?? "",
                family,
                protocol: protocolOf(port),
                clusterIP,
                port: port.port,
                externalIPs: options.externalIPs.filter((each) => each.family === family).map(({ text }) => text),
                ...(port.nodePort !== undefined && port.nodePort !== 0 && { nodePort: port.nodePort }),
                ...(hostPort !== undefined && { hostPort }),
                ...(options.sourceRanges && {
                    sourceRanges: options.sourceRanges.filter((each) => each.family === family).map(({ text }) => text),
                }),
                scheduler: options.scheduler,
                ...(spec.sessionAffinity === "ClientIP" && {
                    affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS,
                }),
                masquerade: options.masquerade,
                subnets: subnetsOf(ofFamily, family, problems),
                internal: usableEndpoints(endpoints, nodeName, spec.internalTrafficPolicy === "Local"),
                external: usableEndpoints(endpoints, nodeName, externalLocal),
                externalLocal,
            };
        });
    });
    checkHostPorts(options.hostPorts, spec.ports ?? [], problems);
    const healthCheck =
        externalLocal && spec.healthCheckNodePort !== undefined && spec.healthCheckNodePort !== 0
            ? { port: spec.healthCheckNodePort, localEndpoints: localEndpoints(own, nodeName) }
            : undefined;
    return {
        ports: ports.sort((a, b) => compare(portKey(a), portKey(b))),
        ...(healthCheck && { healthCheck }),
        problems: problems.sentences,
    };
}

/** Of a Service on a secondary network those of the endpoint controller: others have its VMs' addresses on the pod network. */
function ownSlices(
    { metadata }: ServiceObject,
    slices: readonly EndpointSliceObject[],
): readonly EndpointSliceObject[] {
    return metadata.annotations?.[SERVICE_ANNOTATION.network] === undefined
        ? slices
        : slices.filter((slice) => slice.metadata.labels?.[SLICE_LABEL.managedBy] === SLICE_MANAGER);
}

function clusterIPs({ spec = {} }: ServiceObject): FamilyText[] {
    return (spec.clusterIPs ?? [spec.clusterIP ?? ""]).flatMap(canonicalAddress);
}

function endpointsOf(
    port: ServicePort,
    slices: readonly EndpointSliceObject[],
    problems: ServiceProblems,
): ReachableEndpoint[] {
    const protocol = protocolOf(port);
    return slices.flatMap((slice) =>
        (slice.ports ?? [])
            .filter((each) => (each.name ?? "") === (port.name ?? "") && (each.protocol ?? "TCP") === protocol)
            .flatMap(({ port: number }) =>
                number === undefined
                    ? []
                    : (slice.endpoints ?? []).flatMap(({ addresses: [text = ""], nodeName, conditions = {} }) =>
                          endpointAddress(text, slice, problems).map((address) => ({
                              address,
                              port: number,
                              nodeName,
                              ready: conditions.ready ?? true,
                              serving: conditions.serving ?? true,
                              terminating: conditions.terminating ?? false,
                          })),
                      ),
            ),
    );
}

/** One that is written in another way than others write it would be two rules for one endpoint, or none that can be read. */
function endpointAddress(text: string, { metadata }: EndpointSliceObject, problems: ServiceProblems): string[] {
    const addresses = canonicalAddress(text);
    if (addresses.length === 0) {
        problems.add(`an endpoint in ${metadata.name} at`, text, "it is no IP address", "it gets no connections");
    }
    return addresses.map((address) => address.text);
}

/** As kube-proxy counts them for health checks: each endpoint's address once, if it is ready on this node. */
function localEndpoints(slices: readonly EndpointSliceObject[], nodeName: string): number {
    const ready = slices
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter((endpoint) => endpoint.nodeName === nodeName && endpoint.conditions?.ready !== false);
    return new Set(ready.map(({ addresses: [text] }) => text)).size;
}

function subnetsOf(slices: readonly EndpointSliceObject[], family: Family, problems: ServiceProblems): string[] {
    const annotation = SLICE_ANNOTATION.subnets;
    const given = slices.flatMap(({ metadata }) => commaSeparated(metadata.annotations?.[annotation] ?? ""));
    return sorted([...new Set(given)].flatMap((each) => canonicalSubnet(each, annotation, problems)))
        .filter((each) => each.family === family)
        .map(({ text }) => text);
}

function protocolOf({ protocol }: ServicePort): ServiceProtocol {
    return protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP";
}
