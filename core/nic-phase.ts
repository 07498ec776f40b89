import { InterfaceEntry, NetworkEntry, VmWithLists } from "./vm-networks";

/** Where a NIC stands between the declaration and the guest. */
export type NicPhase =
    /** In the VM, which is off: plugged at its next start. */
    | "staged"
    /** The VM is starting with it. */
    | "starting"
    /** In the VM, not yet in the running instance. */
    | "syncing"
    | "waiting-for-pod-nic"
    | "pending-migration"
    | "migrating"
    /** Needs a migration that cannot happen. */
    | "blocked"
    /** In the pod, not yet in the guest. */
    | "attaching"
    | "attached"
    /** Attached, and the guest agent reports it. */
    | "guest-visible"
    | "detaching"
    /** Out of the guest, still in the pod. */
    | "guest-detached"
    /** In none of VM, instance and its status. */
    | "gone"
    | "restart-required"
    /** Needs a restart, and KubeVirt does not say so. */
    | "restart-required-silent"
    | "failed-controller"
    | "failed-attach";

/** A condition of a KubeVirt object. */
export interface Condition {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
}

/** What is read of a VirtualMachine. */
export interface VmObject extends VmWithLists {
    readonly metadata?: { readonly name?: string; readonly namespace?: string };
    readonly status?: { readonly conditions?: readonly Condition[] };
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
    readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly deletionTimestamp?: string };
    readonly spec?: {
        readonly networks?: readonly NetworkEntry[];
        readonly domain?: { readonly devices?: { readonly interfaces?: readonly InterfaceEntry[] } };
    };
    readonly status?: {
        readonly phase?: string;
        readonly interfaces?: readonly InterfaceStatus[];
        readonly conditions?: readonly Condition[];
        readonly migrationState?: { readonly startTimestamp?: string; readonly endTimestamp?: string };
    };
}

/** What is read of a VirtualMachineInstanceMigration. */
export interface MigrationObject {
    readonly spec?: { readonly vmiName?: string };
    readonly status?: { readonly phase?: string };
}

/** An entry of the launcher pod's `k8s.v1.cni.cncf.io/network-status` annotation. */
export interface PodNetworkStatus {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    readonly name?: string;
    readonly interface?: string;
}

export interface PhaseFacts {
    /** Undefined when it does not exist. */
    readonly vm: VmObject | undefined;
    readonly vmi?: VmiObject;
    /** Of the pod the instance runs in now; without it a changed network is taken for done once KubeVirt took it over. */
    readonly launcherPodInfo?: { readonly networkStatus: readonly PodNetworkStatus[] };
    readonly migrations?: readonly MigrationObject[];
    /** `spec.workloadUpdateStrategy.workloadUpdateMethods` of the KubeVirt object; undefined when it was not read. */
    readonly workloadUpdateMethods?: readonly string[];
    /** Text of the last Warning event `NicHotplug` of the instance. */
    readonly hotplugEvent?: string;
    /** The caller's patience is over: an attach that reports errors counts as failed. */
    readonly pastDeadline?: boolean;
}

export interface PhaseVerdict {
    readonly phase: NicPhase;
    /** A sentence for the user with what was seen. */
    readonly message: string;
}

/** Where NIC `name` stands, from what the API shows. */
export function nicPhase(name: string, facts: PhaseFacts): PhaseVerdict {
    void name;
    void facts;
    throw new Error("not implemented");
}
