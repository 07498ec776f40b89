import { endpointsOf, type EndpointFacts, type EndpointsReport } from "../../../core/service-proxy/endpoints";
import { type ReservedAddress, ReservationIndex } from "../../../core/service-proxy/nic-addresses";
import { PoolSubnets } from "../../../core/service-proxy/pool-subnets";
import type { Slice, SliceChanges } from "../../../core/service-proxy/slices";
import type { ServiceObject } from "../../../core/service-proxy/objects";
import type { VmiObject } from "../../../core/kubevirt-objects";

/** A Service in front of the VMs with label app=web, on network prod/lan. */
export function serviceOf(
    spec: ServiceObject["spec"] = {},
    annotations: Record<string, string> = {},
    name = "front",
): ServiceObject {
    return {
        metadata: {
            ...{ name, namespace: "prod", uid: `uid-of-${name}` },
            annotations: {
                "vm.novasphere.dev/network": "prod/lan",
                "vm.novasphere.dev/vm-selector": "app=web",
                ...annotations,
            },
        },
        spec: {
            ...{ type: "ClusterIP", ipFamilies: ["IPv4"], clusterIPs: ["10.96.0.9"] },
            ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
            ...spec,
        },
    };
}

/** What a test changes of an instance. */
export interface InstanceChanges {
    readonly phase?: string;
    readonly labels?: Record<string, string>;
    readonly namespace?: string;
    readonly network?: string;
    readonly state?: string;
    readonly infoSource?: string;
    readonly addresses?: readonly string[];
    readonly ports?: readonly { name: string; protocol?: string; port: number }[];
    readonly conditions?: readonly {
        type: string;
        status: string;
        reason?: string;
        lastTransitionTime?: string | null;
    }[];
    readonly deleted?: boolean;
    readonly node?: string;
    readonly migrationState?: { startTimestamp?: string; endTimestamp?: string };
}

/** A VM that runs, has a NIC eth1 on network prod/lan, and is ready; unless `changes` say otherwise. */
export function instance(name: string, changes: InstanceChanges = {}): VmiObject {
    const {
        phase = "Running",
        namespace = "prod",
        network = "lan",
        state,
        infoSource = "domain, guest-agent",
    } = changes;
    return {
        metadata: {
            ...{ name, namespace, uid: `uid-of-${name}`, labels: changes.labels ?? { app: "web", tier: "front" } },
            ...(changes.deleted === true && { deletionTimestamp: "2026-01-01T00:10:00Z" }),
        },
        spec: {
            networks: [
                { name: "eth0", pod: {} },
                { name: "eth1", multus: { networkName: network } },
            ],
            domain: {
                devices: {
                    interfaces: [
                        { name: "eth0", masquerade: {} },
                        {
                            ...{ name: "eth1", bridge: {} },
                            ...(state !== undefined && { state }),
                            ...(changes.ports !== undefined && { ports: changes.ports }),
                        },
                    ],
                },
            },
        },
        status: {
            phase,
            nodeName: changes.node ?? "node-1",
            conditions: changes.conditions ?? [{ type: "Ready", status: "True" }],
            interfaces: [
                { name: "eth0", ipAddress: "10.244.0.9", infoSource: "domain" },
                { name: "eth1", ipAddresses: changes.addresses ?? ["192.0.2.10"], infoSource },
            ],
            ...(changes.migrationState !== undefined && { migrationState: changes.migrationState }),
        },
    };
}

/** An address that is reserved for NIC eth1 of a VM of namespace prod. */
export function reserved(vm: string, address: string, changes: Partial<ReservedAddress> = {}): ReservedAddress {
    return {
        ...{ address, space: "lan-100", pool: "lan-pool", state: "Active", network: "prod/lan" },
        ...{ owner: { key: `prod/${vm}/eth1` } },
        ...changes,
    };
}

/** What the cluster holds, of the parts that a test names. */
export function factsOf(
    instances: readonly VmiObject[],
    more: Partial<Omit<EndpointFacts, "reservations" | "subnets">> & {
        reservations?: readonly ReservedAddress[];
        pools?: ConstructorParameters<typeof PoolSubnets>[0];
    } = {},
): EndpointFacts {
    const pool = { name: "lan-pool", space: "lan-100", blocks: [{ cidr: "192.0.2.0/24" }, { cidr: "2001:db8::/64" }] };
    return {
        ...{ migrations: [], ...more, instances },
        subnets: new PoolSubnets(more.pools ?? [pool]),
        reservations: new ReservationIndex(more.reservations ?? []),
    };
}

/** The endpoints of a report as `address ready/serving/terminating`. */
export function shown(report: EndpointsReport): string[] {
    return report.vms.flatMap(({ endpoints }) =>
        endpoints.map(({ address, ready, serving, terminating }) => {
            const set = Object.entries({ ready, serving, terminating }).filter(([, is]) => is);
            return `${address} ${set.map(([name]) => name).join("/")}`;
        }),
    );
}

/** What a report of one VM says: its endpoints, and why there are no more. */
export function verdict(
    vmi: VmiObject,
    service = serviceOf(),
    more: Parameters<typeof factsOf>[1] = {},
): { endpoints: string[]; why: readonly string[] } {
    const report = endpointsOf(service, factsOf([vmi], more));
    return { endpoints: shown(report), why: report.vms[0]?.why ?? [] };
}

/** The slices after the changes have been written, as an API server would have them. */
export function applied(slices: readonly Slice[], { create, update, remove }: SliceChanges<Slice>): Slice[] {
    const gone = new Set([...remove, ...update.map(({ from }) => from)]);
    return [...slices.filter((slice) => !gone.has(slice)), ...create, ...update.map(({ to }) => to)];
}
