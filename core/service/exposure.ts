import type { Masquerade, Scheduler } from "../service-proxy/model";
import type { IngressSpec } from "./ingress";
import type { LoadBalancerProvider } from "./load-balancer";
import type { NodePortRange, PortSpec } from "./ports";

export type ServiceType = "ClusterIP" | "NodePort" | "LoadBalancer";

/** Who takes a Service's traffic to the VMs: kube-proxy, or the node agent of ServiceProxy. */
export type ServiceDataplane = "kube-proxy" | "wukong";

/** Which nodes' endpoints a connection may go to (`Cluster`: any). */
export type TrafficPolicy = "Cluster" | "Local";

/** A Service in front of VMs, as far as the program says it in plain values. */
export interface Exposure {
    readonly type: ServiceType;
    readonly ports: readonly PortSpec[];
    /** How many ways of naming the VMs are used. */
    readonly targets: number;
    /** The labels by which the VMs are found are named, and there are none: that would be every pod of the namespace. */
    readonly hasEmptySelector?: boolean;
    /** The VMs are reached on the pod network, or on one that a NetworkAttachmentDefinition makes. */
    readonly network: "pod" | "secondary";
    readonly dataplane: ServiceDataplane;
    /** The cluster's range of NodePorts. */
    readonly nodePortRange: NodePortRange;
    /** An address, or `None`. */
    readonly clusterIP?: string;
    readonly sessionAffinity?: "None" | "ClientIP";
    readonly sessionAffinityTimeoutSeconds?: number;
    readonly loadBalancerIP?: string;
    readonly loadBalancerClass?: string;
    readonly loadBalancerProvider?: LoadBalancerProvider;
    readonly externalTrafficPolicy?: TrafficPolicy;
    readonly sourceRanges?: readonly string[];
    readonly ingress?: IngressSpec;
    readonly scheduler?: Scheduler;
    readonly masquerade?: Masquerade;
}

/** Whether a Service has no address of its own: its name resolves to the VMs' addresses. */
export function isHeadless({ clusterIP }: Pick<Exposure, "clusterIP">): boolean {
    return clusterIP === "None";
}

/** Whether the limits on who may come are a NetworkPolicy: kube-proxy has none but those of load balancers. */
export function needsNetworkPolicy({ type, dataplane, sourceRanges = [] }: Exposure): boolean {
    return sourceRanges.length > 0 && dataplane === "kube-proxy" && type !== "LoadBalancer";
}
