import { parseAddress, parseSubnet } from "../ip";
import type { Problem } from "../problem";
import type { Masquerade, Scheduler } from "../service-proxy/model";
import type { IngressSpec } from "./ingress";
import { ingressProblems } from "./ingress";
import type { LoadBalancerProvider } from "./load-balancer";
import { expandPorts, type NodePortRange, type PortSpec } from "./ports";

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

/** The most a session affinity may last, in seconds: a day (ValidateServiceSessionAffinityConfig of Kubernetes). */
const AFFINITY_MAX_SECONDS = 86_400;

/** What to do about what only the node agent does. */
const NEEDS_AGENT = 'set dataplane: "wukong" and deploy a ServiceProxy, or leave it out';

/**
 * What the API server would refuse, and what would be accepted without effect (Service validation in
 * pkg/apis/core/validation of Kubernetes).
 */
export function validateExposure(exposure: Exposure): Problem[] {
    return [
        ...targetProblems(exposure),
        ...expandPorts(exposure.ports).problems,
        ...nodePortProblems(exposure),
        ...typeProblems(exposure),
        ...headlessProblems(exposure),
        ...affinityProblems(exposure),
        ...loadBalancerProblems(exposure),
        ...dataplaneProblems(exposure),
        ...sourceRangeProblems(exposure),
        ...(exposure.ingress ? ingressProblems(exposure.ingress, exposure) : []),
    ];
}

/** Whether a Service has no address of its own: its name resolves to the VMs' addresses. */
export function isHeadless({ clusterIP }: Pick<Exposure, "clusterIP">): boolean {
    return clusterIP === "None";
}

/** Whether the limits on who may come are a NetworkPolicy: kube-proxy has none but those of load balancers. */
export function needsNetworkPolicy({ type, dataplane, sourceRanges = [] }: Exposure): boolean {
    return sourceRanges.length > 0 && dataplane === "kube-proxy" && type !== "LoadBalancer";
}

function targetProblems({ targets }: Exposure): Problem[] {
    return targets === 1
        ? []
        : [
              {
                  field: "virtualMachines",
                  rule: "a Service has one set of VMs behind it",
                  remedy: "name either virtualMachines or a selector",
              },
          ];
}

/**
 * The API server refuses a NodePort outside of the range, but not in the dry run of a preview, nor does it tell the range.
 * Any of the range it may give to another Service at any time.
 */
function nodePortProblems({ ports, nodePortRange: [first, last] }: Exposure): Problem[] {
    const isInRange = (port: number): boolean => port >= first && port <= last;
    const range = `${String(first)}-${String(last)}`;
    return ports.flatMap((spec, index) => {
        const at = `ports[${String(index)}]`;
        const expanded = expandPorts([spec]).ports;
        const outside = expanded.flatMap(({ nodePort = first }) => (isInRange(nodePort) ? [] : [nodePort]));
        const inside = expanded.flatMap(({ hostPort = 0 }) => (isInRange(hostPort) ? [hostPort] : []));
        return [
            ...outside.slice(0, 1).map((value) => ({
                field: `${at}.nodePort`,
                value,
                rule: `the cluster's NodePorts are ${range} (--service-node-port-range of its API server)`,
                remedy:
                    "choose one of these, or say what range the cluster has: " +
                    "pulumi config set wukong:nodePortRange <first>-<last>",
            })),
            ...inside.slice(0, 1).map((value) => ({
                field: `${at}.hostPort`,
                value,
                rule: `${range} are the cluster's NodePorts, which its API server gives to any Service`,
                remedy: "ask for it as nodePort, with type NodePort, or choose a port outside of these",
            })),
        ];
    });
}

function typeProblems({ type, ports, externalTrafficPolicy }: Exposure): Problem[] {
    const problems: Problem[] = ports.flatMap(({ nodePort }, index) =>
        nodePort !== undefined && type === "ClusterIP"
            ? [
                  {
                      field: `ports[${String(index)}].nodePort`,
                      value: nodePort,
                      rule: "a Service of type ClusterIP opens no port on the nodes",
                      remedy: "use type NodePort, or leave nodePort out",
                  },
              ]
            : [],
    );
    if (externalTrafficPolicy !== undefined && type === "ClusterIP") {
        problems.push({
            field: "externalTrafficPolicy",
            value: externalTrafficPolicy,
            rule: "a Service of type ClusterIP has no traffic from outside the cluster",
            remedy: "use type NodePort or LoadBalancer, or leave it out",
        });
    }
    return problems;
}

