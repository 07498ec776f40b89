import type { MigrationObject, VmiObject, VmObject } from "../core/kubevirt-objects";
import { endpointsOf, type EndpointsReport } from "../core/service-proxy/endpoints";
import { SLICE_LABEL } from "../core/service-proxy/names";
import { ReservationIndex } from "../core/service-proxy/nic-addresses";
import { PoolSubnets } from "../core/service-proxy/pool-subnets";
import { isOwn, publishedIn, type Slice, sliceChanges } from "../core/service-proxy/slices";
import type { ServiceObject } from "../core/service-proxy/objects";
import { isVmService } from "../core/service-proxy/vm-service";
import type { ClusterClient, KubernetesObject } from "./client";
import type { PoolObject, Reservation } from "./ipam/objects";
import { specOfPool } from "./ipam/pools";
import {
    ENDPOINT_SLICE,
    IP_POOL,
    IP_RESERVATION,
    MIGRATION,
    type ResourceKind,
    SERVICE,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
} from "./kinds";

/** The endpoints of a Service as they should be, and whether its EndpointSlices say so. */
export interface ServiceReport extends EndpointsReport {
    /** False while the endpoint controller has not written them, or does not run. */
    readonly isWritten: boolean;
    /** All its EndpointSlices, whoever made them. */
    readonly slices: readonly Slice[];
}

/** Of a Service whose endpoints are somebody else's. */
const NOTHING: ServiceReport = { families: [], vms: [], problems: [], isWritten: true, slices: [] };

/**
 * The endpoints that Services should have as the cluster is now, and why VMs are none, in the order of the Services. Reads
 * each kind once. Of a Service that is not in front of VMs nothing is said.
 * @param namespace of the Services; undefined where they are of several
 */
export async function reportEndpoints(
    client: ClusterClient,
    namespace: string | undefined,
    services: readonly ServiceObject[],
): Promise<ServiceReport[]> {
    const list = async <T>(kind: ResourceKind): Promise<(T & KubernetesObject)[]> =>
        (await client.list<T & KubernetesObject>(kind, namespace)).items;
    const [instances, machines, migrations, slices, reservations, pools] = await Promise.all([
        list<VmiObject>(VIRTUAL_MACHINE_INSTANCE),
        list<VmObject>(VIRTUAL_MACHINE),
        list<MigrationObject>(MIGRATION),
        list<Slice>(ENDPOINT_SLICE),
        client.list<Reservation>(IP_RESERVATION),
        client.list<PoolObject>(IP_POOL),
    ]);
    const reserved = new ReservationIndex(reservations.items.map(({ spec }) => spec));
    const subnets = new PoolSubnets(pools.items.map(specOfPool));
    return services.map((service) => {
        const isBeside = ({ metadata }: KubernetesObject): boolean => metadata.namespace === service.metadata.namespace;
        const all = slices.filter(
            (slice) => isBeside(slice) && slice.metadata.labels?.[SLICE_LABEL.service] === service.metadata.name,
        );
        if (!isVmService(service)) {
            return { ...NOTHING, slices: all };
        }
        const own = all.filter((slice) => isOwn(slice, service));
        const report = endpointsOf(service, {
            ...{ instances, machines, migrations: migrations.filter(isBeside) },
            ...{ reservations: reserved, subnets, published: publishedIn(own) },
        });
        const { create, update, remove } = sliceChanges(service, report, own);
        return { ...report, isWritten: create.length + update.length + remove.length === 0, slices: all };
    });
}

/**
 * The same for one Service, by its name.
 * @throws ClusterError `not-found` where there is none
 */
export async function reportEndpointsOf(
    client: ClusterClient,
    namespace: string,
    name: string,
): Promise<ServiceReport> {
    const service = await client.get<ServiceObject & KubernetesObject>(SERVICE, namespace, name);
    const [report] = await reportEndpoints(client, namespace, [service]);
    return report ?? NOTHING;
}
