import type { VmiObject, VmObject } from "../core/nic-phase";
import type { ClusterClient, KubernetesObject, ObjectMeta } from "./client";
import { ClusterError, hasReason } from "./errors";
import { waitFor, type Verdict } from "./wait";
import { KUBEVIRT, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "./kinds";
import { Remembered } from "./remembered";

/** A VirtualMachine as it is read from the cluster. */
export interface VirtualMachine extends KubernetesObject {
    metadata: ObjectMeta;
    spec?: VmObject["spec"] & { runStrategy?: string; running?: boolean };
    status?: VmObject["status"] & { printableStatus?: string; ready?: boolean };
}

/** A VirtualMachineInstance as it is read from the cluster. */
export interface VirtualMachineInstance extends KubernetesObject {
    metadata: ObjectMeta;
    spec?: VmiObject["spec"] & { domain?: { memory?: { guest?: string } } };
    status?: VmiObject["status"];
}

/** A VM and what runs of it. */
export interface VmView {
    readonly vm: VirtualMachine | undefined;
    readonly vmi: VirtualMachineInstance | undefined;
}

export type Power = "absent" | "stopped" | "starting" | "running";

export async function readVm(client: ClusterClient, namespace: string, name: string): Promise<VmView> {
    const [vm, vmi] = await Promise.all([
        client.find<VirtualMachine>(VIRTUAL_MACHINE, namespace, name),
        client.find<VirtualMachineInstance>(VIRTUAL_MACHINE_INSTANCE, namespace, name),
    ]);
    return { vm, vmi };
}

/**
 * Watches a VM and its instance until `judge` is content with them.
 * @throws ClusterError `deadline` after `timeoutSeconds`, with what was last seen
 */
export async function waitForVm<T>(
    client: ClusterClient,
    { namespace, name }: { namespace: string; name: string },
    judge: (view: VmView) => Verdict<T>,
    goal: string,
    timeoutSeconds: number,
): Promise<T> {
    const watched = [VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE].map((kind) => ({ kind, namespace, name }));
    return waitFor(client, watched, ([vm, vmi]) => judge({ vm, vmi }), goal, timeoutSeconds);
}

/** A VM whose instance is on its way out counts as stopped: what is written now is for its next start. */
export function powerOf({ vm, vmi }: VmView): Power {
    if (!vm) {
        return "absent";
    }
    switch (vmi?.status?.phase) {
        case "Running":
            return vmi.metadata.deletionTimestamp === undefined ? "running" : "stopped";
        case undefined:
            return vmi ? "starting" : "stopped";
        case "Succeeded":
        case "Failed":
            return "stopped";
        default:
            return "starting";
    }
}

/**
 * The VM with this uid, which is the proof that the Kubernetes objects and the running cluster are seen through the
 * same kubeconfig.
 * @throws ClusterError `not-found` where the cluster has no such VM, `failed` where another one bears the name
 */
export async function getVm(
    client: ClusterClient,
    namespace: string,
    name: string,
    uid: string,
): Promise<VirtualMachine> {
    const vm = await client.find<VirtualMachine>(VIRTUAL_MACHINE, namespace, name);
    if (!vm) {
        throw new ClusterError("not-found", wrongCluster(client, namespace, name, uid, "has no VM of that name"));
    }
    if (vm.metadata.uid !== uid) {
        const found = `has another VM of that name, with uid ${vm.metadata.uid ?? "unknown"}`;
        throw new ClusterError("failed", wrongCluster(client, namespace, name, uid, found));
    }
    return vm;
}

/** The sentence for a VM that is not where it should be. */
export function wrongCluster(
    client: ClusterClient,
    namespace: string,
    name: string,
    uid: string,
    found: string,
): string {
    return (
        `The VM ${namespace}/${name} of this stack has uid ${uid}, but the cluster at ${client.server} ${found}. ` +
        `Check that KUBECONFIG (or the Cluster) and the kubernetes provider name the same cluster as before; ` +
        `if the VM was deleted by hand, run \`pulumi refresh\`.`
    );
}

/** What KubeVirt's own configuration says about NIC changes. */
export interface KubeVirtFacts {
    readonly kubevirtVersion?: string;
    readonly workloadUpdateMethods?: readonly string[];
    readonly disabledFeatureGates?: readonly string[];
}

interface KubeVirt extends KubernetesObject {
    spec?: {
        workloadUpdateStrategy?: { workloadUpdateMethods?: string[] };
        configuration?: { developerConfiguration?: { featureGates?: string[]; disabledFeatureGates?: string[] } };
    };
    status?: { observedKubeVirtVersion?: string; targetKubeVirtVersion?: string };
}

const configurations = new Remembered<KubeVirtFacts>();

/** What the KubeVirt object says, read once in a run; nothing is known where the user may not list it. */
export async function kubevirtFacts(client: ClusterClient): Promise<KubeVirtFacts> {
    return configurations.get(client, "KubeVirt", async () => readKubevirtFacts(client));
}

async function readKubevirtFacts(client: ClusterClient): Promise<KubeVirtFacts> {
    try {
        const { items } = await client.list<KubeVirt>(KUBEVIRT);
        const [kubevirt] = items;
        if (!kubevirt) {
            return {};
        }
        const { featureGates = [], disabledFeatureGates = [] } =
            kubevirt.spec?.configuration?.developerConfiguration ?? {};
        const version = kubevirt.status?.observedKubeVirtVersion ?? kubevirt.status?.targetKubeVirtVersion;
        return {
            workloadUpdateMethods: kubevirt.spec?.workloadUpdateStrategy?.workloadUpdateMethods ?? [],
            disabledFeatureGates: disabledFeatureGates.filter((gate) => !featureGates.includes(gate)),
            ...(version !== undefined && { kubevirtVersion: version }),
        };
    } catch (error) {
        if (hasReason(error, "forbidden")) {
            return {};
        }
        throw error;
    }
}
