import { qualifiedNad } from "./nic";

/** What names networks, as far as it is looked at. */
export interface NetworkUserObject {
    readonly metadata: {
        readonly name: string;
        readonly namespace?: string;
        readonly annotations?: Readonly<Record<string, string>>;
        readonly deletionTimestamp?: string;
    };
}

/** An entry of KubeVirt's list of networks. */
interface NetworkEntry {
    readonly multus?: { readonly networkName?: string };
}

export interface MachineObject extends NetworkUserObject {
    readonly spec?: {
        /** Of a VirtualMachine. */
        readonly template?: { readonly spec?: { readonly networks?: readonly NetworkEntry[] } };
        /** Of a VirtualMachineInstance. */
        readonly networks?: readonly NetworkEntry[];
    };
}

export interface PodObject extends NetworkUserObject {
    readonly status?: { readonly phase?: string };
}

/** Somebody who names a network. */
export interface NetworkUser {
    readonly noun: "VM" | "VMI" | "pod";
    /** As it is told: `VM prod/web`. */
    readonly name: string;
    /** It is being deleted. */
    readonly isLeaving: boolean;
}

/** All that names a NetworkAttachmentDefinition (`namespace/name`), in whichever namespace. */
export function networkUsers(
    nadName: string,
    objects: {
        readonly vms: readonly MachineObject[];
        readonly vmis: readonly MachineObject[];
        readonly pods: readonly PodObject[];
    },
): NetworkUser[] {
    const named = (object: MachineObject, networks: readonly NetworkEntry[] = []): boolean =>
        networks.some(
            ({ multus }) =>
                multus?.networkName !== undefined &&
                qualifiedNad(object.metadata.namespace ?? "", multus.networkName) === nadName,
        );
    return [
        ...objects.vms.filter((vm) => named(vm, vm.spec?.template?.spec?.networks)).map((vm) => user("VM", vm)),
        ...objects.vmis.filter((vmi) => named(vmi, vmi.spec?.networks)).map((vmi) => user("VMI", vmi)),
        ...objects.pods.filter((pod) => networksOfPod(pod).includes(nadName)).map((pod) => user("pod", pod)),
    ];
}

/**
 * The networks that Multus gives a pod (multus-cni, docs/configuration.md and pkg/k8sclient): those of the pod's
 * annotation, a comma-separated list of `[namespace/]name[@interface]` or a JSON list of objects, and the one that it has
 * in place of the cluster's. A pod that has ended, as the source of a live migration does, has given all of them back.
 */
function networksOfPod(pod: PodObject): string[] {
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") {
        return [];
    }
    const { annotations = {}, namespace = "" } = pod.metadata;
    return [
        ...selected(annotations["k8s.v1.cni.cncf.io/networks"]).map((name) => qualifiedNad(namespace, name)),
        ...selected(annotations["v1.multus-cni.io/default-network"]).map((name) => qualifiedNad(MULTUS, name)),
    ];
}

/** Multus' own namespace by default, which the networks in place of the cluster's are in. */
const MULTUS = "kube-system";

function selected(annotation = ""): string[] {
    if (!annotation.trimStart().startsWith("[")) {
        return annotation
            .split(",")
            .map((entry) => entry.trim().split("@")[0] ?? "")
            .filter((name) => name !== "");
    }
    try {
        const entries = JSON.parse(annotation) as { name?: string; namespace?: string }[];
        return entries.flatMap(({ name, namespace }) =>
            name === undefined ? [] : [namespace === undefined || namespace === "" ? name : `${namespace}/${name}`],
        );
    } catch {
        // Multus cannot read it either, so the pod is on none of them.
        return [];
    }
}

function user(noun: NetworkUser["noun"], { metadata }: NetworkUserObject): NetworkUser {
    return {
        noun,
        name: `${noun} ${metadata.namespace ?? ""}/${metadata.name}`,
        isLeaving: metadata.deletionTimestamp !== undefined,
    };
}
