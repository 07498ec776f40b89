import type { Backends, ProxyPort } from "../../../core/service-proxy/model";
import { addressOf, SERVER_PORTS, type Vm, VM_SUBNET } from "./lab";

/** Backends on VMs of the lab, at their first port. */
export function backends(
    vms: string,
    { family = 4, port = SERVER_PORTS[0] }: { family?: 4 | 6; port?: number } = {},
): Backends {
    return {
        endpoints: Array.from(vms, (vm) => ({ address: addressOf(vm as Vm, family), port })),
        whenEmpty: "reject",
    };
}

/** A port of a Service whose endpoints are VMs of the lab: `vms` names them by their letters. */
export function proxyPort(vms: string, { port = 80, family = 4, ...others }: Partial<ProxyPort> = {}): ProxyPort {
    return {
        service: "default/web",
        name: "http",
        family,
        protocol: "TCP",
        clusterIP: family === 4 ? "10.96.0.10" : "fd00:96::10",
        port,
        externalIPs: [],
        scheduler: "Random",
        masquerade: "SameSubnet",
        subnets: [VM_SUBNET[family]],
        internal: backends(vms, { family }),
        external: backends(vms, { family }),
        externalLocal: false,
        ...others,
    };
}
