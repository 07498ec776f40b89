/** A kind of object as the API server addresses it. */
export interface ResourceKind {
    readonly group: string;
    readonly version: string;
    /** With the subresource behind a slash, where it is one. */
    readonly plural: string;
    readonly kind: string;
    readonly namespaced: boolean;
}

export const VIRTUAL_MACHINE = kind("kubevirt.io", "v1", "virtualmachines", "VirtualMachine");
export const VIRTUAL_MACHINE_INSTANCE = kind("kubevirt.io", "v1", "virtualmachineinstances", "VirtualMachineInstance");
/** A request to it restarts the VM. */
export const VIRTUAL_MACHINE_RESTART = kind(
    "subresources.kubevirt.io",
    "v1",
    "virtualmachines/restart",
    "VirtualMachine",
);
export const KUBEVIRT = kind("kubevirt.io", "v1", "kubevirts", "KubeVirt");
export const NETWORK_ATTACHMENT_DEFINITION = kind(
    "k8s.cni.cncf.io",
    "v1",
    "network-attachment-definitions",
    "NetworkAttachmentDefinition",
);
export const IP_POOL = kind("vm.novasphere.dev", "v1alpha1", "ippools", "IPPool", false);
export const IP_RESERVATION = kind("vm.novasphere.dev", "v1alpha1", "ipreservations", "IPReservation", false);
export const IP_HISTORY = kind("vm.novasphere.dev", "v1alpha1", "iphistories", "IPHistory", false);
export const MIGRATION = kind(
    "kubevirt.io",
    "v1",
    "virtualmachineinstancemigrations",
    "VirtualMachineInstanceMigration",
);
export const DAEMON_SET = kind("apps", "v1", "daemonsets", "DaemonSet");
export const IP_ADDRESS = kind("networking.k8s.io", "v1", "ipaddresses", "IPAddress", false);
export const ENDPOINT_SLICE = kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");
export const NAMESPACE = kind("", "v1", "namespaces", "Namespace", false);
export const INGRESS = kind("networking.k8s.io", "v1", "ingresses", "Ingress");
export const NETWORK_POLICY = kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
export const NODE = kind("", "v1", "nodes", "Node", false);
export const POD = kind("", "v1", "pods", "Pod");
export const SECRET = kind("", "v1", "secrets", "Secret");
export const SERVICE = kind("", "v1", "services", "Service");
export const SERVICE_CIDR = kind("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", false);
/** What kubernetes-nmstate sees on a node. */
export const NODE_NETWORK_STATE = kind("nmstate.io", "v1beta1", "nodenetworkstates", "NodeNetworkState", false);
/** What sriov-network-operator sees on a node. */
export const SRIOV_NODE_STATE = kind(
    "sriovnetwork.openshift.io",
    "v1",
    "sriovnetworknodestates",
    "SriovNetworkNodeState",
);
export const WHEREABOUTS_POOL = kind("whereabouts.cni.cncf.io", "v1alpha1", "ippools", "IPPool");
export const WHEREABOUTS_RESERVATION = kind(
    "whereabouts.cni.cncf.io",
    "v1alpha1",
    "overlappingrangeipreservations",
    "OverlappingRangeIPReservation",
);

/** The path of an object, or of the collection when `name` is absent; of all namespaces when `namespace` is too. */
export function pathOf(kind: ResourceKind, namespace?: string, name?: string): string {
    const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
    const leaf = name === undefined ? "" : `/${encodeURIComponent(name)}`;
    return `${root}${scope}/${kind.plural}${leaf}`;
}

/** `virtualmachines.kubevirt.io`, as kubectl and RBAC texts write it. */
export function resourceName(kind: ResourceKind): string {
    return kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
}

function kind(group: string, version: string, plural: string, name: string, namespaced = true): ResourceKind {
    return { group, version, plural, kind: name, namespaced };
}
