import type { ServiceProtocol } from "./model";
import type { ServicePort } from "./objects";

/** A port of a Service on one of its endpoints. */
export interface ResolvedPort {
    /** The Service's name for it; empty where the only port has none. */
    readonly name: string;
    readonly protocol: ServiceProtocol;
    /** In the guest. */
    readonly port: number;
    readonly appProtocol?: string;
}

/** A port that a NIC declares. */
interface NicPort {
    readonly name?: string;
    readonly protocol?: string;
    readonly port: number;
}

/**
 * The ports of a Service on a NIC. A target port that is a name is one of the NIC's own ports (`interfaces[].ports`) of
 * that name and protocol, as with the ports of a pod's containers.
 * @returns missing: which names the NIC does not have, as clauses
 */
export function resolvePorts(
    ports: readonly ServicePort[],
    declared: readonly NicPort[],
): { ports: ResolvedPort[]; missing: string[] } {
    const resolved: ResolvedPort[] = [];
    const missing: string[] = [];
    for (const { name = "", protocol = "TCP", port, targetPort = port, appProtocol } of ports) {
        const number =
            typeof targetPort === "number"
                ? targetPort
                : declared.find((each) => each.name === targetPort && (each.protocol ?? "TCP") === protocol)?.port;
        if (number === undefined) {
            missing.push(`its NIC declares no port "${targetPort}" of protocol ${protocol} (interfaces[].ports)`);
        } else {
            resolved.push({
                name,
                protocol: protocol as ServiceProtocol,
                port: number,
                ...(appProtocol !== undefined && { appProtocol }),
            });
        }
    }
    return { ports: resolved, missing };
}
