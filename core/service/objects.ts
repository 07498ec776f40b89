import { SERVICE_ANNOTATION } from "../service-proxy/names";
import type { HeldPort, Holdings } from "./claims";
import { requestedAddresses } from "./load-balancer";
import type { PortProtocol } from "./ports";

/** A Service as the API server has it, as far as it is read here. */
export interface ServiceObject {
    readonly metadata: {
        readonly namespace?: string;
        readonly name: string;
        readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec?: {
        readonly clusterIPs?: readonly string[];
        readonly ports?: readonly ServicePortObject[];
        readonly healthCheckNodePort?: number;
        readonly loadBalancerIP?: string;
    };
    readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

interface ServicePortObject {
    readonly name?: string;
    readonly protocol?: string;
    readonly port: number;
    readonly nodePort?: number;
}

/** What a Service of the cluster holds. */
export function holdingsOf({ metadata, spec = {}, status }: ServiceObject): Holdings {
    const { namespace = "", name, annotations = {} } = metadata;
    const hostPorts = hostPortsOf(annotations[SERVICE_ANNOTATION.hostPorts] ?? "");
    const check = spec.healthCheckNodePort ?? 0;
    return {
        namespace,
        name,
        holder: `Service ${namespace}/${name}`,
        ports: (spec.ports ?? []).map((port): HeldPort => {
            const hostPort = hostPorts.get(port.name ?? "") ?? hostPorts.get(String(port.port));
            return {
                protocol: (port.protocol ?? "TCP") as PortProtocol,
                port: port.port,
                ...(port.nodePort !== undefined && { nodePort: port.nodePort }),
                ...(hostPort !== undefined && { hostPort }),
            };
        }),
        ...(check > 0 && { furtherNodePorts: [{ protocol: "TCP" as const, number: check }] }),
        clusterIPs: (spec.clusterIPs ?? []).filter((address) => address !== "None" && address !== ""),
        loadBalancerIPs: [
            ...(spec.loadBalancerIP === undefined || spec.loadBalancerIP === "" ? [] : [spec.loadBalancerIP]),
            ...requestedAddresses(annotations),
            ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
        ],
        annotations,
    };
}

/** The ports of the nodes by name or number of the Service's port, of what `SERVICE_ANNOTATION.hostPorts` says. */
function hostPortsOf(annotation: string): Map<string, number> {
    const pairs = annotation.split(",").map((pair) => pair.trim().split("="));
    return new Map(pairs.flatMap(([port = "", number]) => (number === undefined ? [] : [[port, Number(number)]])));
}
