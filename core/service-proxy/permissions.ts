/** A rule of a ClusterRole (rbac.authorization.k8s.io/v1). */
export interface PermissionRule {
    readonly apiGroups: string[];
    readonly resources: string[];
    readonly verbs: string[];
}

/** What the node agent asks of the cluster: Services and slices all the time, the rest where somebody asks it why. */
export const AGENT_PERMISSIONS: readonly PermissionRule[] = [
    { apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    {
        apiGroups: ["kubevirt.io"],
        resources: ["virtualmachines", "virtualmachineinstances", "virtualmachineinstancemigrations"],
        verbs: ["list"],
    },
    { apiGroups: ["vm.novasphere.dev"], resources: ["ippools", "ipreservations"], verbs: ["list"] },
];

/** What the endpoint controller asks of the cluster. */
export const CONTROLLER_PERMISSIONS: readonly PermissionRule[] = [
    { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] },
    {
        apiGroups: ["discovery.k8s.io"],
        resources: ["endpointslices"],
        verbs: ["list", "watch", "create", "patch", "delete"],
    },
    {
        apiGroups: ["kubevirt.io"],
        resources: ["virtualmachineinstances", "virtualmachineinstancemigrations"],
        verbs: ["list", "watch"],
    },
    { apiGroups: ["vm.novasphere.dev"], resources: ["ippools", "ipreservations"], verbs: ["list", "watch"] },
];
