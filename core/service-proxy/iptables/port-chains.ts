import { type Family, parseSubnet, contains, readAddress } from "../../ip";
import { disjoint, endpointText, type Frontend, frontendsOf, hashOf } from "../frontends";
import type { Backends, ProxyEndpoint, ProxyPort } from "../model";

/** The tables in which the node agent has chains. */
export type Table = "nat" | "filter";

/** A chain's name behind the prefix, and its rules as iptables-restore takes them behind `-A <chain>`. */
export type Chains = ReadonlyMap<string, readonly string[]>;

/** What a port adds: chains of its own, and rules of chains that it shares with all. */
export interface PortChains {
    /** In the table nat. */
    readonly own: Chains;
    /** In the order in which packets meet them. */
    readonly shared: Readonly<Record<SharedChain, readonly string[]>>;
}

/** The chains that have a part of each port: which addresses, which ports of the node, who is refused. */
export type SharedChain = "SERVICES" | "NODEPORTS" | "REFUSED" | "CLUSTER-IPS" | "INVALID";

/** All that is not loopback, and the node's. */
export function isNode(family: Family): string {
    return `-m addrtype --dst-type LOCAL ! -d ${family === 4 ? "127.0.0.0/8" : "::1/128"}`;
}

const IS_FROM_NODE = "-m addrtype --src-type LOCAL";

/**
 * The chains of a port: SERVICES or NODEPORTS -> SVC (cluster IP) or EXT (from outside, behind FW where not everybody may come)
 * -> SEP of one endpoint -> DNAT, as kube-proxy's.
 * @param prefix what all chains' names begin with
 */
export function chainsOf(port: ProxyPort, prefix: string): PortChains {
    const own = new Map<string, string[]>();
    const hash = hashOf(port);
    const jump = (kind: string): string => `-j ${prefix}-${kind}-${hash}`;
    const frontends = frontendsOf(port);
    const isOutside = frontends.some(({ scope }) => scope === "external");
    // A chain comes after those that it jumps to.
    const separate = new Map<ProxyEndpoint, string>();
    for (const endpoint of [...port.internal.endpoints, ...(isOutside ? port.external.endpoints : [])]) {
        const name = `SEP-${hashOf(port, endpoint)}`;
        separate.set(endpoint, `${prefix}-${name}`);
        own.set(name, endpointRules(port, endpoint, `${prefix}-${name}`, prefix));
    }
    if (port.internal.endpoints.length > 0) {
        const rules = choice(port, port.internal.endpoints, separate);
        own.set(`SVC-${hash}`, [...masquerade(port, port.masquerade, prefix), ...rules]);
    }
    const isSplit = port.externalLocal || endpointList(port.external) !== endpointList(port.internal);
    if (isOutside && isSplit && port.external.endpoints.length > 0) {
        own.set(`SVL-${hash}`, choice(port, port.external.endpoints, separate));
    }
    const external = isOutside ? externalRules(port, prefix, isSplit) : [];
    if (external.length > 0) {
        own.set(`EXT-${hash}`, external);
    }
    const ranges = port.sourceRanges && disjoint(port.sourceRanges, port.family);
    if (external.length > 0 && ranges !== undefined) {
        own.set(`FW-${hash}`, [
            `${IS_FROM_NODE} ${jump("EXT")}`,
            ...ranges.map((range) => `-s ${range} ${jump("EXT")}`),
        ]);
    }
    const services: string[] = [];
    const nodePorts: string[] = [];
    for (const frontend of frontends) {
        const target = frontend.scope === "internal" ? "SVC" : ranges === undefined ? "EXT" : "FW";
        if (own.has(`${target}-${hash}`)) {
            const comment = `-m comment --comment "${commentOf(port, frontend)}"`;
            (frontend.address === undefined ? nodePorts : services).push(
                `${match(port, frontend)} ${comment} ${jump(target)}`,
            );
        }
    }
    const shared = {
        SERVICES: services,
        NODEPORTS: nodePorts,
        REFUSED: frontends.flatMap((frontend) => refusals(port, frontend, prefix)),
        "CLUSTER-IPS": port.clusterIP === "" ? [] : [`-d ${host(port.clusterIP)} -j ${prefix}-REJECT`],
        INVALID: port.protocol === "TCP" ? sources(port).map((source) => `-s ${source} -j DROP`) : [],
    };
    return { own, shared };
}

/** What becomes of those from outside. */
function externalRules(port: ProxyPort, prefix: string, isSplit: boolean): string[] {
    const hash = hashOf(port);
    const [internal, external] = [port.internal.endpoints.length > 0, port.external.endpoints.length > 0];
    if (!isSplit) {
        return internal ? [`-j ${prefix}-SVC-${hash}`] : [];
    }
    if (!(port.externalLocal && internal) && !external) {
        return [];
    }
    return [
        ...(port.externalLocal
            ? [
                  `${IS_FROM_NODE} -j ${prefix}-MARK-MASQ`,
                  `${IS_FROM_NODE} -j ${internal ? `${prefix}-SVC-${hash}` : "RETURN"}`,
              ]
            : []),
        ...(external
            ? [
                  ...masquerade(port, port.externalLocal ? "SameSubnet" : port.masquerade, prefix),
                  `-j ${prefix}-SVL-${hash}`,
              ]
            : []),
    ];
}

