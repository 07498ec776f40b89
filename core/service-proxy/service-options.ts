import { canonicalAddress, canonicalSubnet, commaSeparated, sorted, type FamilyText } from "./addresses";
import type { Masquerade, Scheduler } from "./model";
import { isInRanges, type PortRanges } from "./host-ports";
import { SERVICE_ANNOTATION } from "./names";
import type { ServiceObject, ServicePort } from "./objects";
import type { ServiceProblems } from "./problems";

/** What of a Service is the same for all its ports. */
export interface ServiceOptions {
    readonly scheduler: Scheduler;
    readonly masquerade: Masquerade;
    readonly hostPorts: ReadonlyMap<string, number>;
    readonly sourceRanges: readonly FamilyText[] | undefined;
    readonly externalIPs: readonly FamilyText[];
}

/** Reads them; where a value cannot be, the default takes its place and the problem is noted. */
export function serviceOptions(
    { metadata, spec = {}, status }: ServiceObject,
    problems: ServiceProblems,
    allowedHostPorts: PortRanges,
): ServiceOptions {
    const { annotations = {} } = metadata;
    const ranges = annotations[SERVICE_ANNOTATION.sourceRanges];
    const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
        // A load balancer of mode Proxy hands over connections with the node's own address as their destination (KEP-1860).
        ip === undefined || ipMode === "Proxy" ? [] : [ip],
    );
    const given = ranges === undefined ? (spec.loadBalancerSourceRanges ?? []) : commaSeparated(ranges);
    const givenBy = ranges === undefined ? "spec.loadBalancerSourceRanges" : SERVICE_ANNOTATION.sourceRanges;
    if (ranges !== undefined && given.length === 0) {
        problems.add(
            givenBy,
            JSON.stringify(ranges),
            "it names nobody",
            "nobody is let in until it does, or is removed",
        );
    }
    return {
        scheduler: choice(annotations, SERVICE_ANNOTATION.scheduler, ["Random", "RoundRobin"], problems),
        masquerade: choice(annotations, SERVICE_ANNOTATION.masquerade, ["Always", "SameSubnet"], problems),
        hostPorts: hostPortsOf(annotations[SERVICE_ANNOTATION.hostPorts] ?? "", problems, allowedHostPorts),
        // A range that is none lets nobody in: an open door would be worse than a closed one.
        sourceRanges:
            ranges !== undefined || given.length > 0
                ? sorted(given.flatMap((each) => canonicalSubnet(each, givenBy, problems)))
                : undefined,
        externalIPs: sorted([...(spec.externalIPs ?? []), ...ingress].flatMap(canonicalAddress)),
    };
}

/** The annotation's value, or the first of the choices. */
function choice<T extends string>(
    annotations: Readonly<Record<string, string>>,
    annotation: string,
    choices: readonly [T, ...T[]],
    problems: ServiceProblems,
): T {
    const value = annotations[annotation] ?? choices[0];
    const known = choices.find((each) => each === value);
    if (known === undefined) {
        problems.add(
            annotation,
            value,
            `it is one of ${choices.join(", ")}`,
            `${choices[0]} is used until it is corrected`,
        );
    }
    return known ?? choices[0];
}

function hostPortsOf(text: string, problems: ServiceProblems, allowed: PortRanges): ReadonlyMap<string, number> {
    const ports = new Map<string, number>();
    for (const entry of commaSeparated(text)) {
        const [, port = "", number = ""] = /^([^=]+)=(\d{1,5})$/.exec(entry) ?? [];
        const value = Number(number);
        if (value < 1 || value > 65_535) {
            const rule = "an entry is the name or number of a port of the Service, =, and a port of the nodes";
            problems.add(SERVICE_ANNOTATION.hostPorts, entry, rule, "the entry has no effect");
        } else if (!isInRanges(value, allowed)) {
            const rule = "the node agents were not told to give that port away (hostPorts of ServiceProxy)";
            problems.add(SERVICE_ANNOTATION.hostPorts, entry, rule, "the entry has no effect");
        } else {
            ports.set(port, value);
        }
    }
    return ports;
}

/** Host ports of ports that the Service does not have. */
export function checkHostPorts(
    given: ReadonlyMap<string, number>,
    ports: readonly ServicePort[],
    problems: ServiceProblems,
): void {
    for (const [key, value] of given) {
        if (!ports.some(({ name, port }) => name === key || String(port) === key)) {
            const rule = `the Service has no port ${key}`;
            problems.add(SERVICE_ANNOTATION.hostPorts, `${key}=${String(value)}`, rule, "the entry has no effect");
        }
    }
}
