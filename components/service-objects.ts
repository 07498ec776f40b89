import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { ServiceDataplane } from "../core/service/exposure";
import { backendPort } from "../core/service/ingress";
import { requestAddress } from "../core/service/load-balancer";
import { restrictingRules } from "../core/service/network-policy";
import type { ServicePort } from "../core/service/ports";
import { PROXY_NAME, PROXY_NAME_LABEL, SERVICE_ANNOTATION } from "../core/service-proxy/names";
import type { ExposureArgs, IngressArgs } from "./exposure-args";
import { derived } from "./input";
import { objectAnnotations } from "./manager";

type Annotations = Record<string, pulumi.Input<string>>;

/** What is put into objects, once arguments are sound. */
export interface PlannedService {
    readonly name: string;
    readonly namespace: pulumi.Input<string>;
    readonly ports: readonly ServicePort[];
    readonly dataplane: ServiceDataplane;
    /** `namespace/name` of the network on which the VMs are reached; undefined for the pod network. */
    readonly network: pulumi.Input<string> | undefined;
    readonly selector: pulumi.Input<Record<string, pulumi.Input<string>>>;
    readonly ownerReferences: pulumi.Input<kubernetes.types.input.meta.v1.OwnerReference[] | undefined> | undefined;
    readonly args: Omit<ExposureArgs, "ports">;
}

/** `metadata` of every object of an exposure. */
function metadataOf(
    { name, namespace, ownerReferences }: PlannedService,
    annotations: Annotations,
): kubernetes.types.input.meta.v1.ObjectMeta {
    return {
        name,
        namespace,
        // The provider's own wait would hold the update for ten minutes; ServiceEndpoints waits instead.
        annotations: { ...annotations, ...objectAnnotations() },
        ...(ownerReferences && { ownerReferences: ownerReferences }),
    };
}

/** The Service. On a secondary network it has no selector: Kubernetes would list the pods' addresses of the pod network. */
export function serviceObject(planned: PlannedService): kubernetes.core.v1.ServiceArgs {
    const { args, ports, dataplane, network, selector } = planned;
    const { type = "ClusterIP", sourceRanges = [], loadBalancerIP, sessionAffinityTimeoutSeconds } = args;
    const request = loadBalancerIP === undefined ? undefined : addressRequest(args, loadBalancerIP);
    const annotations = { ...args.annotations, ...request?.annotations, ...agentAnnotations(planned) };
    const trafficPolicy = args.externalTrafficPolicy ?? defaultTrafficPolicy(planned);
    return {
        metadata: {
            ...metadataOf(planned, annotations),
            ...(dataplane === "wukong" && { labels: { [PROXY_NAME_LABEL]: PROXY_NAME } }),
        },
        spec: {
            type,
            ...(network === undefined && { selector }),
            ports: ports.map(({ hostPort: _hostPort, ...port }) => port),
            ...(args.clusterIP !== undefined && { clusterIP: args.clusterIP }),
            ...(args.sessionAffinity !== undefined && { sessionAffinity: args.sessionAffinity }),
            ...(sessionAffinityTimeoutSeconds !== undefined && {
                sessionAffinityConfig: { clientIP: { timeoutSeconds: sessionAffinityTimeoutSeconds } },
            }),
            ...(request?.loadBalancerIP !== undefined && { loadBalancerIP: request.loadBalancerIP }),
            ...(args.loadBalancerClass !== undefined && { loadBalancerClass: args.loadBalancerClass }),
            ...(type === "LoadBalancer" && sourceRanges.length > 0 && { loadBalancerSourceRanges: sourceRanges }),
            ...(trafficPolicy !== undefined && { externalTrafficPolicy: trafficPolicy }),
            ...(args.internalTrafficPolicy !== undefined && { internalTrafficPolicy: args.internalTrafficPolicy }),
            ...(args.ipFamilies && { ipFamilies: args.ipFamilies }),
            ...(args.ipFamilyPolicy !== undefined && { ipFamilyPolicy: args.ipFamilyPolicy }),
        },
    };
}

