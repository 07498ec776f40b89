import { Route } from "./ip-config";

/** A NIC as the guest is to configure it. */
export interface GuestNic {
    readonly name: string;
    /** Canonical, lower case: the guest finds the NIC by it. */
    readonly macAddress: string;
    /** `none`: link only. A masquerade pod NIC is `dhcp`. */
    readonly mode: "dhcp" | "static" | "none";
    /** With prefix: `10.0.0.5/24`. */
    readonly addresses?: readonly string[];
    readonly gateway?: string;
    readonly dnsServers?: readonly string[];
    readonly searchDomains?: readonly string[];
    readonly routes?: readonly Route[];
    readonly mtu?: number;
    readonly primary?: boolean;
    /** The guest's default route leads through this NIC. */
    readonly isDefaultRoute?: boolean;
    /** Do not hold up the boot for it. @default true for all but the primary NIC */
    readonly optional?: boolean;
}

/**
 * The NIC that gets the default route: the one that says so, else the primary when it has a gateway or DHCP, else the
 * first with a gateway, else the first with DHCP.
 */
export function defaultRouteNic(nics: readonly GuestNic[]): GuestNic | undefined {
    void nics;
    throw new Error("not implemented");
}

/**
 * cloud-init network configuration, version 2, of a guest with these NICs, in the subset that netplan,
 * systemd-networkd, NetworkManager and sysconfig guests all understand.
 */
export function guestNetworkConfig(nics: readonly GuestNic[]): string {
    void nics;
    throw new Error("not implemented");
}
