import { parseAddress } from "../ip";
import type { Problem } from "../problem";
import { isHeadless, type Exposure } from "./exposure";
import { ingressProblems } from "./ingress";
import { nodePortProblems } from "./node-ports";
import { expandPorts } from "./ports";
import { NEEDS_AGENT, sourceRangeProblems } from "./source-ranges";

/** The most a session affinity may last, in seconds: a day (ValidateServiceSessionAffinityConfig of Kubernetes). */
const AFFINITY_MAX_SECONDS = 86_400;

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

function targetProblems({ targets, hasEmptySelector }: Exposure): Problem[] {
    if (hasEmptySelector === true) {
        return [
            {
                field: "selector",
                value: "{}",
                rule: "a Service finds its VMs by at least one label, and a NetworkPolicy without any is one for the whole namespace",
                remedy: "name a label that the VMs have",
            },
        ];
    }
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
