import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { orUndefined, type TestClients } from "./embedded-cluster";

/** A NIC in a VM's lists. */
export interface ListedInterface {
    readonly name: string;
    readonly macAddress?: string;
    readonly model?: string;
    readonly state?: string;
}

export interface ListedNetwork {
    readonly name: string;
    readonly pod?: object;
    readonly multus?: { readonly networkName: string };
}

interface GuestSpec {
    readonly networks?: readonly ListedNetwork[];
    readonly domain: { readonly devices: { readonly interfaces?: readonly ListedInterface[] } };
}

export interface Vm extends k8s.KubernetesObject {
    readonly spec: { readonly runStrategy?: string; readonly template: { readonly spec: GuestSpec } };
    readonly status?: {
        readonly ready?: boolean;
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
}

export interface ReportedNic {
    readonly name?: string;
    readonly mac?: string;
    readonly interfaceName?: string;
    readonly infoSource?: string;
    readonly linkState?: string;
}

export interface Vmi extends k8s.KubernetesObject {
    readonly spec: GuestSpec;
    readonly status?: {
        readonly phase?: string;
        readonly nodeName?: string;
        readonly interfaces?: readonly ReportedNic[];
        readonly phaseTransitionTimestamps?: readonly {
            readonly phase: string;
            readonly phaseTransitionTimestamp: string;
        }[];
    };
}

export interface HeldAddress extends k8s.KubernetesObject {
    readonly spec: {
        readonly address: string;
        readonly space: string;
        readonly pool?: string;
        readonly macAddress?: string;
        readonly state: string;
        readonly retain?: boolean;
        readonly owner: { readonly key: string; readonly manager: string };
    };
}

/** A NIC as a test speaks of it. */
export interface SeenNic {
    readonly mac: string | undefined;
    readonly network: string;
    readonly state: string;
}

/** Whether an event (`ADDED`, `MODIFIED`, `DELETED`) is the one waited for. */
export type IsMoment = (type: string, object: Vm | HeldAddress) => boolean;

const KUBEVIRT = { group: "kubevirt.io", version: "v1" };
const WUKONG = { group: "vm.novasphere.dev", version: "v1alpha1" };
const NADS = {
    group: "k8s.cni.cncf.io",
    version: "v1",
    plural: "network-attachment-definitions",
};

/** What a namespace of the cluster holds, as a client sees it that has nothing to do with the package. */
export class ClusterView {
    constructor(
        readonly clients: TestClients,
        readonly namespace: string,
    ) {}

    async findVm(name: string): Promise<Vm | undefined> {
        return orUndefined(this.read<Vm>("virtualmachines", name));
    }

    async vm(name: string): Promise<Vm> {
        return this.read<Vm>("virtualmachines", name);
    }

    async findVmi(name: string): Promise<Vmi | undefined> {
        return orUndefined(this.read<Vmi>("virtualmachineinstances", name));
    }

    async vmi(name: string): Promise<Vmi> {
        return this.read<Vmi>("virtualmachineinstances", name);
    }

    /** The names of the migrations of a VM, whoever asked for them. */
    async migrations(vm: string): Promise<string[]> {
        const plural = "virtualmachineinstancemigrations";
        const list = (await this.clients.custom.listNamespacedCustomObject({
            ...{ ...KUBEVIRT, plural },
            namespace: this.namespace,
        })) as { items: (k8s.KubernetesObject & { spec: { vmiName: string } })[] };
        return list.items.filter(({ spec }) => spec.vmiName === vm).map(({ metadata }) => metadata?.name ?? "");
    }

    /** The networks that the VM's pod on a node is on, besides the cluster's own. */
    async podNetworks(vm: string, node: string | undefined): Promise<string[]> {
        const { items } = await this.clients.core.listNamespacedPod({
            namespace: this.namespace,
            labelSelector: `kubevirt.io/vm=${vm}`,
        });
        const pod = items.find(({ spec, status }) => spec?.nodeName === node && status?.phase === "Running");
        const text = pod?.metadata?.annotations?.["k8s.v1.cni.cncf.io/network-status"] ?? "[]";
        const networks = JSON.parse(text) as { readonly name: string; readonly default?: boolean }[];
        return networks.filter((each) => each.default !== true).map(({ name }) => name);
    }

    /** What a restart, of the VM or of its pod, would change. */
    async life(name: string): Promise<object> {
        const [vm, vmi] = await Promise.all([this.vm(name), this.vmi(name)]);
        const { items } = await this.clients.core.listNamespacedPod({
            namespace: this.namespace,
            labelSelector: `kubevirt.io=virt-launcher,kubevirt.io/vm=${name}`,
        });
        assert.equal(vmi.status?.phase, "Running", `VM ${name} should run`);
        return {
            vm: vm.metadata?.uid,
            vmi: vmi.metadata?.uid,
            created: vmi.metadata?.creationTimestamp,
            phases: vmi.status.phaseTransitionTimestamps,
            pods: items.map((pod) => [pod.metadata?.uid, pod.metadata?.creationTimestamp, pod.status?.startTime]),
        };
    }

