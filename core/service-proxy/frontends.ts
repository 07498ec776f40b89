import { hash } from "node:crypto";
import { contains, type Family, parseSubnet, type Subnet } from "../ip";
import { type Backends, portKey, type ProxyEndpoint, type ProxyPort } from "./model";

/** Where connections to a port of a Service arrive. */
export interface Frontend {
    /** Absent where it is each address of the node, loopback apart. */
    readonly address?: string;
    readonly port: number;
    /** Connections to `external` ones have come from outside, unless the node itself opened them. */
    readonly scope: "internal" | "external";
}

/** Who goes where: the node itself is not outside, which counts for ports of `externalLocal`. */
export interface Route {
    readonly frontend: Frontend;
    readonly from: "anybody" | "outside" | "node";
    readonly backends: Backends;
    /** Whether all connections get the node's address as their source, or those of clients in the port's subnets. */
    readonly masquerade: ProxyPort["masquerade"];
}

/** The places where a port is reached, each once. */
export function frontendsOf(port: ProxyPort): Frontend[] {
    const addresses = new Set(port.externalIPs);
    addresses.delete(port.clusterIP);
    const nodePorts = new Set([port.nodePort, port.hostPort].filter((each) => each !== undefined));
    return [
        ...(port.clusterIP === "" ? [] : [{ address: port.clusterIP, port: port.port, scope: "internal" as const }]),
        ...Array.from(addresses, (address) => ({ address, port: port.port, scope: "external" as const })),
        ...Array.from(nodePorts, (each) => ({ port: each, scope: "external" as const })),
    ];
}

/** What becomes of the connections to a port. */
export function routesOf(port: ProxyPort): Route[] {
    return frontendsOf(port).flatMap((frontend): Route[] => {
        if (frontend.scope === "internal") {
            return [{ frontend, from: "anybody", backends: port.internal, masquerade: port.masquerade }];
        }
        if (!port.externalLocal) {
            return [{ frontend, from: "anybody", backends: port.external, masquerade: port.masquerade }];
        }
        // The node has no other address to keep than its own, by which its VMs answer it in any case.
        return [
            { frontend, from: "outside", backends: port.external, masquerade: "SameSubnet" },
            { frontend, from: "node", backends: port.internal, masquerade: "Always" },
        ];
    });
}

/** The CIDRs of one family without those that lie in another of them: sets of the kernel refuse overlapping ones. */
export function disjoint(cidrs: readonly string[], family: Family): string[] {
    const subnets = [...new Set(cidrs)].flatMap((cidr) => {
        const parsed = parseSubnet(cidr);
        return parsed.ok && parsed.value.family === family ? [parsed.value] : [];
    });
    const isInner = (subnet: Subnet): boolean =>
        subnets.some((other) => other.prefixLength < subnet.prefixLength && contains(other, subnet));
    return subnets.flatMap((subnet) => (isInner(subnet) ? [] : [subnet.text])).sort();
}

/** Sixteen letters and digits that stand for a port in the name of a chain, as in kube-proxy's chains. */
export function hashOf(port: ProxyPort, endpoint?: ProxyEndpoint): string {
    return nameHash(endpoint === undefined ? portKey(port) : `${portKey(port)} ${endpointText(endpoint)}`);
}

/** Sixteen letters and digits that stand for a text: its SHA-256 in base32 (RFC 4648), as far as ten bytes go. */
export function nameHash(text: string): string {
    const bytes = hash("sha256", text, "buffer");
    let name = "";
    for (let bit = 0; bit < 80; bit += 5) {
        const two = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
        name += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(two >> (11 - (bit & 7))) & 31] ?? "";
    }
    return name;
}

/** `10.10.0.5:80` or `[2001:db8::5]:80`. */
export function endpointText({ address, port }: ProxyEndpoint): string {
    return address.includes(":") ? `[${address}]:${String(port)}` : `${address}:${String(port)}`;
}
