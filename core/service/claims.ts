import { contains, parseAddress, parseSubnet } from "../ip";
import type { Problem } from "../problem";
import { sharesAddress } from "./load-balancer";
import type { PortProtocol } from "./ports";

/** What a Service has to itself, or asks for: one that is declared, or one of the cluster. */
export interface Holdings {
    readonly namespace: string;
    readonly name: string;
    /** How a sentence names it. */
    readonly holder: string;
    readonly ports: readonly HeldPort[];
    /** Other ports on the nodes, as the one for health checks. */
    readonly furtherNodePorts?: readonly { readonly protocol: PortProtocol; readonly number: number }[];
    readonly clusterIPs: readonly string[];
    readonly loadBalancerIPs: readonly string[];
    /** Those by which load balancers share an address among Services. */
    readonly annotations: Readonly<Record<string, string>>;
}

export interface HeldPort {
    readonly protocol: PortProtocol;
    /** At the addresses of the Service. */
    readonly port: number;
    readonly nodePort?: number;
    readonly hostPort?: number;
}

/** Where the sentences place a problem. */
export type Subject = Pick<Problem, "subject" | "vm" | "nic">;

/**
 * What an exposure asks for and others hold: a Service's name, ports of the nodes, cluster IPs, addresses of load balancers.
 * What the Service itself holds already is no collision.
 */
export function collisions(wanted: Holdings, others: readonly Holdings[], at: Subject): Problem[] {
    const strangers = others.filter(({ namespace, name }) => namespace !== wanted.namespace || name !== wanted.name);
    return [
        ...nodePortCollisions(wanted, strangers, at),
        ...clusterIpCollisions(wanted, strangers, at),
        ...loadBalancerCollisions(wanted, strangers, at),
    ];
}

function nodePortCollisions(wanted: Holdings, others: readonly Holdings[], at: Subject): Problem[] {
    const fields = ["nodePort", "hostPort"] as const;
    return wanted.ports.flatMap((port, index) =>
        fields.flatMap((field) => {
            const number = port[field];
            const holder = others.find((other) => holdsNodePort(other, port.protocol, number));
            return number === undefined || !holder
                ? []
                : [
                      {
                          ...at,
                          field: `ports[${String(index)}].${field}`,
                          value: number,
                          rule: `each ${port.protocol} port of the nodes leads to one Service`,
                          holder: holder.holder,
                          remedy: `choose another, leave ${field} out, or release it there by an update of its own`,
                      },
                  ];
        }),
    );
}

function holdsNodePort(
    { ports, furtherNodePorts = [] }: Holdings,
    protocol: string,
    number: number | undefined,
): boolean {
    return (
        ports.some((port) => port.protocol === protocol && [port.nodePort, port.hostPort].includes(number)) ||
        furtherNodePorts.some((port) => port.protocol === protocol && port.number === number)
    );
}

function clusterIpCollisions(wanted: Holdings, others: readonly Holdings[], at: Subject): Problem[] {
    return wanted.clusterIPs.flatMap((address) => {
        const holder = others.find(({ clusterIPs }) => clusterIPs.some((each) => isSame(each, address)));
        return holder ? [clusterIpTaken(address, holder.holder, at)] : [];
    });
}

/** The problem of a cluster IP that another has. */
export function clusterIpTaken(address: string, holder: string, at: Subject): Problem {
    return {
        ...at,
        field: "clusterIP",
        value: address,
        rule: "a cluster IP belongs to one Service",
        holder,
        remedy: "choose another, or leave clusterIP out",
    };
}

function loadBalancerCollisions(wanted: Holdings, others: readonly Holdings[], at: Subject): Problem[] {
    return wanted.loadBalancerIPs.flatMap((address) => {
        const holder = others.find(
            (other) =>
                other.loadBalancerIPs.some((each) => isSame(each, address)) &&
                !(sharesAddress(wanted.annotations, other.annotations) && !havePortInCommon(wanted, other)),
        );
        return holder
            ? [
                  {
                      ...at,
                      field: "loadBalancerIP",
                      value: address,
                      rule: "an address of a load balancer belongs to one Service, unless several agree to share it and have no port in common",
                      holder: holder.holder,
                      remedy: "choose another, or give both the same sharing key of the load balancer in annotations",
                  },
              ]
            : [];
    });
}

function havePortInCommon(one: Holdings, other: Holdings): boolean {
    return one.ports.some(({ protocol, port }) =>
        other.ports.some((each) => each.protocol === protocol && each.port === port),
    );
}

/** Whether two texts mean the same address: IPv6 has several for each. */
function isSame(one: string, other: string): boolean {
    const [a, b] = [parseAddress(one), parseAddress(other)];
    return a.ok && b.ok ? a.value.family === b.value.family && a.value.value === b.value.value : one === other;
}

/** A cluster IP that is in none of the cluster's ranges (ServiceCIDRs), where these are known. */
export function outsideServiceCidrs(address: string, cidrs: readonly string[], at: Subject): Problem[] {
    const parsed = parseAddress(address);
    const ranges = cidrs.map(parseSubnet).flatMap((cidr) => (cidr.ok ? [cidr.value] : []));
    return !parsed.ok || ranges.length === 0 || ranges.some((range) => contains(range, parsed.value))
        ? []
        : [
              {
                  ...at,
                  field: "clusterIP",
                  value: address,
                  rule: `the cluster's Services have addresses of ${cidrs.join(", ")}`,
                  remedy: "choose one of these, or leave clusterIP out",
              },
          ];
}

/** A Service of that name which another one made. */
export function nameTaken({ namespace, name }: Holdings, owner: string | undefined, at: Subject): Problem {
    return {
        ...at,
        field: "serviceName",
        value: `${namespace}/${name}`,
        rule: "the cluster has a Service of that name already",
        holder: owner === undefined ? "nobody's stack (it was made by hand)" : `stack ${owner}`,
        remedy: "choose another serviceName, or delete that Service",
    };
}
