import { LinkState, NicSpec } from "./nic";

/** What a change costs the VM. */
export type Impact = "none" | "boot" | "live" | "live-migration" | "restart" | "first-boot-only" | "refused";

/** A change to one NIC. */
export type NicChange =
    | { readonly kind: "attach" | "detach"; readonly nic: NicSpec }
    | { readonly kind: "link"; readonly nic: NicSpec; readonly to: LinkState }
    | { readonly kind: "nad" | "mac" | "model" | "binding"; readonly nic: NicSpec; readonly from: string; readonly to: string }
    /** Address, gateway or another guest setting of the NIC. */
    | { readonly kind: "address"; readonly nic: NicSpec };

/** What is known about the VM and its cluster; undefined means not checked, and the reason then says so. */
export interface ImpactFacts {
    readonly vm: "absent" | "stopped" | "starting" | "running";
    /** The NIC is the VM's primary one. */
    readonly isPrimary: boolean;
    /** `1.6.0` or `v1.6.0`. */
    readonly kubevirtVersion?: string;
    /** `spec.workloadUpdateStrategy.workloadUpdateMethods` of the KubeVirt object. */
    readonly workloadUpdateMethods?: readonly string[];
    /** The instance's condition LiveMigratable. */
    readonly liveMigratable?: { readonly status: boolean; readonly reason?: string; readonly message?: string };
    /** Whether multus-dynamic-networks-controller runs in the cluster. */
    readonly dynamicNetworksController?: boolean;
    /** Whether the launcher pod's secondary NICs have hashed names (`pod<hash>`), not `net1`, ... */
    readonly podUsesHashedNames?: boolean;
    readonly freeHotplugPorts?: number;
    readonly migrationInFlight?: boolean;
}

export interface ImpactVerdict {
    readonly impact: Impact;
    /** A clause saying why, and what was not checked. */
    readonly reason: string;
}

/** What a change will cost, by KubeVirt's rules. */
export function classifyChange(change: NicChange, facts: ImpactFacts): ImpactVerdict {
    void change;
    void facts;
    throw new Error("not implemented");
}

/** The heaviest of several impacts; `none` for none. */
export function heaviest(impacts: readonly Impact[]): Impact {
    void impacts;
    throw new Error("not implemented");
}
