import { Problem } from "./problem";

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
    readonly routes?: readonly Route[];
    /** The guest's default route leads through this NIC. @default the primary NIC's, else the first gateway's */
    readonly defaultRoute?: boolean;
}

/** Everything wrong with the address settings of one NIC that can be seen without the pool and the cluster. */
export function validateIpConfig(vm: string, nic: string, type: string, config: IpConfig): Problem[] {
    void vm;
    void nic;
    void type;
    void config;
    throw new Error("not implemented");
}
