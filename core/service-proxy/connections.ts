import type { ProxyPort } from "./model";
import type { EndpointFlows } from "./status-view";

/**
 * Counts the connections to each endpoint of a Service's ports, in the order of the endpoints.
 * @param table what `conntrack -L` prints: a line for each connection, which has the addresses of the client's packets, then
 * those of the answers
 */
export function countConnections(table: string, ports: readonly ProxyPort[]): EndpointFlows[] {
    const counts = new Map<string, EndpointFlows>();
    for (const { protocol, internal, external } of ports) {
        for (const { address, port } of [...internal.endpoints, ...external.endpoints]) {
            counts.set(`${protocol} ${address} ${String(port)}`, { protocol, address, port, flows: 0 });
        }
    }
    for (const line of table.split("\n")) {
        const connection = parseConnection(line);
        if (connection !== undefined && ports.some((port) => isTo(port, connection))) {
            const key = `${connection.protocol} ${connection.server} ${String(connection.serverPort)}`;
            const count = counts.get(key);
            if (count !== undefined) {
                counts.set(key, { ...count, flows: count.flows + 1 });
            }
        }
    }
    return [...counts.values()];
}

interface Connection {
    readonly protocol: string;
    readonly destination: string;
    readonly destinationPort: number;
    readonly server: string;
    readonly serverPort: number;
}

function parseConnection(line: string): Connection | undefined {
    const [protocol = ""] = line.split(" ", 1);
    const values = Array.from(line.matchAll(/\b(?:src|dst|sport|dport)=(\S+)/g), (match) => match[1] ?? "");
    if (values.length !== 8) {
        return undefined;
    }
    const [, destination = "", , destinationPort, server = "", , serverPort] = values;
    return {
        protocol: protocol.toUpperCase(),
        destination,
        destinationPort: Number(destinationPort),
        server,
        serverPort: Number(serverPort),
    };
}

/** Node ports by their number alone: the endpoint that answers tells them from others' connections. */
function isTo(port: ProxyPort, { protocol, destination, destinationPort }: Connection): boolean {
    if (protocol !== port.protocol) {
        return false;
    }
    const isToService = destinationPort === port.port && [port.clusterIP, ...port.externalIPs].includes(destination);
    return isToService || [port.nodePort, port.hostPort].includes(destinationPort);
}