function addressRequest(
    args: PlannedService["args"],
    address: pulumi.Input<string>,
): { annotations?: Annotations; loadBalancerIP?: pulumi.Input<string> } {
    const byAnnotation = requestAddress("", args);
    if (!("annotations" in byAnnotation)) {
        return { loadBalancerIP: address };
    }
    const [key = ""] = Object.keys(byAnnotation.annotations);
    const value = derived([address], ([known]) => {
        const request = requestAddress(known, args);
        return ("annotations" in request && request.annotations[key]) || "";
    });
    return { annotations: { [key]: value } };
}

/** With the default, Cluster, the nodes would put their address in place of the one that a NetworkPolicy looks at. */
function defaultTrafficPolicy({ args, dataplane }: PlannedService): "Local" | undefined {
    const restricted = (args.sourceRanges ?? []).length > 0 && dataplane === "kube-proxy";
    return restricted && args.type === "NodePort" ? "Local" : undefined;
}

/** What the endpoint controller and the node agent read of a Service. */
function agentAnnotations({ args, ports, dataplane, network, selector }: PlannedService): Annotations {
    const hostPorts = ports
        .filter(({ hostPort }) => hostPort !== undefined)
        .map(({ name, port, hostPort }) => `${name ?? String(port)}=${String(hostPort)}`);
    return {
        ...(network !== undefined && {
            [SERVICE_ANNOTATION.network]: network,
            [SERVICE_ANNOTATION.selector]: selectorText(selector),
        }),
        ...(args.scheduler !== undefined &&
            dataplane === "wukong" && { [SERVICE_ANNOTATION.scheduler]: args.scheduler }),
        ...(args.masquerade !== undefined && { [SERVICE_ANNOTATION.masquerade]: args.masquerade }),
        ...(hostPorts.length > 0 && { [SERVICE_ANNOTATION.hostPorts]: hostPorts.join(",") }),
        ...(args.sourceRanges &&
            args.sourceRanges.length > 0 &&
            dataplane === "wukong" && { [SERVICE_ANNOTATION.sourceRanges]: args.sourceRanges.join(",") }),
    };
}

function selectorText(selector: PlannedService["selector"]): pulumi.Input<string> {
    return derived([selector], ([labels]) => {
        const pairs = Object.entries(labels);
        return derived(
            pairs.map(([, value]) => value),
            (values) => pairs.map(([key], index) => `${key}=${values[index] ?? ""}`).join(","),
        );
    }) as pulumi.Input<string>;
}

/** The Ingress in front of the Service, called like it. */
export function ingressObject(
    planned: PlannedService,
    { annotations = {}, ...ingress }: IngressArgs,
): kubernetes.networking.v1.IngressArgs {
    const backend = backendPort(ingress, planned.ports);
    const port = backend?.name === undefined ? { number: backend?.port ?? 0 } : { name: backend.name };
    return {
        metadata: metadataOf(planned, annotations),
        spec: {
            ...(ingress.ingressClassName !== undefined && { ingressClassName: ingress.ingressClassName }),
            ...(ingress.tls && { tls: [{ hosts: [ingress.host], secretName: ingress.tls.secretName }] }),
            rules: [
                {
                    host: ingress.host,
                    http: {
                        paths: [
                            {
                                path: ingress.path ?? "/",
                                pathType: ingress.pathType ?? "Prefix",
                                backend: { service: { name: planned.name, port } },
                            },
                        ],
                    },
                },
            ],
        },
    };
}

/** The NetworkPolicy that limits who may come to the Service's ports, called like the Service. */
export function networkPolicyObject(
    planned: PlannedService,
    sourceRanges: readonly string[],
): kubernetes.networking.v1.NetworkPolicyArgs {
    return {
        metadata: metadataOf(planned, {}),
        spec: {
            podSelector: { matchLabels: planned.selector },
            policyTypes: ["Ingress"],
            ingress: restrictingRules(
                planned.ports,
                sourceRanges,
            ) as kubernetes.types.input.networking.v1.NetworkPolicyIngressRule[],
        },
    };
}
