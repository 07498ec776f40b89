import { familyName } from "../../core/ip";
import { countConnections } from "../../core/service-proxy/connections";
import type { ProxyPort } from "../../core/service-proxy/model";
import type { EndpointFlows } from "../../core/service-proxy/status-view";
import { run } from "./command";

/** How many connections go to each endpoint of a Service's ports, by the kernel's connection tracking. */
export async function connectionsTo(ports: readonly ProxyPort[]): Promise<readonly EndpointFlows[]> {
    const families = [...new Set(ports.map(({ family }) => familyName(family).toLowerCase()))];
    const tables = await Promise.all(families.map(async (family) => run("conntrack", ["-L", "-f", family])));
    return countConnections(tables.join("\n"), ports);
}
