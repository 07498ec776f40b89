/** Value of the label by which a Service leaves kube-proxy and comes to the node agent (KEP-2447). */
export const PROXY_NAME = "wukong";

/** kube-proxy leaves out Services that have this label, whatever its value (pkg/proxy/apis/well_known_labels.go). */
export const PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name";

/** Who keeps the EndpointSlices of those Services, as their label `endpointslice.kubernetes.io/managed-by` says. */
export const SLICE_MANAGER = "endpoints.vm.novasphere.dev";

/** Labels that Kubernetes gives EndpointSlices (staging/src/k8s.io/api/discovery/v1/well_known_labels.go). */
export const SLICE_LABEL = {
    service: "kubernetes.io/service-name",
    managedBy: "endpointslice.kubernetes.io/managed-by",
} as const;

/** Annotations of Services of the node agent, which ServiceExposure writes. */
export const SERVICE_ANNOTATION = {
    /** `namespace/name` of the NetworkAttachmentDefinition on which the VMs are reached. */
    network: "vm.novasphere.dev/network",
    /** Labels of the VMs' instances: `key=value`, several of them with commas between them. The Service has no selector. */
    selector: "vm.novasphere.dev/vm-selector",
    /** `Random` (default) or `RoundRobin`. */
    scheduler: "vm.novasphere.dev/scheduler",
    /** `Always` (default) or `SameSubnet`; see `Masquerade`. */
    masquerade: "vm.novasphere.dev/masquerade",
    /** Ports of the nodes beside the NodePorts: `<name or number of the Service's port>=<port of the node>`, with commas. */
    hostPorts: "vm.novasphere.dev/host-ports",
    /** Who may come from outside, as CIDRs with commas; goes before `spec.loadBalancerSourceRanges`. */
    sourceRanges: "vm.novasphere.dev/source-ranges",
} as const;

/** Annotations of EndpointSlices, which the endpoint controller writes. */
export const SLICE_ANNOTATION = {
    /** The endpoints' own subnets as CIDRs, sorted, with commas. */
    subnets: "vm.novasphere.dev/subnets",
} as const;
