import {
    broadcastAddress,
    contains,
    type InterfaceAddress,
    networkAddress,
    parseAddress,
    parseInterfaceAddress,
    parseSubnet,
} from "./ip";
import { isDomain } from "./pool-spec";
import { type Place, type Problem } from "./problem";

/** A static route of a guest. */
export interface Route {
    /** Destination network in CIDR notation, not the default route. */
    readonly to: string;
    /** Next hop, inside the NIC's subnet. */
    readonly via: string;
    /** Lower wins. */
    readonly metric?: number;
}

/** How the guest gets the address of a NIC. */
export interface IpConfig {
    readonly mode: "static" | "dhcp";
    /** `10.0.0.5/24`; with `ipPool` the prefix may be left out, and so may the address. */
    readonly address?: string;
    readonly gateway?: string;
    readonly dnsServers?: readonly string[];
    readonly searchDomains?: readonly string[];
    /** Name of the pool the address is taken from. */
    readonly ipPool?: string;
    /** How many further addresses are asked for. @default 0 */
    readonly secondaryAddresses?: number;
    /** The addresses stay the NIC's when it is gone. @default false */
    readonly reserved?: boolean;
    readonly routes?: readonly Route[];
    /** The guest's default route leads through this NIC. @default the primary NIC's, else the first gateway's */
    readonly defaultRoute?: boolean;
}

/** The one IPv6 address KubeVirt's masquerade binding knows its guest by (`vmIPv6NetworkCIDR` fd10:0:2::/120). */
const MASQUERADE_IPV6 = "fd10:0:2::2/120";

/** Everything wrong with the address settings of one NIC that can be seen without the pool and the cluster. */
export function validateIpConfig(vm: string, nic: string, type: string, config: IpConfig): Problem[] {
    const at = (field: string): Place => ({ vm, nic, field: `ipConfig.${field}` });
    const mode: string = config.mode;
    if (mode !== "static" && mode !== "dhcp") {
        return [{ ...at("mode"), value: mode, rule: "it is neither static nor dhcp", remedy: "choose one of the two" }];
    }
    const problems = type === "pod" ? podProblems(config, at) : [];
    if (problems.length > 0) {
        return problems;
    }
    const own = readAddress(config, at, problems);
    problems.push(...needlessOptions(type, config, at));
    checkGateway(config, own, at, problems);
    for (const [index, server] of (config.dnsServers ?? []).entries()) {
        const parsedServer = parseAddress(server);
        if (!parsedServer.ok) {
            const { rule, remedy } = parsedServer;
            problems.push({ ...at(`dnsServers[${String(index)}]`), value: server, rule, remedy });
        }
    }
    for (const [index, domain] of (config.searchDomains ?? []).entries()) {
        if (!isDomain(domain)) {
            const remedy = "write it as corp.example";
            problems.push({
                ...at(`searchDomains[${String(index)}]`),
                value: domain,
                rule: "it is not a domain name",
                remedy,
            });
        }
    }
    for (const [index, route] of (config.routes ?? []).entries()) {
        checkRoute(route, own, (field) => at(`routes[${String(index)}].${field}`), problems);
    }
    return problems;
}

/** Addresses that are not ours to give out can neither be more nor be kept. */
function needlessOptions(type: string, config: IpConfig, at: (field: string) => Place): Problem[] {
    if (type !== "pod" && config.mode === "static") {
        return [];
    }
    const rule =
        type === "pod" ? "a pod NIC has its address from the cluster" : "with mode dhcp the DHCP server gives them";
    const fields = [
        ...((config.secondaryAddresses ?? 0) > 0 ? ["secondaryAddresses"] : []),
        ...(config.reserved === true ? ["reserved"] : []),
    ];
    return fields.map((field) => ({
        ...at(field),
        rule,
        remedy: "choose mode static on a bridge NIC, or leave it out",
    }));
}

function podProblems(config: IpConfig, at: (field: string) => Place): Problem[] {
    const value = config.address;
    if (config.ipPool !== undefined) {
        return [
            {
                ...at("ipPool"),
                value: config.ipPool,
                rule: "a pod NIC (masquerade binding) gets its address from the cluster's pod network, not from a pool",
                remedy: "leave ipConfig out, or use a NIC of type bridge",
            },
        ];
    }
    if (config.mode === "dhcp" || value === MASQUERADE_IPV6) {
        return [];
    }
    return [
        {
            ...at(value === undefined ? "mode" : "address"),
            value: value ?? config.mode,
            rule:
                "the guest of a pod NIC (masquerade binding) must take 10.0.2.2/24 by DHCP" +
                ` and may only add ${MASQUERADE_IPV6}; KubeVirt forwards to no other address`,
            remedy: "leave ipConfig out, or use a NIC of type bridge",
        },
    ];
}

