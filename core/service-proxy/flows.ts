import { endpointText, routesOf } from "./frontends";
import type { ProxyPort } from "./model";

/** An entry of the kernel's connection tracking for UDP: where the client sends to, and who answers. */
export interface UdpFlow {
    /** As conntrack prints it, for its deletion. */
    readonly source: string;
    readonly sourcePort: number;
    readonly destination: string;
    readonly destinationPort: number;
    readonly server: string;
    readonly serverPort: number;
}

/** A place where a UDP port was or is reached, and who answers or answered there. */
interface Reach {
    readonly serving: Set<string>;
    /** Endpoints of the state before. */
    readonly served: Set<string>;
    isServed: boolean;
}

/**
 * The UDP flows that do not go where a new one would: their endpoint is gone, or they began before the rules did. TCP is left
 * alone, as its connections end by themselves.
 * @param before ports of the state before that are not in the one after; those that stay need no look
 * @param after ports of the state after that were not in the one before
 * @param isLocal whether an address is the node's own, loopback apart
 */
export function staleFlows(
    flows: readonly UdpFlow[],
    before: readonly ProxyPort[],
    after: readonly ProxyPort[],
    isLocal: (address: string) => boolean,
): UdpFlow[] {
    const reaches = new Map<string, Reach>();
    for (const [ports, isAfter] of [
        [before, false],
        [after, true],
    ] as const) {
        for (const port of ports) {
            addReaches(reaches, port, isAfter);
        }
    }
    return flows.filter((flow) => {
        const byAddress = reaches.get(`${flow.destination} ${String(flow.destinationPort)}`);
        // A node has many flows that are nothing of ours: the port says so of nearly all of them.
        const reach = byAddress ?? reaches.get(`node ${String(flow.destinationPort)}`);
        if (reach === undefined || (byAddress === undefined && !isLocal(flow.destination))) {
            return false;
        }
        const server = endpointText({ address: flow.server, port: flow.serverPort });
        return reach.isServed ? !reach.serving.has(server) : reach.served.has(server);
    });
}

/** The UDP ports of two states that are not the same object in both. */
export function changedUdpPorts(
    before: ReadonlySet<ProxyPort>,
    after: ReadonlySet<ProxyPort>,
): { before: ProxyPort[]; after: ProxyPort[] } {
    const gone = Array.from(before).filter((port) => !after.has(port));
    const come = Array.from(after).filter((port) => !before.has(port));
    return { before: gone, after: come };
}

/** Reads what `conntrack -L -p udp` prints, a line for each flow. */
export function parseFlows(text: string): UdpFlow[] {
    return text.split("\n").flatMap((line) => {
        const values = Array.from(line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g), (match) => match[2] ?? "");
        if (!line.startsWith("udp") || values.length !== 8) {
            return [];
        }
        const [source = "", destination = "", sourcePort, destinationPort, server = "", , serverPort] = values;
        return [
            {
                source,
                sourcePort: Number(sourcePort),
                destination,
                destinationPort: Number(destinationPort),
                server,
                serverPort: Number(serverPort),
            },
        ];
    });
}

function addReaches(reaches: Map<string, Reach>, port: ProxyPort, isAfter: boolean): void {
    for (const { frontend, backends } of routesOf(port)) {
        const key = `${frontend.address ?? "node"} ${String(frontend.port)}`;
        const reach = reaches.get(key) ?? { serving: new Set(), served: new Set(), isServed: false };
        reaches.set(key, reach);
        for (const endpoint of backends.endpoints) {
            (isAfter ? reach.serving : reach.served).add(endpointText(endpoint));
        }
        reach.isServed ||= isAfter;
    }
}
