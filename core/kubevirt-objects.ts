import { type InterfaceEntry, type NetworkEntry, type VmWithLists } from "./vm-networks";

/** A condition of a KubeVirt object. */
export interface Condition {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
    /** In RFC 3339; KubeVirt leaves it out of some. */
    readonly lastTransitionTime?: string | null;
}

/** What is read of a VirtualMachine. */
export interface VmObject extends VmWithLists {
    readonly metadata?: { readonly name?: string; readonly namespace?: string };
    /** `printableStatus`: what kubectl prints of it, such as `Stopped` or `Starting`. */
    readonly status?: { readonly conditions?: readonly Condition[]; readonly printableStatus?: string };
}

/** An entry of `status.interfaces` of a VirtualMachineInstance. */
export interface InterfaceStatus {
    readonly name?: string;
    readonly mac?: string;
    readonly ipAddress?: string;
    readonly ipAddresses?: readonly string[];
    readonly interfaceName?: string;
    readonly podInterfaceName?: string;
    /** `domain`, `guest-agent` and `multus-status`, joined by `, `. */
    readonly infoSource?: string;
    readonly linkState?: string;
}

/** What is read of a VirtualMachineInstance. */
export interface VmiObject {
    readonly metadata?: {
        readonly name?: string;
        readonly namespace?: string;
        readonly uid?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly deletionTimestamp?: string;
    };
    readonly spec?: {
        readonly networks?: readonly NetworkEntry[];
        readonly domain?: { readonly devices?: { readonly interfaces?: readonly InterfaceEntry[] } };
    };
    readonly status?: {
        readonly phase?: string;
        readonly nodeName?: string;
        readonly interfaces?: readonly InterfaceStatus[];
        readonly conditions?: readonly Condition[];
        readonly migrationState?: { readonly startTimestamp?: string; readonly endTimestamp?: string };
    };
}

/** What is read of a VirtualMachineInstanceMigration. */
export interface MigrationObject {
    readonly metadata?: { readonly creationTimestamp?: string };
    readonly spec?: { readonly vmiName?: string };
    readonly status?: { readonly phase?: string };
}

/** An entry of the launcher pod's `k8s.v1.cni.cncf.io/network-status` annotation. */
export interface PodNetworkStatus {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    readonly name?: string;
    readonly interface?: string;
}

/** The condition of a type. */
export function condition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
    return conditions?.find((candidate) => candidate.type === type);
}