function readAddress(
    config: IpConfig,
    at: (field: string) => Place,
    problems: Problem[],
): InterfaceAddress | undefined {
    const { address, ipPool, mode } = config;
    if (mode === "dhcp") {
        if (address !== undefined && ipPool === undefined) {
            problems.push({
                ...at("address"),
                value: address,
                rule: "mode dhcp takes the address from a DHCP server",
                remedy: "choose mode static, or leave address out",
            });
        }
        return undefined;
    }
    if (address === undefined) {
        if (ipPool === undefined) {
            problems.push({
                ...at("address"),
                rule: "mode static needs an address or a pool",
                remedy: "write address as 10.0.0.5/24, or name an ipPool",
            });
        }
        return undefined;
    }
    if (ipPool !== undefined && !address.includes("/")) {
        const alone = parseAddress(address);
        if (!alone.ok) {
            problems.push({ ...at("address"), value: address, rule: alone.rule, remedy: alone.remedy });
        }
        return undefined;
    }
    const result = parseInterfaceAddress(address);
    if (!result.ok) {
        problems.push({ ...at("address"), value: address, rule: result.rule, remedy: result.remedy });
        return undefined;
    }
    const { subnet, address: host } = result.value;
    const special =
        networkAddress(subnet)?.value === host.value
            ? "network"
            : broadcastAddress(subnet)?.value === host.value
              ? "broadcast"
              : undefined;
    if (special !== undefined) {
        problems.push({
            ...at("address"),
            value: address,
            rule: `it is the ${special} address of ${subnet.text}`,
            remedy: `choose a host address of ${subnet.text}`,
        });
    }
    return result.value;
}

function checkGateway(
    config: IpConfig,
    own: InterfaceAddress | undefined,
    at: (field: string) => Place,
    problems: Problem[],
): void {
    const { gateway } = config;
    if (gateway === undefined) {
        return;
    }
    const result = parseAddress(gateway);
    const rule = !result.ok
        ? result.rule
        : config.mode === "dhcp"
          ? "with mode dhcp the gateway comes from the DHCP server"
          : own === undefined
            ? undefined
            : own.address.value === result.value.value && own.address.family === result.value.family
              ? "it is the NIC's own address"
              : !contains(own.subnet, result.value)
                ? `it is outside ${own.subnet.text}, so the guest cannot reach it`
                : networkAddress(own.subnet)?.value === result.value.value
                  ? `it is the network address of ${own.subnet.text}`
                  : broadcastAddress(own.subnet)?.value === result.value.value
                    ? `it is the broadcast address of ${own.subnet.text}`
                    : undefined;
    if (rule !== undefined) {
        const remedy = !result.ok
            ? result.remedy
            : config.mode === "dhcp"
              ? "leave gateway out"
              : `name another host of ${own?.subnet.text ?? "the subnet"}`;
        problems.push({ ...at("gateway"), value: gateway, rule, remedy });
    }
}

function checkRoute(
    route: Route,
    own: InterfaceAddress | undefined,
    at: (field: string) => Place,
    problems: Problem[],
): void {
    const to = parseSubnet(route.to);
    const via = parseAddress(route.via);
    if (route.to === "default" || (to.ok && to.value.prefixLength === 0)) {
        problems.push({
            ...at("to"),
            value: route.to,
            rule: "it is the default route, of which a guest has one",
            remedy: "set gateway, and defaultRoute: true on the NIC that is to carry it",
        });
    } else if (!to.ok) {
        problems.push({ ...at("to"), value: route.to, rule: to.rule, remedy: to.remedy });
    }
    if (!via.ok) {
        problems.push({ ...at("via"), value: route.via, rule: via.rule, remedy: via.remedy });
    } else if (own !== undefined && !contains(own.subnet, via.value)) {
        problems.push({
            ...at("via"),
            value: route.via,
            rule: `the next hop is outside the NIC's subnet ${own.subnet.text}`,
            remedy: `name a router in ${own.subnet.text}`,
        });
    } else if (to.ok && to.value.family !== via.value.family) {
        problems.push({
            ...at("via"),
            value: route.via,
            rule: `the next hop is of another family than ${route.to}`,
            remedy: "name a router of the destination's family",
        });
    }
    if (
        route.metric !== undefined &&
        !(Number.isInteger(route.metric) && route.metric >= 0 && route.metric < 2 ** 32)
    ) {
        const remedy = "leave it out for the default";
        problems.push({ ...at("metric"), value: route.metric, rule: "a metric is a whole number from 0", remedy });
    }
}
