import type { Family } from "../../ip";
import type { ProxyPort } from "../model";
import { servedPort } from "../served-port";

interface Listing {
    readonly nftables?: readonly { readonly map?: { readonly elem?: readonly [Concat, Concat][] } }[];
}
interface Concat {
    readonly concat?: readonly (string | number)[];
}

/**
 * The UDP ports that a table served, as far as it tells: where they were reached, and their endpoints.
 * @param json what `nft --json list map` prints of `endpoints` or `node-endpoints`; nothing where there is no table
 */
export function servedPorts(family: Family, json: string): ProxyPort[] {
    if (json === "") {
        return [];
    }
    const elements = (JSON.parse(json) as Listing).nftables?.flatMap(({ map }) => map?.elem ?? []) ?? [];
    const ports = new Map<string, ProxyPort>();
    for (const [key, value] of elements) {
        const parts = key.concat ?? [];
        const [protocol, port] = parts.slice(-3);
        const address = parts.length === 4 ? String(parts[0]) : undefined;
        if (protocol === "udp") {
            const id = `${address ?? "node"} ${String(port)}`;
            const endpoints = [...(ports.get(id)?.internal.endpoints ?? []), endpointOf(value)];
            ports.set(id, servedPort(family, address, Number(port), endpoints));
        }
    }
    return [...ports.values()];
}

function endpointOf({ concat: [address = "", port = 0] = [] }: Concat): { address: string; port: number } {
    return { address: String(address), port: Number(port) };
}
