import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../core/problem";
import type { ServiceDataplane, TrafficPolicy } from "../core/service/exposure";
import type { LoadBalancerProvider } from "../core/service/load-balancer";
import type { Masquerade, Scheduler } from "../core/service-proxy/model";
import type { PowerState } from "../dynamic/power-state/resource";
import type { Network } from "./network";
import type { ClusterScopedArgs } from "./scope";

/** What a ServiceExposure asks of a VirtualMachine. */
export interface ExposedVirtualMachine {
    /** Name of the VirtualMachine object, and value of its pods' label `kubevirt.io/vm`. */
    readonly vmName: string;
    /** Namespace of the VirtualMachine object. */
    readonly namespace: pulumi.Output<string>;
    /** Labels of the VM's instance and pods. */
    readonly podLabels: Readonly<Record<string, pulumi.Input<string>>>;
    /** Its NICs. */
    readonly nics: readonly ExposedNic[];
    /** The VirtualMachine object in the cluster. */
    readonly object: kubernetes.apiextensions.CustomResource;
    /** What starts the VM: its Service has endpoints only after that. */
    readonly powerState: PowerState;
    /** False where the program leaves the VM off. */
    readonly expectedToRun: boolean;
}

/** A NIC on which a VM may be reached. */
export interface ExposedNic {
    /** `pod`, or the kind of the network that it is on. */
    readonly type: string;
    /** NetworkAttachmentDefinition, as `namespace/name`; undefined for the pod network. */
    readonly nadName: pulumi.Input<string> | undefined;
}

/** One port of a Service, or several that follow each other. */
export interface ServicePortArgs {
    /**
     * Name of the port, in the form of a DNS label; required where there are several. Those of a range get it with their
     * number: `web` of `8000-8010` becomes `web-8000` to `web-8010`. @default the only port has none
     */
    name?: string;
    /** @default "TCP" */
    protocol?: "TCP" | "UDP";
    /** Port of the Service, 1 to 65535; or a range, as `"8000-8010"`. */
    port: number | string;
    /** Port in the guest; a range where `port` is one. @default `port` */
    targetPort?: number | string;
    /**
     * Port on every node, of the cluster's range of NodePorts (30000-32767, or what the stack's configuration
     * `wukong:nodePortRange` says); only with type NodePort or LoadBalancer, and a range where `port` is one.
     * @default chosen by the cluster
     */
    nodePort?: number | string;
    /**
     * Port on every node beside the NodePort, of any range; only with dataplane `wukong`, and a range where `port` is one.
     * @default none
     */
    hostPort?: number | string;
}

/** HTTP by host and path, in front of a Service (networking.k8s.io/v1 Ingress). */
export interface IngressArgs {
    /** DNS name that clients ask for; its first label may be `*`. */
    host: string;
    /** @default "/" */
    path?: string;
    /** @default "Prefix" */
    pathType?: "Exact" | "Prefix" | "ImplementationSpecific";
    /** Name or number of the Service's port that it leads to. @default the only port */
    port?: string | number;
    /** TLS for `host`. @default none */
    tls?: {
        /** Secret of type kubernetes.io/tls in the Service's namespace. */
        secretName: pulumi.Input<string>;
    };
    /** IngressClass of the controller that serves it. @default the cluster's default class */
    ingressClassName?: pulumi.Input<string>;
    /** Annotations, which controllers take as options. @default none */
    annotations?: Record<string, pulumi.Input<string>>;
}

