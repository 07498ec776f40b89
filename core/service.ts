import type { Problem } from "./problem";

/** A Service in front of VMs, as far as its rules reach. */
export interface Exposure {
    readonly type: "ClusterIP" | "NodePort" | "LoadBalancer";
    readonly ports: readonly {
        name?: string;
        protocol?: "TCP" | "UDP";
        port: number;
        targetPort?: number;
        nodePort?: number;
    }[];
    /** How many ways of naming the VMs are used. */
    readonly targets: number;
}

/**
 * What the API server would refuse, and what it would accept without effect (Service validation in
 * pkg/apis/core/validation of Kubernetes).
 */
export function validateExposure(exposure: Exposure): Problem[] {
    const problems: Problem[] = [];
    if (exposure.targets !== 1) {
        problems.push({
            field: "virtualMachine",
            rule: "a Service has one target",
            remedy: "name either a virtualMachine or a selector",
        });
    }
    if (exposure.ports.length === 0) {
        problems.push({ field: "ports", value: "[]", rule: "a Service has at least one port", remedy: "add a port" });
    }
    exposure.ports.forEach((port, index) => {
        const field = `ports[${String(index)}]`;
        if (exposure.ports.length > 1 && port.name === undefined) {
            problems.push({ field: `${field}.name`, rule: "each of several ports has a name", remedy: "name it" });
        }
        for (const key of ["port", "targetPort", "nodePort"] as const) {
            const number = port[key];
            if (number !== undefined && !(Number.isInteger(number) && number >= 1 && number <= 65_535)) {
                problems.push({
                    field: `${field}.${key}`,
                    value: String(number),
                    rule: "a port is a whole number from 1 to 65535",
                    remedy: "correct it",
                });
            }
        }
        if (port.nodePort !== undefined && exposure.type === "ClusterIP") {
            problems.push({
                field: `${field}.nodePort`,
                value: String(port.nodePort),
                rule: "a Service of type ClusterIP opens no port on the nodes",
                remedy: "use type NodePort, or leave nodePort out",
            });
        }
    });
    return [...problems, ...repeated(exposure)];
}

/** Names, and pairs of protocol and port, are unique in a Service. */
function repeated({ ports }: Exposure): Problem[] {
    const problems: Problem[] = [];
    const seen = new Set<string>();
    ports.forEach((port, index) => {
        const keys = {
            name: port.name,
            port: `${port.protocol ?? "TCP"} ${String(port.port)}`,
            nodePort: port.nodePort === undefined ? undefined : `${port.protocol ?? "TCP"} ${String(port.nodePort)}`,
        };
        for (const [field, value] of Object.entries(keys)) {
            if (value === undefined) {
                continue;
            }
            if (seen.has(`${field} ${value}`)) {
                problems.push({
                    field: `ports[${String(index)}].${field}`,
                    value,
                    rule: `a Service has each ${field} once`,
                    remedy: "choose another, or drop the repetition",
                });
            }
            seen.add(`${field} ${value}`);
        }
    });
    return problems;
}
