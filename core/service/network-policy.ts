import type { PortProtocol, ServicePort } from "./ports";

/** Ports of a rule (networking.k8s.io/v1 NetworkPolicyPort); all of the protocol where there is no number. */
export interface PolicyPort {
    readonly protocol: PortProtocol | "SCTP";
    readonly port?: number;
    readonly endPort?: number;
}

/** What comes in (networking.k8s.io/v1 NetworkPolicyIngressRule); from anybody where `from` is absent. */
export interface PolicyRule {
    readonly from?: readonly { readonly ipBlock: { readonly cidr: string } }[];
    readonly ports: readonly PolicyPort[];
}

const LAST_PORT = 65_535;

/**
 * The `ingress` rules of a NetworkPolicy that lets only `sourceRanges` to the ports of the pods, and all others as before.
 *
 * A pod that a policy with type Ingress selects is isolated: of what comes in, only that passes which a rule of some policy
 * allows, and the rules of all policies add up (Kubernetes, "The two sorts of pod isolation"). A policy with the first rule
 * alone would therefore close all other ports. So with E the set of exposed (protocol, port) pairs and A that of all, the
 * rules are (1) E from the ranges and (2) A \ E from anybody. A packet to e in E meets (1) alone, as (2) has no pair of E,
 * and passes if and only if its source is in a range; one to any other pair meets (2) and passes. A \ E is, for each of
 * TCP and UDP, the gaps between its exposed ports as `port`..`endPort`, and the whole of SCTP.
 *
 * The node where a pod runs always gets through to it (ibid.): the kubelet's probes do. What is neither TCP, UDP nor SCTP
 * (ping) is the network plugin's to decide once a pod is isolated. Where another policy selects the pods as well, the rules
 * add up: (2) then opens what that one had closed, which a preview warns of.
 */
export function restrictingRules(ports: readonly ServicePort[], sourceRanges: readonly string[]): PolicyRule[] {
    const exposed = (protocol: PortProtocol): number[] => [
        ...new Set(ports.filter((port) => port.protocol === protocol).map(({ targetPort }) => targetPort)),
    ];
    const protocols = ["TCP", "UDP"] as const;
    return [
        {
            from: sourceRanges.map((cidr) => ({ ipBlock: { cidr } })),
            ports: protocols.flatMap((protocol) => exposed(protocol).map((port) => ({ protocol, port }))),
        },
        {
            ports: [
                ...protocols.flatMap((protocol) => gaps(exposed(protocol)).map((gap) => ({ protocol, ...gap }))),
                { protocol: "SCTP" },
            ],
        },
    ];
}

/** The ranges of ports between those that are taken, all of them where none is. */
function gaps(taken: readonly number[]): { port?: number; endPort?: number }[] {
    if (taken.length === 0) {
        return [{}];
    }
    const bounds = [0, ...[...taken].sort((a, b) => a - b), LAST_PORT + 1];
    return bounds.slice(1).flatMap((upper, index) => {
        const [port, endPort] = [(bounds[index] ?? 0) + 1, upper - 1];
        return port > endPort ? [] : [{ port, ...(endPort > port && { endPort }) }];
    });
}
