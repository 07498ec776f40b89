export { Cluster, type ClusterArgs } from "./components/cluster";
export { IPPool, type IPBlockArgs, type IPPoolArgs, type PoolConflictsArgs } from "./components/ip-pool";
export { IPReservation, type IPReservationArgs } from "./components/ip-reservation";
export {
    Network,
    type BridgeNetworkArgs,
    type ExistingNetworkArgs,
    type MacvlanNetworkArgs,
    type NetworkArgs,
    type OvsNetworkArgs,
    type PlacedNetworkArgs,
    type SriovNetworkArgs,
} from "./components/network";
export type {
    IPConfigArgs,
    NetworkInterfaceArgs,
    NetworkStatus,
    NicExposureArgs,
    PortMappingArgs,
    RouteArgs,
    SecondaryAddressArgs,
} from "./components/networks";
export type {
    ExposedNic,
    ExposedVirtualMachine,
    ExposureArgs,
    IngressArgs,
    ServiceExposureArgs,
    ServicePortArgs,
} from "./components/exposure-args";
export { ServiceExposure } from "./components/service-exposure";
export { ServiceProxy, type ServiceProxyArgs } from "./components/service-proxy";
export type { ClusterScopedArgs } from "./components/scope";
export {
    VirtualMachine,
    type CommonVirtualMachineArgs,
    type TemplatedVirtualMachineArgs,
    type VirtualMachineArgs,
} from "./components/virtual-machine";
export type {
    ContainerDiskSource,
    DataVolumeSource,
    Disk,
    DiskBus,
    PersistentVolumeClaimSource,
    Volume,
} from "./components/vm-template";
export type { NetworkType } from "./core/cni-config";
export type { OnMigrationRequired, OnRestartRequired } from "./core/consent";
export type { Impact } from "./core/impact";
export type { PlannedChange } from "./core/plan/change";
export type { ConflictPolicy, ConflictSource, PoolBlock, PoolConflicts, PoolSpec } from "./core/pool";
export type { ServiceDataplane, TrafficPolicy } from "./core/service/exposure";
export type { LoadBalancerProvider } from "./core/service/load-balancer";
export type { Masquerade, Scheduler } from "./core/service-proxy/model";
export { IPReservationResource } from "./dynamic/ip-reservation/resource";
export { NetworkGuard } from "./dynamic/network-guard/resource";
export { NetworkInterface } from "./dynamic/network-interface/resource";
export type { RunStrategy } from "./dynamic/power-state/inputs";
export { PoolGuard } from "./dynamic/pool-guard/resource";
export { PowerState } from "./dynamic/power-state/resource";
export { ServiceClaim } from "./dynamic/service-claim/resource";
export { ServiceEndpoints } from "./dynamic/service-endpoints/resource";