function headlessProblems(exposure: Exposure): Problem[] {
    const { clusterIP, type, sessionAffinity, ports, scheduler } = exposure;
    if (clusterIP !== undefined && clusterIP !== "None" && !parseAddress(clusterIP).ok) {
        return [
            {
                field: "clusterIP",
                value: clusterIP,
                rule: "a cluster IP is an address, or None for a Service without one",
                remedy: "write an address of the cluster's Service range, or leave it out",
            },
        ];
    }
    if (!isHeadless(exposure)) {
        return [];
    }
    const unserved = [
        ["type", type === "ClusterIP" ? undefined : type],
        ["sessionAffinity", sessionAffinity === "ClientIP" ? sessionAffinity : undefined],
        ["scheduler", scheduler],
        ["ports", ports.some(({ hostPort }) => hostPort !== undefined) ? "hostPort" : undefined],
    ] as const;
    return unserved
        .filter(([, value]) => value !== undefined)
        .map(([field, value]) => ({
            field,
            value: value as string,
            rule: "nothing stands between the clients of a headless Service (clusterIP: None) and the VMs",
            remedy: "leave it out, or give the Service an address",
        }));
}

function affinityProblems({ sessionAffinity, sessionAffinityTimeoutSeconds: seconds }: Exposure): Problem[] {
    const field = "sessionAffinityTimeoutSeconds";
    if (seconds === undefined) {
        return [];
    }
    if (sessionAffinity !== "ClientIP") {
        return [
            {
                field,
                value: seconds,
                rule: "without session affinity there is nothing that lasts",
                remedy: 'set sessionAffinity: "ClientIP", or leave it out',
            },
        ];
    }
    return Number.isInteger(seconds) && seconds >= 1 && seconds <= AFFINITY_MAX_SECONDS
        ? []
        : [
              {
                  field,
                  value: seconds,
                  rule: `a session affinity lasts a whole number of seconds from 1 to ${String(AFFINITY_MAX_SECONDS)}`,
                  remedy: "correct it",
              },
          ];
}

function loadBalancerProblems(exposure: Exposure): Problem[] {
    const { type, loadBalancerIP } = exposure;
    if (type !== "LoadBalancer") {
        return (["loadBalancerIP", "loadBalancerClass", "loadBalancerProvider"] as const)
            .filter((field) => exposure[field] !== undefined)
            .map((field) => ({
                field,
                value: exposure[field] as string,
                rule: `a Service of type ${type} has no load balancer`,
                remedy: "use type LoadBalancer, or leave it out",
            }));
    }
    return loadBalancerIP === undefined || parseAddress(loadBalancerIP).ok
        ? []
        : [
              {
                  field: "loadBalancerIP",
                  value: loadBalancerIP,
                  rule: "a load balancer is asked for an IP address",
                  remedy: "write one of the load balancer's pool, or leave it out",
              },
          ];
}

/** What only the node agent does. */
function dataplaneProblems({ dataplane, ports, nodePortRange, scheduler, masquerade }: Exposure): Problem[] {
    if (dataplane === "wukong") {
        return [];
    }
    const problems: Problem[] = ports.flatMap(({ hostPort }, index) =>
        hostPort === undefined
            ? []
            : [
                  {
                      field: `ports[${String(index)}].hostPort`,
                      value: hostPort,
                      rule: `kube-proxy opens NodePorts only, which are ${nodePortRange.join("-")}`,
                      remedy: `${NEEDS_AGENT}; a port of that range is a nodePort`,
                  },
              ],
    );
    if (scheduler === "RoundRobin") {
        problems.push({
            field: "scheduler",
            value: scheduler,
            rule: "kube-proxy chooses the VM of each connection at random",
            remedy: NEEDS_AGENT,
        });
    }
    if (masquerade !== undefined) {
        problems.push({
            field: "masquerade",
            value: masquerade,
            rule: "kube-proxy decides for itself which connections get the node's address",
            remedy: NEEDS_AGENT,
        });
    }
    return problems;
}

function sourceRangeProblems(exposure: Exposure): Problem[] {
    const { sourceRanges = [], network, type, externalTrafficPolicy, ingress } = exposure;
    const problems: Problem[] = sourceRanges.flatMap((range, index) =>
        parseSubnet(range).ok
            ? []
            : [
                  {
                      field: `sourceRanges[${String(index)}]`,
                      value: range,
                      rule: "a source range is a subnet in CIDR notation",
                      remedy: "write it as 192.0.2.0/24, or 192.0.2.1/32 for one address",
                  },
              ],
    );
    if (sourceRanges.length > 0 && ingress) {
        problems.push({
            field: "sourceRanges",
            rule: "the VMs see the ingress controller as the client, not who is behind it",
            remedy: "set the controller's own annotation for it in ingress.annotations, or leave sourceRanges out",
        });
    } else if (needsNetworkPolicy(exposure) && network === "secondary") {
        problems.push({
            field: "sourceRanges",
            rule: "kube-proxy limits who may come at load balancers only, and a NetworkPolicy reaches the pod network only",
            remedy: NEEDS_AGENT,
        });
    } else if (needsNetworkPolicy(exposure) && type === "NodePort" && externalTrafficPolicy === "Cluster") {
        problems.push({
            field: "externalTrafficPolicy",
            value: externalTrafficPolicy,
            rule: "with it the nodes put their own address in place of the client's, so sourceRanges would meet nodes alone",
            remedy: 'leave it out, which is "Local" beside sourceRanges, or leave sourceRanges out',
        });
    }
    return problems;
}
