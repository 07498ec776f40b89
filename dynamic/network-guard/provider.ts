import { clientFor, type ClusterClient, type KubernetesObject } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import {
    NETWORK_ATTACHMENT_DEFINITION,
    POD,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    type ResourceKind,
} from "../../cluster/kinds";
import type { CommonInputs } from "../connection";
import { checkWith, clientForCheck, containsUnknown, plainErrors, storedAnew } from "../handler";
import { poll } from "../../cluster/wait";

export interface NetworkGuardInputs extends CommonInputs {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    nadName: string;
}

/** A message names at most so many users. */
const MAX_NAMES = 10;

/** Users on their way out (a pod that terminates) may take this long. */
const TERMINATION_SECONDS = 120;

const LIST = ["list"] as const;

export const check = checkWith<NetworkGuardInputs>(async ({ news }) => {
    const users = [VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, POD].map((kind) => ({ kind, verbs: LIST }));
    const [namespace = ""] = containsUnknown(news.nadName) ? [] : news.nadName.split("/");
    const nad = { kind: NETWORK_ATTACHMENT_DEFINITION, namespace };
    await clientForCheck(news, `network ${news.nadName}`, users, namespace === "" ? [] : [nad]);
    return { inputs: news, problems: [] };
});

export async function diff(
    _id: string,
    olds: NetworkGuardInputs,
    news: NetworkGuardInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces = olds.nadName === news.nadName ? [] : ["nadName"];
    return Promise.resolve({ changes: replaces.length > 0 || storedAnew(olds, news), replaces });
}

export async function update(
    _id: string,
    _olds: NetworkGuardInputs,
    news: NetworkGuardInputs,
): Promise<{ outs: NetworkGuardInputs }> {
    return Promise.resolve({ outs: news });
}

export async function create(inputs: NetworkGuardInputs): Promise<{ id: string; outs: NetworkGuardInputs }> {
    return Promise.resolve({ id: inputs.nadName, outs: inputs });
}

const remove = plainErrors(async (_id: string, props: NetworkGuardInputs): Promise<void> => {
    const client = clientFor(props.connection);
    await poll(
        async () => {
            const users = await usersOf(client, props.nadName);
            const staying = users.filter((user) => !user.leaving);
            if (staying.length > 0) {
                throw new ClusterError(
                    "failed",
                    `The network ${props.nadName} cannot be deleted: it is named by ${names(staying)}. ` +
                        `Detach the NIC there, or delete what names it; then run \`pulumi up\` again.`,
                );
            }
            return users.length === 0
                ? { done: true, result: undefined }
                : { done: false, seen: `${names(users)} still being deleted` };
        },
        `the users of network ${props.nadName} to be gone`,
        TERMINATION_SECONDS,
    );
});
export { remove as delete };

interface User {
    readonly name: string;
    readonly leaving: boolean;
}

interface VirtualMachineLike extends KubernetesObject {
    spec?: { template?: { spec?: { networks?: NetworkEntry[] } }; networks?: NetworkEntry[] };
}

interface NetworkEntry {
    name: string;
    multus?: { networkName?: string };
}

/** Whoever names the NetworkAttachmentDefinition, anywhere in the cluster. */
async function usersOf(client: ClusterClient, nadName: string): Promise<User[]> {
    const [vms, vmis, pods] = await Promise.all([
        listAll<VirtualMachineLike>(client, VIRTUAL_MACHINE),
        listAll<VirtualMachineLike>(client, VIRTUAL_MACHINE_INSTANCE),
        listAll(client, POD),
    ]);
    const named = (object: KubernetesObject, networks: NetworkEntry[] | undefined): boolean =>
        (networks ?? []).some((network) => qualified(network.multus?.networkName, object) === nadName);
    return [
        ...vms.filter((vm) => named(vm, vm.spec?.template?.spec?.networks)).map((vm) => user("VM", vm)),
        ...vmis.filter((vmi) => named(vmi, vmi.spec?.networks)).map((vmi) => user("VMI", vmi)),
        ...pods.filter((pod) => podNames(pod, nadName)).map((pod) => user("pod", pod)),
    ];
}

/** The objects of a kind; none where the cluster does not know the kind (any more). */
async function listAll<T extends KubernetesObject>(client: ClusterClient, kind: ResourceKind): Promise<T[]> {
    try {
        return (await client.list<T>(kind)).items;
    } catch (error) {
        if (hasReason(error, "not-found")) {
            return [];
        }
        throw error;
    }
}

/** Multus' annotation is a comma-separated list of `[namespace/]name[@interface]`, or a JSON list of objects. */
function podNames(pod: KubernetesObject, nadName: string): boolean {
    const annotation = pod.metadata.annotations?.["k8s.v1.cni.cncf.io/networks"];
    if (!annotation) {
        return false;
    }
    if (!annotation.trimStart().startsWith("[")) {
        return annotation.split(",").some((entry) => qualified(entry.trim().split("@")[0], pod) === nadName);
    }
    try {
        const entries = JSON.parse(annotation) as { name: string; namespace?: string }[];
        return entries.some((entry) => `${entry.namespace ?? pod.metadata.namespace ?? ""}/${entry.name}` === nadName);
    } catch {
        return false;
    }
}

function qualified(networkName: string | undefined, object: KubernetesObject): string | undefined {
    return networkName === undefined || networkName.includes("/")
        ? networkName
        : `${object.metadata.namespace ?? ""}/${networkName}`;
}

function user(noun: string, object: KubernetesObject): User {
    return {
        name: `${noun} ${object.metadata.namespace ?? ""}/${object.metadata.name}`,
        leaving: object.metadata.deletionTimestamp !== undefined,
    };
}

function names(users: readonly User[]): string {
    const shown = users.slice(0, MAX_NAMES).map((each) => each.name);
    const more = users.length - shown.length;
    return [...shown, ...(more > 0 ? [`${String(more)} more`] : [])].join(", ");
}
