import { InvalidArgumentError } from "commander";
import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { SERVICE } from "../../cluster/kinds";
import { reportEndpoints, type ServiceReport } from "../../cluster/service-endpoints";
import { PROXY_NAME, PROXY_NAME_LABEL, SERVICE_ANNOTATION } from "../../core/service-proxy/names";
import type { ServiceObject } from "../../core/service-proxy/objects";
import { isVmService } from "../../core/service-proxy/vm-service";
import type { Column } from "../output/table";

/** A Service in front of VMs, with what the cluster says of it. */
export interface ExposedService {
    readonly namespace: string;
    readonly name: string;
    readonly type: string;
    readonly dataplane: "wukong" | "kube-proxy";
    readonly network?: string;
    readonly clusterIPs: readonly string[];
    readonly externalIPs: readonly string[];
    readonly ports: readonly ExposedPort[];
    readonly endpoints: readonly ExposedEndpoint[];
    readonly excluded: readonly { readonly vm: string; readonly why: readonly string[] }[];
    readonly problems: readonly string[];
    readonly isWritten: boolean;
}

interface ExposedPort {
    readonly name?: string;
    readonly protocol: string;
    readonly port: number;
    readonly targetPort: number | string;
    readonly nodePort?: number;
}

interface ExposedEndpoint {
    /** The VM, or what else Kubernetes has put behind a Service with a selector. */
    readonly vm: string;
    readonly nic?: string;
    readonly address: string;
    readonly addressFrom: "reservation" | "guest agent" | "EndpointSlice";
    readonly nodeName?: string;
    readonly state: "ready" | "not-ready" | "terminating";
    readonly ports: readonly number[];
}

/** The members of an `ExposedService`, for help texts. */
export const SERVICE_FIELDS = `  namespace, name
  type         ClusterIP, NodePort or LoadBalancer
  dataplane    wukong (the node agent) or kube-proxy
  network      namespace/name of the VMs' network (not where their EndpointSlices are somebody else's)
  clusterIPs   of each family; None where the Service is headless
  externalIPs  of load balancers, and spec.externalIPs
  ports        objects with name, protocol, port, targetPort and nodePort
  endpoints    objects with vm, nic, address, addressFrom (reservation, guest agent, or
               EndpointSlice: Kubernetes' own, of a Service with a selector), nodeName, state (ready,
               not-ready or terminating) and ports (in the guest)
  excluded     objects with vm and why (sentences): VMs that new connections do not go to, or not on every port
  problems     what is wrong with the Service itself (sentences)
  isWritten    whether its EndpointSlices say the same`;

/** Columns of a table of endpoints. */
export const ENDPOINT_COLUMNS: readonly Column<ExposedEndpoint>[] = [
    { header: "VM", value: ({ vm }) => vm, shrinks: true },
    { header: "NIC", value: ({ nic }) => nic, shrinks: true },
    { header: "ADDRESS", value: ({ address }) => address },
    { header: "FROM", value: ({ addressFrom }) => addressFrom },
    { header: "NODE", value: ({ nodeName }) => nodeName, shrinks: true },
    { header: "STATE", value: ({ state }) => state },
];

/** The Services in front of VMs, of a namespace or of all, by namespace and name. */
export async function exposedServices(client: ClusterClient, namespace: string | undefined): Promise<ExposedService[]> {
    const { items } = await client.list<ServiceObject & KubernetesObject>(SERVICE, namespace);
    const ours = items.filter((service) => isVmService(service) || isProxied(service));
    const reports = await reportEndpoints(client, namespace, ours);
    return ours.flatMap((service, index) => {
        const report = reports[index];
        return report === undefined ? [] : [exposed(service, report)];
    });
}

/** One Service, or undefined where it is not there or none of ours. */
export async function exposedService(
    client: ClusterClient,
    { namespace, name }: ServiceName,
): Promise<ExposedService | undefined> {
    const service = await client.find<ServiceObject & KubernetesObject>(SERVICE, namespace, name);
    if (service === undefined || !(isVmService(service) || isProxied(service))) {
        return undefined;
    }
    const [report] = await reportEndpoints(client, namespace, [service]);
    return report && exposed(service, report);
}

/** A Service as the command line names it. */
export interface ServiceName {
    readonly namespace: string;
    readonly name: string;
}

/** @throws InvalidArgumentError */
export function serviceArgument(text: string): ServiceName {
    const match = /^([a-z0-9][-a-z0-9]*)\/([a-z][-a-z0-9]*)$/.exec(text);
    if (match === null) {
        throw new InvalidArgumentError("A Service is named by its namespace, a slash and its name.");
    }
    return { namespace: match[1] ?? "", name: match[2] ?? "" };
}

function isProxied({ metadata }: ServiceObject): boolean {
    return metadata.labels?.[PROXY_NAME_LABEL] === PROXY_NAME;
}

function exposed(service: ServiceObject, report: ServiceReport): ExposedService {
    const { metadata, spec, status } = service;
    const { vms, problems, isWritten } = report;
    const network = metadata.annotations?.[SERVICE_ANNOTATION.network];
    const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
    return {
        ...{ namespace: metadata.namespace ?? "", name: metadata.name, type: spec?.type ?? "ClusterIP" },
        dataplane: isProxied(service) ? "wukong" : "kube-proxy",
        ...(network !== undefined && { network }),
        clusterIPs: spec?.clusterIPs ?? [],
        externalIPs: [...new Set([...ingress, ...(spec?.externalIPs ?? [])])],
        ports: (spec?.ports ?? []).map(({ name, protocol = "TCP", port, targetPort = port, nodePort }) => ({
            ...(name !== undefined && { name }),
            ...{ protocol, port, targetPort },
            ...(nodePort !== undefined && { nodePort }),
        })),
        endpoints: isVmService(service) ? endpointsOfVms(report) : endpointsOfSlices(report),
        excluded: vms.filter(({ why }) => why.length > 0).map(({ vm, why }) => ({ vm, why })),
        problems,
        isWritten,
    };
}

function endpointsOfVms({ vms }: ServiceReport): ExposedEndpoint[] {
    return vms
        .flatMap(({ endpoints }) => endpoints)
        .map(({ vm, nic, address, addressFrom, nodeName, ready, terminating, ports }) => ({
            ...{ vm, nic, address, addressFrom },
            ...(nodeName !== undefined && { nodeName }),
            state: stateOf(ready, terminating),
            ports: ports.map(({ port }) => port),
        }));
}

/** Those of a Service with a selector, as Kubernetes has them: on the pod network. */
function endpointsOfSlices({ slices }: ServiceReport): ExposedEndpoint[] {
    return slices.flatMap(({ endpoints, ports }) =>
        (endpoints ?? []).map(({ addresses, conditions, nodeName, targetRef }) => ({
            ...{ vm: targetRef?.name ?? "", address: addresses[0] ?? "", addressFrom: "EndpointSlice" as const },
            ...(nodeName !== undefined && { nodeName }),
            // An absent condition means ready (EndpointConditions in discovery.k8s.io/v1).
            state: stateOf(conditions?.ready ?? true, conditions?.terminating ?? false),
            ports: (ports ?? []).flatMap(({ port }) => (port === undefined ? [] : [port])),
        })),
    );
}

function stateOf(ready: boolean, terminating: boolean): ExposedEndpoint["state"] {
    return terminating ? "terminating" : ready ? "ready" : "not-ready";
}
