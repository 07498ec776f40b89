import type { PermissionSurvey } from "../../core/preflight/survey";
import type { ClusterClient } from "../client";
import {
    DAEMON_SET,
    ENDPOINT_SLICE,
    INGRESS,
    IP_ADDRESS,
    IP_HISTORY,
    IP_POOL,
    IP_RESERVATION,
    KUBEVIRT,
    MIGRATION,
    NETWORK_ATTACHMENT_DEFINITION,
    NETWORK_POLICY,
    NODE,
    POD,
    resourceName,
    SECRET,
    SERVICE,
    SERVICE_CIDR,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    VIRTUAL_MACHINE_RESTART,
    WHEREABOUTS_POOL,
    WHEREABOUTS_RESERVATION,
} from "../kinds";
import { deniedVerbs, isServed, type Need, type Verb } from "../preflight";

/** A need, and what an update does without it; undefined where it cannot do without. */
type Permission = Need & { readonly without?: string };

const MANAGE: readonly Verb[] = ["get", "list", "watch", "create", "patch", "delete"];
const NOT_SEEN = "addresses that they use are given out";

/** The permissions that the README lists: those of the first role, then of the second. */
function permissionsFor(namespace: string): Permission[] {
    return [
        { kind: IP_POOL, verbs: MANAGE },
        { kind: IP_RESERVATION, verbs: MANAGE },
        { kind: IP_HISTORY, verbs: ["list", "create"] },
        { kind: KUBEVIRT, verbs: ["list"], without: "what a change costs is not known" },
        { kind: DAEMON_SET, verbs: ["list"], without: "whether the dynamic-networks controller runs is not known" },
        { kind: VIRTUAL_MACHINE, verbs: ["list"] },
        { kind: VIRTUAL_MACHINE_INSTANCE, verbs: ["list"] },
        { kind: POD, verbs: ["list"] },
        { kind: NETWORK_ATTACHMENT_DEFINITION, verbs: ["list"] },
        ...[NODE, SERVICE, SERVICE_CIDR, WHEREABOUTS_POOL, WHEREABOUTS_RESERVATION].map((kind): Permission => ({
            kind,
            verbs: ["list"],
            without: NOT_SEEN,
        })),
        {
            kind: IP_ADDRESS,
            verbs: ["get", "create", "patch"],
            without: "Services may get addresses that a pool has reserved of a ServiceCIDR",
        },
        { kind: VIRTUAL_MACHINE, namespace, verbs: MANAGE },
        { kind: VIRTUAL_MACHINE_INSTANCE, namespace, verbs: ["get", "list", "watch"] },
        { kind: MIGRATION, namespace, verbs: ["create"], without: 'no VM can have onMigrationRequired: "request"' },
        {
            kind: VIRTUAL_MACHINE_RESTART,
            namespace,
            verbs: ["update"],
            without: 'no VM can have onRestartRequired: "restart"',
        },
        { kind: NETWORK_ATTACHMENT_DEFINITION, namespace, verbs: MANAGE },
        { kind: SECRET, namespace, verbs: MANAGE },
        { kind: SERVICE, namespace, verbs: MANAGE },
        { kind: INGRESS, namespace, verbs: MANAGE, without: "no Service can have an ingress" },
        {
            kind: NETWORK_POLICY,
            namespace,
            verbs: MANAGE,
            without: "no Service can have sourceRanges by NetworkPolicy",
        },
        { kind: ENDPOINT_SLICE, namespace, verbs: ["list"] },
    ];
}

/** What the kubeconfig's user may do of what a program needs; kinds that the cluster does not know are left out. */
export async function surveyPermissions(client: ClusterClient, namespace: string): Promise<PermissionSurvey[]> {
    const surveys = permissionsFor(namespace).map(async (need): Promise<PermissionSurvey[]> => {
        if (!(await isServed(client, need.kind))) {
            return [];
        }
        const denied = await deniedVerbs(client, need);
        const { kind, verbs, without } = need;
        return [
            {
                kind: resourceName(kind),
                ...(need.namespace !== undefined && { namespace: need.namespace }),
                ...{ verbs, denied },
                ...(without !== undefined && { without }),
            },
        ];
    });
    return (await Promise.all(surveys)).flat();
}
