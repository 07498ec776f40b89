import { readNadConfig } from "../../core/cni/nad-config";
import { neighbourWarnings, type NamedNad } from "../../core/cni/neighbours";
import { MANAGER_ANNOTATION } from "../../core/manager";
import type { Problem } from "../../core/problem";
import { connectionKey } from "../../cluster/connection";
import { clientFor, type ClusterClient, type KubernetesObject } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import {
    NETWORK_ATTACHMENT_DEFINITION,
    POD,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    type ResourceKind,
} from "../../cluster/kinds";
import { networkUsers, type MachineObject, type NetworkUser, type PodObject } from "../../core/network-users";
import type { CommonInputs } from "../connection";
import { listedNads, nadConfigText } from "../listing";
import { checkWith, clientForCheck, containsUnknown, plainErrors, storedAnew } from "../handler";
import { poll } from "../../cluster/wait";

export interface NetworkGuardInputs extends CommonInputs {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    nadName: string;
    /** CNI configuration of the network, to be held against those of its neighbours. Never stored. */
    config?: string;
    /** Who manages the program's objects. Never stored. */
    manager?: string;
}

/** A message names at most so many users. */
const MAX_NAMES = 10;

/** Users on their way out (a pod that terminates) may take this long. */
const TERMINATION_SECONDS = 120;

const LIST = ["list"] as const;

export const check = checkWith<NetworkGuardInputs>(async ({ news }) => {
    const users = [VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, POD].map((kind) => ({ kind, verbs: LIST }));
    const [namespace = ""] = containsUnknown(news.nadName) ? [] : news.nadName.split("/");
    const nads = { kind: NETWORK_ATTACHMENT_DEFINITION, verbs: LIST };
    const nad = { kind: NETWORK_ATTACHMENT_DEFINITION, namespace };
    const needs = [...users, ...(news.config === undefined ? [] : [nads])];
    const client = await clientForCheck(news, `network ${news.nadName}`, needs, namespace === "" ? [] : [nad]);
    const problems = [...(await checkNeighbours(client, news)), ...(await checkChange(client, news))];
    const { config: _config, manager: _manager, ...stored } = news;
    return { inputs: stored, problems };
});

/** The networks of this program. */
const declared = new Map<string, NamedNad>();

/** Warnings about other networks on the same bridge: those of the program, and those of others in the cluster. */
async function checkNeighbours(client: ClusterClient | undefined, inputs: NetworkGuardInputs): Promise<Problem[]> {
    const { nadName, manager, connection } = inputs;
    const config = readNadConfig(inputs.config);
    if (!config || containsUnknown([nadName, manager, connection])) {
        return [];
    }
    const own = { nadName, config };
    declared.set(`${connectionKey(connection)} ${nadName}`, own);
    const mates = [...declared]
        .filter(([key]) => key.startsWith(`${connectionKey(connection)} `))
        .map(([, each]) => each);
    // What this program manages, it declares anew.
    const others = client
        ? await listedNads(client, ({ metadata }) => metadata.annotations?.[MANAGER_ANNOTATION] === manager)
        : [];
    return neighbourWarnings(`Network "${nadName}"`, own, [...mates, ...others]);
}

/**
 * A pod gets its NICs once, by the configuration of that moment: a VM that runs keeps what the network was, and reaches
 * none of those that start later.
 */
async function checkChange(client: ClusterClient | undefined, inputs: NetworkGuardInputs): Promise<Problem[]> {
    const { nadName, config } = inputs;
    if (!client || config === undefined || containsUnknown(nadName)) {
        return [];
    }
    const before = await nadConfigText(client, nadName);
    if (before === undefined || before === config) {
        return [];
    }
    const users = await usersOf(client, nadName);
    const running = users.filter(({ noun, isLeaving }) => noun === "VMI" && !isLeaving);
    return running.length === 0
        ? []
        : [
              {
                  subject: `Network "${nadName}"`,
                  field: "config",
                  rule: `its change reaches running VMs at their next start or live migration only; until then these are on the network as it was: ${names(running)}`,
                  remedy: "migrate or restart them soon, or make another Network and move the NICs there",
                  severity: "warning",
              },
          ];
}

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
            const staying = users.filter((user) => !user.isLeaving);
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

/** Whoever names the NetworkAttachmentDefinition, anywhere in the cluster. */
async function usersOf(client: ClusterClient, nadName: string): Promise<NetworkUser[]> {
    const [vms, vmis, pods] = await Promise.all([
        listAll<MachineObject & KubernetesObject>(client, VIRTUAL_MACHINE),
        listAll<MachineObject & KubernetesObject>(client, VIRTUAL_MACHINE_INSTANCE),
        listAll<PodObject & KubernetesObject>(client, POD),
    ]);
    return networkUsers(nadName, { vms, vmis, pods });
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

function names(users: readonly NetworkUser[]): string {
    const shown = users.slice(0, MAX_NAMES).map((each) => each.name);
    const more = users.length - shown.length;
    return [...shown, ...(more > 0 ? [`${String(more)} more`] : [])].join(", ");
}
