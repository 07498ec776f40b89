import type { MigrationObject, VmiObject, VmObject } from "../core/kubevirt-objects";
import { endpointsOf, type EndpointsReport } from "../core/service-proxy/endpoints";
import { SLICE_LABEL } from "../core/service-proxy/names";
import { ReservationIndex } from "../core/service-proxy/nic-addresses";
import { PoolSubnets } from "../core/service-proxy/pool-subnets";
import { publishedIn, type Slice } from "../core/service-proxy/slices";
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
    SERVICE,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
} from "./kinds";

/**
 * The endpoints that Services of one namespace should have as the cluster is now, and why VMs are none, in the order of the
 * Services. Reads each kind once. Of a Service that is not in front of VMs nothing is said.
 */
export async function reportEndpoints(
    client: ClusterClient,
    namespace: string,
    services: readonly ServiceObject[],
): Promise<EndpointsReport[]> {
    const list = async <T>(kind: typeof MIGRATION): Promise<(T & KubernetesObject)[]> =>
        (await client.list<T & KubernetesObject>(kind, namespace)).items;
    const [instances, machines, migrations, slices, reservations, pools] = await Promise.all([
        list<VmiObject>(VIRTUAL_MACHINE_INSTANCE),
        list<VmObject>(VIRTUAL_MACHINE),
        list<MigrationObject>(MIGRATION),
        list<Slice>(ENDPOINT_SLICE),
        client.list<Reservation>(IP_RESERVATION),
        client.list<PoolObject>(IP_POOL),
    ]);
    const facts = {
        ...{ instances, machines, migrations },
        reservations: new ReservationIndex(reservations.items.map(({ spec }) => spec)),
        subnets: new PoolSubnets(pools.items.map(specOfPool)),
    };
    return services.map((service) => {
        const own = slices.filter(({ metadata }) => metadata.labels?.[SLICE_LABEL.service] === service.metadata.name);
        return isVmService(service)
            ? endpointsOf(service, { ...facts, published: publishedIn(own) })
            : { families: [], vms: [], problems: [] };
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
): Promise<EndpointsReport> {
    const service = await client.get<ServiceObject & KubernetesObject>(SERVICE, namespace, name);
    const [report] = await reportEndpoints(client, namespace, [service]);
    return report ?? { families: [], vms: [], problems: [] };
}