/** How VMs are reached. */
export interface ExposureArgs {
    /** @default "ClusterIP" */
    type?: "ClusterIP" | "NodePort" | "LoadBalancer";
    /** Ports of the Service; at least one. */
    ports: ServicePortArgs[];
    /**
     * Address inside the cluster, of its Service range; or `None` for a headless Service, whose name resolves to the VMs'
     * own addresses. @default chosen by the cluster
     */
    clusterIP?: pulumi.Input<string>;
    /** `ClientIP` sends a client to the same VM each time. @default "None" */
    sessionAffinity?: "None" | "ClientIP";
    /** How long that lasts since the client's last connection, in seconds, 1 to 86400. @default 10800, Kubernetes' own */
    sessionAffinityTimeoutSeconds?: number;
    /** Address that a LoadBalancer is asked for, by the provider's annotation where it is known. @default chosen by the provider */
    loadBalancerIP?: pulumi.Input<string>;
    /** `spec.loadBalancerClass`: which of the cluster's load balancers serves it; cannot be changed. @default the cluster's default */
    loadBalancerClass?: string;
    /**
     * Whose annotation asks for `loadBalancerIP`.
     * @default the one that `loadBalancerClass` stands for, else none: `spec.loadBalancerIP` is written
     */
    loadBalancerProvider?: LoadBalancerProvider;
    /**
     * Where connections from outside go: to VMs on any node, or (`Local`) only to those on the node they come to, which
     * then see the client's own address. @default "Cluster"; "Local" for a NodePort with `sourceRanges` by kube-proxy
     */
    externalTrafficPolicy?: TrafficPolicy;
    /** The same for connections from inside the cluster. @default "Cluster" */
    internalTrafficPolicy?: TrafficPolicy;
    /**
     * Who may come, as subnets in CIDR notation. Of a LoadBalancer: to its address (`spec.loadBalancerSourceRanges`). With
     * dataplane `wukong`: from outside the cluster. Otherwise a NetworkPolicy lets nobody else to these ports of the VMs,
     * from inside the cluster neither, and leaves their other ports open; it takes a network plugin with NetworkPolicy.
     * @default anybody
     */
    sourceRanges?: string[];
    /** Which address families the Service has, the first one first. @default the cluster's */
    ipFamilies?: ("IPv4" | "IPv6")[];
    /** `spec.ipFamilyPolicy` of the Service. @default "SingleStack" */
    ipFamilyPolicy?: "SingleStack" | "PreferDualStack" | "RequireDualStack";
    /** HTTP by host and path instead of direct exposure. @default none */
    ingress?: IngressArgs;
    /**
     * Who takes the traffic to the VMs: the nodes' kube-proxy (or what stands in for it), or the node agent that a
     * ServiceProxy deploys. kube-proxy reaches a secondary network only where the nodes have a route to it.
     * @default "kube-proxy" on the pod network, "wukong" on others
     */
    dataplane?: ServiceDataplane;
    /** How the VM of a new connection is chosen; `RoundRobin` only with dataplane `wukong`. @default "Random" */
    scheduler?: Scheduler;
    /**
     * Which connections get the node's address as their source; only with dataplane `wukong`. `SameSubnet` suits VMs whose
     * gateway is the node. @default "Always"
     */
    masquerade?: Masquerade;
    /**
     * Name of the Service object. @default with type NodePort `<name>-nodeport`, with the others `<name>-service`; of a NIC
     * with the names of VM and NIC, see docs/services.md
     */
    serviceName?: string;
    /** Further annotations of the Service, such as options of a load balancer. @default none */
    annotations?: Record<string, pulumi.Input<string>>;
    /**
     * An ownerReference to the VM: the Service goes with a VM that is deleted by hand, once Kubernetes collects it. Only
     * with one VM. @default false
     */
    ownedByVirtualMachine?: boolean;
    /**
     * How long to wait for a ready endpoint, in seconds; not at all where the program names no VM, or only VMs that are off.
     * @default 300
     */
    readyTimeoutSeconds?: number;
}

/** Arguments of a ServiceExposure on its own; a NIC's `serviceExposure` takes ExposureArgs. */
export interface ServiceExposureArgs extends ExposureArgs, ClusterScopedArgs {
    /**
     * The VMs behind the Service, of one namespace. One is found by its name; several by the labels that all of them have,
     * which no other VM of the namespace should have.
     */
    virtualMachines?: ExposedVirtualMachine[];
    /** Labels of the VMs' instances, instead of `virtualMachines`. */
    selector?: Record<string, pulumi.Input<string>>;
    /**
     * Network on which the VMs are reached: a Network, or a NetworkAttachmentDefinition, as `name` (of the Service's
     * namespace) or `namespace/name`. Its Service has no selector: the endpoint controller of ServiceProxy keeps its
     * endpoints. @default the pod network
     */
    network?: Network | pulumi.Input<string>;
    /** @default that of the VMs, else "default" */
    namespace?: pulumi.Input<string>;
    /**
     * The NIC of a VM whose field it is.
     * @internal
     */
    declaredBy?: Required<Pick<Problem, "vm" | "nic" | "field">>;
}
