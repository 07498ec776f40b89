import { stringify } from "yaml";
import { parseAddress } from "./ip";
import { type Route } from "./ip-config";
import { primaryOf } from "./primary";

/** A NIC as the guest is to configure it. */
export interface GuestNic {
    readonly name: string;
    /** The guest finds the NIC by it. */
    readonly macAddress: string;
    /** `none`: link only. A masquerade pod NIC is `dhcp`. */
    readonly mode: "dhcp" | "static" | "none";
    /** With prefix: `10.0.0.5/24`. */
    readonly addresses?: readonly string[];
    /** At most one of each family. */
    readonly gateways?: readonly string[];
    readonly dnsServers?: readonly string[];
    readonly searchDomains?: readonly string[];
    /** Without default routes. */
    readonly routes?: readonly Route[];
    readonly mtu?: number;
    readonly primary?: boolean;
    /** The guest's default route leads through this NIC. */
    readonly isDefaultRoute?: boolean;
    /** Do not hold up the boot for it. @default true for all but the primary NIC */
    readonly optional?: boolean;
}

/** One entry of `ethernets` in cloud-init's network configuration, version 2. */
interface Ethernet {
    match: { macaddress: string };
    "set-name"?: string;
    mtu?: number;
    dhcp4: boolean;
    "dhcp4-overrides"?: { "use-routes": boolean; "use-dns": boolean };
    addresses?: string[];
    nameservers?: { addresses?: string[]; search?: string[] };
    routes?: { to: string; via: string; metric?: number }[];
    optional?: boolean;
}

/**
 * The NIC that gets the default route: the one that says so, else the primary when it has a gateway or DHCP (whose
 * server names one), else the first by name with a gateway, else the first by name with DHCP: the order in which NICs are
 * declared decides nothing but which of them is primary.
 */
export function defaultRouteNic<T extends Pick<GuestNic, "name" | "mode" | "gateways" | "primary" | "isDefaultRoute">>(
    nics: readonly T[],
): T | undefined {
    const primary = primaryOf(nics);
    const hasGateway = (nic: T): boolean => nic.mode === "static" && !isEmpty(nic.gateways);
    return (
        nics.find((nic) => nic.isDefaultRoute === true) ??
        (primary !== undefined && (hasGateway(primary) || primary.mode === "dhcp") ? primary : undefined) ??
        byName(nics).find(hasGateway) ??
        byName(nics).find((nic) => nic.mode === "dhcp")
    );
}

/**
 * cloud-init network configuration, version 2, of a guest with these NICs. It keeps to what netplan, systemd-networkd,
 * NetworkManager and sysconfig guests all read alike: NICs matched by MAC, routes with a numeric destination (`to:
 * default` crashes cloud-init 22's other renderers, `gateway4` is deprecated), one default route. The IPv6 default route
 * needs netplan in the guest or a later cloud-init: 22.4's other renderers write `::/64` for `::/0`.
 */
export function guestNetworkConfig(nics: readonly GuestNic[]): string {
    const primary = primaryOf(nics);
    const carrier = defaultRouteNic(nics);
    const ethernets = Object.fromEntries(
        byName(nics).map((nic) => [nic.name, ethernetOf(nic, nic === carrier, nic.optional ?? nic !== primary)]),
    );
    return toYaml({ version: 2, ethernets });
}

function byName<T extends { readonly name: string }>(nics: readonly T[]): T[] {
    return nics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** True for a name that a guest can give a NIC: the kernel's 15 characters, and not one with another meaning. */
export function isGuestDeviceName(name: string): boolean {
    return /^[a-z0-9][a-z0-9-]{0,14}$/.test(name) && !/^[0-9]+$/.test(name) && !["lo", "all", "default"].includes(name);
}

function ethernetOf(nic: GuestNic, isCarrier: boolean, optional: boolean): Ethernet {
    const dhcp = nic.mode === "dhcp";
    const nameservers = {
        ...(isEmpty(nic.dnsServers) ? {} : { addresses: [...(nic.dnsServers ?? [])] }),
        ...(isEmpty(nic.searchDomains) ? {} : { search: [...(nic.searchDomains ?? [])] }),
    };
    const routes = nic.mode === "none" ? [] : routesOf(nic, isCarrier);
    return {
        match: { macaddress: nic.macAddress.toLowerCase() },
        ...(isGuestDeviceName(nic.name) ? { "set-name": nic.name } : {}),
        ...(nic.mtu === undefined ? {} : { mtu: nic.mtu }),
        dhcp4: dhcp,
        ...(dhcp && !isCarrier ? { "dhcp4-overrides": { "use-routes": false, "use-dns": false } } : {}),
        ...(nic.mode === "none" || isEmpty(nic.addresses) ? {} : { addresses: [...(nic.addresses ?? [])] }),
        ...(nic.mode === "none" || Object.keys(nameservers).length === 0 ? {} : { nameservers }),
        ...(routes.length === 0 ? {} : { routes }),
        ...(optional ? { optional: true } : {}),
    };
}

function routesOf(nic: GuestNic, isCarrier: boolean): { to: string; via: string; metric?: number }[] {
    const routes = (nic.routes ?? []).map(({ to, via, metric }) => ({
        to,
        via,
        ...(metric === undefined ? {} : { metric }),
    }));
    if (!isCarrier || nic.mode !== "static") {
        return routes;
    }
    const defaults = (nic.gateways ?? []).map((via) => {
        const gateway = parseAddress(via);
        return { to: gateway.ok && gateway.value.family === 6 ? "::/0" : "0.0.0.0/0", via };
    });
    return [...defaults, ...routes];
}

function isEmpty(list: readonly string[] | undefined): boolean {
    return list === undefined || list.length === 0;
}

/**
 * Every string value is quoted: guests read it with YAML 1.1, for which `52:54:00:12:34:56` is a number and `no` false.
 * Keys are quoted where YAML 1.1 asks for it.
 */
function toYaml(config: object): string {
    return stringify(config, {
        version: "1.1",
        defaultStringType: "QUOTE_DOUBLE",
        defaultKeyType: "PLAIN",
        lineWidth: 0,
    });
}
