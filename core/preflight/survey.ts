/** What a look at the cluster came to. */
export type Reading<T> =
    | { readonly state: "read"; readonly value: T }
    /** The cluster does not know the kind. */
    | { readonly state: "unserved" }
    /** The user may not read it; why, as a sentence. */
    | { readonly state: "forbidden"; readonly sentence: string };

/** The KubeVirt object, as far as NIC changes depend on it. */
export interface KubeVirtSurvey {
    /** `namespace/name`. */
    readonly name: string;
    /** `v1.6.0`; undefined before KubeVirt's operator has written it. */
    readonly version?: string;
    /** `Deployed`, when it is. */
    readonly phase?: string;
    readonly workloadUpdateMethods: readonly string[];
    readonly vmRolloutStrategy?: string;
    readonly featureGates: readonly string[];
    readonly disabledFeatureGates: readonly string[];
}

/** A NetworkAttachmentDefinition, as far as nodes have to provide for it. */
export interface NadSurvey {
    /** `namespace/name`. */
    readonly name: string;
    /** Its annotation `k8s.v1.cni.cncf.io/resourceName`. */
    readonly resourceName?: string;
    /** The CNI configuration, as text. */
    readonly config?: string;
}

/** A DaemonSet. */
export interface WorkloadSurvey {
    /** `DaemonSet kube-system/dynamic-networks-controller-ds`. */
    readonly name: string;
    readonly desired: number;
    readonly ready: number;
}

export interface NodeSurvey {
    readonly name: string;
    /** Ready, not cordoned, and KubeVirt places VMs on it. */
    readonly schedulable: boolean;
    /** `status.allocatable`: counts by resource. */
    readonly allocatable: Readonly<Record<string, string>>;
}

/** The interfaces that nmstate sees on a node, by name. */
export interface NodeInterfaces {
    readonly node: string;
    /** Kinds by name, as nmstate has them: `linux-bridge`, `ovs-bridge`, `ethernet` ... */
    readonly interfaces: Readonly<Record<string, string>>;
}

/** What the SR-IOV operator says of a node. */
export interface SriovNodeSurvey {
    readonly node: string;
    /** `Succeeded`, `InProgress` or `Failed`. */
    readonly syncStatus: string;
    readonly error?: string;
}

/** A kind that the project brings along, and whether the cluster knows it. */
export interface KindSurvey {
    /** `ippools.vm.novasphere.dev`. */
    readonly name: string;
    readonly served: boolean;
}

/** What the kubeconfig's user may do to a kind. */
export interface PermissionSurvey {
    /** `virtualmachines.kubevirt.io`. */
    readonly kind: string;
    /** Undefined for the whole cluster. */
    readonly namespace?: string;
    readonly verbs: readonly string[];
    /** Those of `verbs` that the user may not. */
    readonly denied: readonly string[];
    /** What goes without; undefined where an update cannot do without. */
    readonly without?: string;
}

/** All that is read of a cluster for a preflight. */
export interface ClusterSurvey {
    /** Undefined value: the kind is there, and no object of it. */
    readonly kubevirt: Reading<KubeVirtSurvey | undefined>;
    readonly nads: Reading<readonly NadSurvey[]>;
    /** Workloads that are the dynamic-networks controller. */
    readonly dynamicNetworks: Reading<readonly WorkloadSurvey[]>;
    readonly nodes: Reading<readonly NodeSurvey[]>;
    readonly nodeInterfaces: Reading<readonly NodeInterfaces[]>;
    readonly sriovNodes: Reading<readonly SriovNodeSurvey[]>;
    readonly kinds: readonly KindSurvey[];
    readonly permissions: readonly PermissionSurvey[];
}

/** The value of what could be read. */
export function valueOf<T>(reading: Reading<T>): T | undefined {
    return reading.state === "read" ? reading.value : undefined;
}

/** Nodes that VMs can be placed on; undefined where nodes could not be read. */
export function schedulableNodes({ nodes }: Pick<ClusterSurvey, "nodes">): readonly NodeSurvey[] | undefined {
    return valueOf(nodes)?.filter(({ schedulable }) => schedulable);
}