    /** NICs that the running guest has, and what their links are. */
    async plugged(name: string): Promise<Record<string, { mac: string | undefined; link: string }>> {
        const vmi = await this.vmi(name);
        const inDomain = (vmi.status?.interfaces ?? []).filter((nic) => nic.infoSource?.includes("domain"));
        return Object.fromEntries(inDomain.map((nic) => [nic.name, { mac: nic.mac, link: nic.linkState ?? "" }]));
    }

    async reservations(): Promise<HeldAddress[]> {
        const list = await this.clusterScoped<HeldAddress>("ipreservations");
        const pools = await this.poolNames();
        return list.filter(
            ({ spec }) => spec.owner.key.startsWith(`${this.namespace}/`) || pools.includes(spec.pool ?? ""),
        );
    }

    async reservationsOfSpace(space: string): Promise<HeldAddress[]> {
        const list = await this.clusterScoped<HeldAddress>("ipreservations");
        return list.filter(({ spec }) => spec.space === space);
    }

    /** All that a program can leave behind in the namespace, or for it, with its version: `Kind name` to version. */
    async everything(): Promise<Record<string, string>> {
        const { namespace } = this;
        const { core } = this.clients;
        const networking = this.clients.config.makeApiClient(k8s.NetworkingV1Api);
        const [pods, secrets, services, slices, ingresses, policies, vms, vmis, nads, pools, reservations] =
            await Promise.all([
                core.listNamespacedPod({ namespace }),
                core.listNamespacedSecret({ namespace }),
                core.listNamespacedService({ namespace }),
                this.clients.config.makeApiClient(k8s.DiscoveryV1Api).listNamespacedEndpointSlice({ namespace }),
                networking.listNamespacedIngress({ namespace }),
                networking.listNamespacedNetworkPolicy({ namespace }),
                this.list(KUBEVIRT, "virtualmachines"),
                this.list(KUBEVIRT, "virtualmachineinstances"),
                this.list(NADS, NADS.plural),
                this.clusterScoped("ippools"),
                this.reservations(),
            ]);
        const found: [string, readonly k8s.KubernetesObject[]][] = [
            ["Pod", pods.items],
            ["Secret", secrets.items],
            ["Service", services.items],
            ["EndpointSlice", slices.items],
            ["Ingress", ingresses.items],
            ["NetworkPolicy", policies.items],
            ["VirtualMachine", vms],
            ["VirtualMachineInstance", vmis],
            ["NetworkAttachmentDefinition", nads],
            ["IPPool", pools.filter((pool) => this.owns(pool.metadata?.name))],
            ["IPReservation", reservations],
        ];
        return Object.fromEntries(
            found.flatMap(([kind, objects]) =>
                objects.map((object) => [`${kind} ${object.metadata?.name ?? ""}`, versionOf(kind, object)]),
            ),
        );
    }

    /** The same without what lives by itself: a guest and its pod report now and then. */
    async written(): Promise<Record<string, string>> {
        const entries = Object.entries(await this.everything());
        return Object.fromEntries(entries.filter(([key]) => !/^(VirtualMachineInstance|Pod|EndpointSlice) /.test(key)));
    }

    async patchVm(name: string, operations: object[]): Promise<void> {
        await this.patch("virtualmachines", name, operations);
    }

    async patchVmi(name: string, operations: object[]): Promise<void> {
        await this.patch("virtualmachineinstances", name, operations);
    }

    /** Calls back at the first event from now on, of the VMs of the namespace or of all reservations, that is the moment. */
    async onEvent(
        plural: "virtualmachines" | "ipreservations",
        isMoment: IsMoment,
        then: () => void,
    ): Promise<AbortController> {
        const path =
            plural === "ipreservations"
                ? `/apis/${WUKONG.group}/${WUKONG.version}/${plural}`
                : `/apis/kubevirt.io/v1/namespaces/${this.namespace}/${plural}`;
        let called = false;
        const look = (type: string, object: Vm | HeldAddress): void => {
            if (!called && isMoment(type, object)) {
                called = true;
                then();
            }
        };
        // Without a version a watch begins with all that there is.
        const list = await (plural === "ipreservations"
            ? this.clients.custom.listClusterCustomObject({ ...WUKONG, plural })
            : this.clients.custom.listNamespacedCustomObject({ ...KUBEVIRT, namespace: this.namespace, plural }));
        const { resourceVersion } = (list as k8s.KubernetesListObject<k8s.KubernetesObject>).metadata ?? {};
        return new k8s.Watch(this.clients.config).watch(path, { resourceVersion }, look, () => undefined);
    }