function masquerade(port: ProxyPort, which: ProxyPort["masquerade"], prefix: string): string[] {
    const mark = `-j ${prefix}-MARK-MASQ`;
    return which === "Always" ? [mark] : disjoint(port.subnets, port.family).map((subnet) => `-s ${subnet} ${mark}`);
}

/** Gives each endpoint its share: 1/n of what comes to the first, 1/(n-1) of what is left to the next. */
function choice(
    port: ProxyPort,
    endpoints: readonly ProxyEndpoint[],
    separate: ReadonlyMap<ProxyEndpoint, string>,
): string[] {
    const chains = endpoints.map((endpoint) => separate.get(endpoint) ?? "");
    const sticky = port.affinitySeconds === undefined ? [] : chains.map((chain) => `${known(port, chain)} -j ${chain}`);
    const shares = chains.map((chain, index) => {
        const left = chains.length - index;
        const share =
            port.scheduler === "RoundRobin"
                ? `-m statistic --mode nth --every ${String(left)} --packet 0`
                : `-m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
        return left === 1 ? `-j ${chain}` : `${share} -j ${chain}`;
    });
    return [...sticky, ...shares];
}

/** Matches clients that were given the endpoint of a chain within the time of the affinity. */
function known(port: ProxyPort, chain: string): string {
    return `-m recent --name ${chain} --rcheck --seconds ${String(port.affinitySeconds)} --reap --rsource`;
}

function endpointRules(port: ProxyPort, endpoint: ProxyEndpoint, name: string, prefix: string): string[] {
    const protocol = port.protocol.toLowerCase();
    const remember = port.affinitySeconds === undefined ? "" : `-m recent --name ${name} --set --rsource `;
    return [
        `-s ${host(endpoint.address)} -j ${prefix}-MARK-MASQ`,
        `${remember}-p ${protocol} -m ${protocol} -j DNAT --to-destination ${endpointText(endpoint)}`,
    ];
}

/** What becomes of connections that were given no endpoint, by frontend: the first rule that matches counts. */
function refusals(port: ProxyPort, frontend: Frontend, prefix: string): string[] {
    const at = match(port, frontend);
    const where = frontend.address === undefined ? `${isNode(port.family)} ${at}` : at;
    const verdict = ({ endpoints, whenEmpty }: Backends): string | undefined =>
        endpoints.length > 0 ? undefined : whenEmpty === "drop" ? "-j DROP" : `-j ${prefix}-REJECT`;
    if (frontend.scope === "internal") {
        const internal = verdict(port.internal);
        return internal === undefined ? [] : [`${where} ${internal}`];
    }
    const [node, outside] = [port.externalLocal ? verdict(port.internal) : undefined, verdict(port.external)];
    return [
        ...(node === undefined ? [] : [`${where} ${IS_FROM_NODE} ${node}`]),
        ...(outside !== undefined
            ? [`${where} ${outside}`]
            : port.sourceRanges === undefined
              ? []
              : [`${where} -j DROP`]),
    ];
}

function match(port: ProxyPort, { address, port: number }: Frontend): string {
    const protocol = port.protocol.toLowerCase();
    const at = `-p ${protocol} -m ${protocol} --dport ${String(number)}`;
    return address === undefined ? at : `-d ${host(address)} ${at}`;
}

function commentOf(port: ProxyPort, { address, scope }: Frontend): string {
    const name = `${port.service}${port.name === "" ? "" : `:${port.name}`}`;
    return `${name} ${scope === "internal" ? "cluster IP" : address === undefined ? "node port" : "external IP"}`;
}

/** Where answers of a port's endpoints come from: its subnets, and endpoints outside of them. */
function sources(port: ProxyPort): string[] {
    const subnets = disjoint(port.subnets, port.family);
    const ranges = subnets.flatMap((subnet) => {
        const parsed = parseSubnet(subnet);
        return parsed.ok ? [parsed.value] : [];
    });
    const others = [...port.internal.endpoints, ...port.external.endpoints].flatMap(({ address }) => {
        const value = readAddress(address);
        return value === undefined || ranges.some((range) => contains(range, value)) ? [] : [host(address)];
    });
    return [...new Set([...subnets, ...others])];
}

function endpointList({ endpoints }: Backends): string {
    return endpoints.map(endpointText).join(" ");
}

function host(address: string): string {
    return address.includes(":") ? `${address}/128` : `${address}/32`;
}
