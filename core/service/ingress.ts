import type { Problem } from "../problem";
import { expandPorts, type PortSpec } from "./ports";

/** HTTP by host and path in front of a Service, by the cluster's ingress controller. */
export interface IngressSpec {
    readonly host: string;
    readonly path?: string;
    readonly pathType?: "Exact" | "Prefix" | "ImplementationSpecific";
    /** Name or number of a port of the Service. */
    readonly port?: string | number;
}

/** The Service behind it. */
interface Backend {
    readonly type: string;
    readonly clusterIP?: string;
    readonly ports: readonly PortSpec[];
}

/** A DNS name, with `*` for its first label at most (IsDNS1123Subdomain and IsWildcardDNS1123Subdomain of Kubernetes). */
const HOST = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What the API server would refuse of an Ingress, and what no ingress controller could serve. */
export function ingressProblems(ingress: IngressSpec, { type, clusterIP, ports }: Backend): Problem[] {
    const problems: Problem[] = [];
    if (type !== "ClusterIP" || clusterIP === "None") {
        problems.push({
            field: "ingress",
            rule: "an Ingress takes the place of direct exposure, and leads to a Service of type ClusterIP with an address",
            remedy: "leave type and clusterIP out, or make another ServiceExposure for direct exposure",
        });
    }
    if (ingress.host.length > 253 || !HOST.test(ingress.host)) {
        problems.push({
            field: "ingress.host",
            value: ingress.host,
            rule: "a host is a DNS name in lower case (RFC 1123), whose first label may be *",
            remedy: "write it as shop.example.com",
        });
    }
    if (ingress.path !== undefined && !ingress.path.startsWith("/")) {
        problems.push({
            field: "ingress.path",
            value: ingress.path,
            rule: "a path begins with a slash",
            remedy: `write it as /${ingress.path}`,
        });
    }
    const expanded = expandPorts(ports).ports;
    const backend = backendPort(ingress, expanded);
    if (expanded.length > 0 && backend === undefined) {
        problems.push({
            field: "ingress.port",
            ...(ingress.port !== undefined && { value: ingress.port }),
            rule: `an Ingress leads to one of the Service's ports, which are ${expanded.map(portName).join(", ")}`,
            remedy: "name one of them",
        });
    }
    return problems;
}

/** The port that an Ingress leads to: the only one where it names none. */
export function backendPort<P extends { readonly name?: string; readonly port: number }>(
    { port }: IngressSpec,
    ports: readonly P[],
): P | undefined {
    return port === undefined
        ? ports.length === 1
            ? ports[0]
            : undefined
        : ports.find((each) => each.name === port || each.port === port);
}

function portName({ name, port }: { readonly name?: string; readonly port: number }): string {
    return name ?? String(port);
}