    async makeNad(name: string): Promise<void> {
        const config = JSON.stringify({ cniVersion: "0.4.0", name, type: "bridge", bridge: "br9" });
        await this.clients.custom.createNamespacedCustomObject({
            ...NADS,
            namespace: this.namespace,
            body: {
                apiVersion: "k8s.cni.cncf.io/v1",
                kind: "NetworkAttachmentDefinition",
                metadata: { name },
                spec: { config },
            },
        });
    }

    async deleteNad(name: string): Promise<void> {
        await this.clients.custom.deleteNamespacedCustomObject({ ...NADS, namespace: this.namespace, name });
    }

    async deletePool(name: string): Promise<void> {
        await this.clients.custom.deleteClusterCustomObject({ ...WUKONG, plural: "ippools", name });
    }

    /** An address held by another writer. */
    async makeReservation(pool: string, address: string, owner: { key: string; manager: string }): Promise<void> {
        await this.clients.custom.createClusterCustomObject({
            ...WUKONG,
            plural: "ipreservations",
            body: {
                apiVersion: `${WUKONG.group}/${WUKONG.version}`,
                kind: "IPReservation",
                metadata: { name: `${pool}.v4-${address}`, labels: { "vm.novasphere.dev/space": pool } },
                spec: {
                    address,
                    family: "IPv4",
                    space: pool,
                    pool,
                    state: "Active",
                    origin: "Static",
                    allocationId: "other",
                    owner,
                },
            },
        });
    }

    async deleteReservation(pool: string, address: string): Promise<void> {
        const name = `${pool}.v4-${address}`;
        await this.clients.custom.deleteClusterCustomObject({ ...WUKONG, plural: "ipreservations", name });
    }

    /** Removes the pools and addresses that a failed test left: no namespace takes them along. */
    async removeClusterScoped(): Promise<void> {
        const left = (await this.reservations()).map(
            ({ metadata }) => ["ipreservations", metadata?.name ?? ""] as const,
        );
        const pools = (await this.poolNames()).map((name) => ["ippools", name] as const);
        for (const [plural, name] of [...left, ...pools]) {
            const body = [{ op: "add", path: "/metadata/finalizers", value: [] }];
            const asPatch = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch);
            const object = { ...WUKONG, plural, name };
            await orUndefined(this.clients.custom.patchClusterCustomObject({ ...object, body }, asPatch));
            await orUndefined(this.clients.custom.deleteClusterCustomObject(object));
        }
    }

    /** Pools of tests have the namespace in their name, as they are cluster-scoped. */
    private owns(pool: string | undefined): boolean {
        return pool?.endsWith(this.namespace) === true;
    }

    private async poolNames(): Promise<string[]> {
        const pools = await this.clusterScoped("ippools");
        return pools.map((pool) => pool.metadata?.name ?? "").filter((name) => this.owns(name));
    }

    private async read<T>(plural: string, name: string): Promise<T> {
        const { namespace } = this;
        const read = this.clients.custom.getNamespacedCustomObject({ ...KUBEVIRT, namespace, plural, name });
        return (await read) as T;
    }

    private async list(
        { group, version }: { group: string; version: string },
        plural: string,
    ): Promise<k8s.KubernetesObject[]> {
        const { namespace } = this;
        const list: unknown = await this.clients.custom.listNamespacedCustomObject({
            ...{ group, version, namespace, plural },
        });
        return (list as { items: k8s.KubernetesObject[] }).items;
    }

    private async clusterScoped<T extends k8s.KubernetesObject>(plural: string): Promise<T[]> {
        const list: unknown = await this.clients.custom.listClusterCustomObject({ ...WUKONG, plural });
        return (list as { items: T[] }).items;
    }

    private async patch(plural: string, name: string, body: object[]): Promise<void> {
        const { namespace } = this;
        await this.clients.custom.patchNamespacedCustomObject(
            { ...KUBEVIRT, namespace, plural, name, body },
            k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
        );
    }
}

/** The NICs in the lists of a VM or of its instance, by name. */
export function listedNics(object: Vm | Vmi): Record<string, SeenNic> {
    const spec = "template" in object.spec ? object.spec.template.spec : object.spec;
    const networks = new Map((spec.networks ?? []).map((network) => [network.name, network]));
    const interfaces = spec.domain.devices.interfaces ?? [];
    assert.deepEqual(
        interfaces.map(({ name }) => name).sort(),
        [...networks.keys()].sort(),
        "each NIC is in both lists, once",
    );
    return Object.fromEntries(
        interfaces.map(({ name, macAddress, state }) => [
            name,
            { mac: macAddress, network: networks.get(name)?.multus?.networkName ?? "pod", state: state ?? "" },
        ]),
    );
}

/** What changes with each write; of a VM with each but those of its status, which KubeVirt brings up to date when it likes. */
function versionOf(kind: string, { metadata }: k8s.KubernetesObject): string {
    if (kind !== "VirtualMachine") {
        return metadata?.resourceVersion ?? "";
    }
    const { uid, generation, labels, annotations, finalizers } = metadata ?? {};
    return JSON.stringify({ uid, generation, labels, annotations, finalizers });
}
