import type {
    ClusterSurvey,
    KubeVirtSurvey,
    NadSurvey,
    NodeInterfaces,
    NodeSurvey,
    Reading,
    SriovNodeSurvey,
    WorkloadSurvey,
} from "../../core/preflight/survey";
import type { ClusterClient, KubernetesObject } from "../client";
import { DYNAMIC_NETWORKS_CONTROLLER } from "../dynamic-networks";
import { hasReason } from "../errors";
import {
    DAEMON_SET,
    IP_HISTORY,
    IP_POOL,
    IP_RESERVATION,
    KUBEVIRT,
    NETWORK_ATTACHMENT_DEFINITION,
    NODE,
    NODE_NETWORK_STATE,
    resourceName,
    type ResourceKind,
    SRIOV_NODE_STATE,
} from "../kinds";
import { isServed } from "../preflight";
import { surveyPermissions } from "./permissions";

/**
 * Reads of a cluster all that decides what its VMs' NICs can do; writes nothing but questions for permissions.
 * @param namespace where the program has its VMs
 * @throws ClusterError where the cluster does not answer; what may not be read is part of the survey
 */
export async function surveyCluster(client: ClusterClient, namespace: string): Promise<ClusterSurvey> {
    const [kubevirt, nads, dynamicNetworks, nodes, nodeInterfaces, sriovNodes, kinds, permissions] = await Promise.all([
        readKubeVirt(client),
        reading(client, NETWORK_ATTACHMENT_DEFINITION, nadSurvey),
        readDynamicNetworks(client),
        reading(client, NODE, nodeSurvey),
        reading(client, NODE_NETWORK_STATE, nodeInterfacesOf),
        reading(client, SRIOV_NODE_STATE, sriovNodeSurvey),
        Promise.all(
            [IP_POOL, IP_RESERVATION, IP_HISTORY].map(async (kind) => ({
                name: resourceName(kind),
                served: await isServed(client, kind),
            })),
        ),
        surveyPermissions(client, namespace),
    ]);
    return { kubevirt, nads, dynamicNetworks, nodes, nodeInterfaces, sriovNodes, kinds, permissions };
}

type ReadObject<O, T> = (object: O) => T;

/** All objects of a kind, in all namespaces. */
async function reading<O extends KubernetesObject, T>(
    client: ClusterClient,
    kind: ResourceKind,
    read: ReadObject<O, T>,
): Promise<Reading<T[]>> {
    try {
        return { state: "read", value: (await client.list<O>(kind)).items.map(read) };
    } catch (error) {
        if (hasReason(error, "not-found")) {
            return { state: "unserved" };
        }
        if (hasReason(error, "forbidden")) {
            return { state: "forbidden", sentence: `the user may not list ${resourceName(kind)}` };
        }
        throw error;
    }
}

interface KubeVirtObject extends KubernetesObject {
    spec?: {
        workloadUpdateStrategy?: { workloadUpdateMethods?: string[] };
        configuration?: {
            vmRolloutStrategy?: string;
            developerConfiguration?: { featureGates?: string[]; disabledFeatureGates?: string[] };
        };
    };
    status?: { phase?: string; observedKubeVirtVersion?: string; targetKubeVirtVersion?: string };
}

async function readKubeVirt(client: ClusterClient): Promise<Reading<KubeVirtSurvey | undefined>> {
    const found = await reading(client, KUBEVIRT, ({ metadata, spec, status }: KubeVirtObject): KubeVirtSurvey => {
        const { vmRolloutStrategy, developerConfiguration } = spec?.configuration ?? {};
        const version = status?.observedKubeVirtVersion ?? status?.targetKubeVirtVersion;
        return {
            name: qualified(metadata),
            ...(version !== undefined && { version }),
            ...(status?.phase !== undefined && { phase: status.phase }),
            ...(vmRolloutStrategy !== undefined && { vmRolloutStrategy }),
            workloadUpdateMethods: spec?.workloadUpdateStrategy?.workloadUpdateMethods ?? [],
            featureGates: developerConfiguration?.featureGates ?? [],
            disabledFeatureGates: developerConfiguration?.disabledFeatureGates ?? [],
        };
    });
    return found.state === "read" ? { state: "read", value: found.value[0] } : found;
}

function nadSurvey({ metadata, spec }: KubernetesObject & { spec?: { config?: string } }): NadSurvey {
    const resource = metadata.annotations?.["k8s.v1.cni.cncf.io/resourceName"];
    return {
        name: qualified(metadata),
        ...(resource !== undefined && { resourceName: resource }),
        ...(spec?.config !== undefined && { config: spec.config }),
    };
}

interface DaemonSetObject extends KubernetesObject {
    status?: { desiredNumberScheduled?: number; numberReady?: number };
}

/** By its name, in a namespace of the installer's choice. */
async function readDynamicNetworks(client: ClusterClient): Promise<Reading<WorkloadSurvey[]>> {
    const found = await reading(client, DAEMON_SET, ({ metadata, status }: DaemonSetObject) => ({
        name: `DaemonSet ${qualified(metadata)}`,
        desired: status?.desiredNumberScheduled ?? 0,
        ready: status?.numberReady ?? 0,
    }));
    return found.state === "read"
        ? { ...found, value: found.value.filter(({ name }) => name.includes(DYNAMIC_NETWORKS_CONTROLLER)) }
        : found;
}

interface NodeObject extends KubernetesObject {
    spec?: { unschedulable?: boolean };
    status?: { allocatable?: Record<string, string>; conditions?: { type: string; status: string }[] };
}

function nodeSurvey({ metadata, spec, status }: NodeObject): NodeSurvey {
    const isReady = status?.conditions?.some((each) => each.type === "Ready" && each.status === "True") === true;
    // virt-handler's heartbeat sets the label, and its loss removes it.
    const isKubeVirts = metadata.labels?.["kubevirt.io/schedulable"] === "true";
    return {
        name: metadata.name,
        schedulable: isReady && isKubeVirts && spec?.unschedulable !== true,
        allocatable: status?.allocatable ?? {},
    };
}

interface NodeNetworkStateObject extends KubernetesObject {
    status?: { currentState?: { interfaces?: { name: string; type: string }[] } };
}

function nodeInterfacesOf({ metadata, status }: NodeNetworkStateObject): NodeInterfaces {
    const interfaces = (status?.currentState?.interfaces ?? []).map(({ name, type }) => [name, type] as const);
    return { node: metadata.name, interfaces: Object.fromEntries(interfaces) };
}

interface SriovNodeStateObject extends KubernetesObject {
    status?: { syncStatus?: string; lastSyncError?: string };
}

function sriovNodeSurvey({ metadata, status }: SriovNodeStateObject): SriovNodeSurvey {
    const error = status?.lastSyncError ?? "";
    return {
        node: metadata.name,
        syncStatus: status?.syncStatus ?? "unknown",
        ...(error !== "" && { error }),
    };
}

function qualified({ namespace = "", name }: KubernetesObject["metadata"]): string {
    return `${namespace}/${name}`;
}
