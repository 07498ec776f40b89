import type { Family } from "../ip";
import type { ProxyEndpoint, ProxyPort } from "./model";

/**
 * A UDP port as rules of the kernel tell of it: where it is reached, and by whom it is served. Its Service's name is not there.
 * @param address absent where it is each address of the node
 */
export function servedPort(
    family: Family,
    address: string | undefined,
    port: number,
    endpoints: readonly ProxyEndpoint[],
): ProxyPort {
    const backends = { endpoints, whenEmpty: "reject" } as const;
    return {
        service: "",
        name: "",
        family,
        protocol: "UDP",
        clusterIP: address ?? "",
        port,
        externalIPs: [],
        ...(address === undefined && { nodePort: port }),
        scheduler: "Random",
        masquerade: "Always",
        subnets: [],
        internal: backends,
        external: backends,
        externalLocal: false,
    };
}
