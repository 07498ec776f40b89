import type { ClusterClient } from "./client";
import { ClusterError, hasReason } from "./errors";
import { IP_POOL, NETWORK_ATTACHMENT_DEFINITION, VIRTUAL_MACHINE, resourceName, type ResourceKind } from "./kinds";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** Something an `up` will do: verbs on a kind, in a namespace where the kind has one. */
export interface Need {
    readonly kind: ResourceKind;
    readonly verbs: readonly Verb[];
    readonly namespace?: string;
}

/** How to get a missing API group onto a cluster. */
const INSTALL: Record<string, string> = {
    [VIRTUAL_MACHINE.group]: "Install KubeVirt (1.6 or later) on it.",
    [NETWORK_ATTACHMENT_DEFINITION.group]: "Install Multus on it.",
    [IP_POOL.group]: "Install it: kubectl apply -f node_modules/pulumi-wukong/crds/ (beside your program).",
};

/** Answers are kept for the life of the process, which is one preview or one update. */
const answers = new WeakMap<ClusterClient, Map<string, Promise<unknown>>>();

/**
 * Whether the cluster serves each kind and lets the user do what is needed: sentences for what is missing, and what to
 * do. Writes nothing.
 * @throws ClusterError where the cluster does not answer
 */
export async function missing(client: ClusterClient, needs: readonly Need[]): Promise<string[]> {
    const kinds = new Map(needs.map((need) => [resourceName(need.kind), need.kind]));
    const unserved = await all([...kinds].map(([name, kind]) => once(client, name, () => checkServed(client, kind))));
    if (unserved.length > 0) {
        return unserved;
    }
    const denied = await all(grouped(needs).map((need) => denial(client, need)));
    return denied.length > 0
        ? [...denied, "Grant it by a Role or ClusterRole; the README lists all that is needed."]
        : [];
}

/** One need for each kind in each namespace. */
function grouped(needs: readonly Need[]): Need[] {
    const groups = new Map<string, Need>();
    for (const need of needs) {
        const key = `${resourceName(need.kind)} ${need.namespace ?? ""}`;
        groups.set(key, { ...need, verbs: [...new Set([...(groups.get(key)?.verbs ?? []), ...need.verbs])] });
    }
    return [...groups.values()];
}

/** The distinct answers other than "nothing is missing". */
async function all(checks: Promise<string | undefined>[]): Promise<string[]> {
    const sentences = await Promise.all(checks);
    return [...new Set(sentences.filter((sentence) => sentence !== undefined))];
}

function once<T>(client: ClusterClient, key: string, ask: () => Promise<T>): Promise<T> {
    const known = answers.get(client) ?? new Map<string, Promise<unknown>>();
    answers.set(client, known);
    const answer = (known.get(key) as Promise<T> | undefined) ?? ask();
    known.set(key, answer);
    return answer;
}

interface AccessReview {
    status: { allowed: boolean };
}

/** Whether the cluster knows a kind. */
export async function isServed(client: ClusterClient, kind: ResourceKind): Promise<boolean> {
    const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    try {
        const served = await client.request<{ resources: { name: string }[] }>("GET", root);
        return served.resources.some((resource) => resource.name === kind.plural);
    } catch (error) {
        if (hasReason(error, "not-found")) {
            return false;
        }
        throw error;
    }
}

async function checkServed(client: ClusterClient, kind: ResourceKind): Promise<string | undefined> {
    if (await isServed(client, kind)) {
        return undefined;
    }
    const remedy = INSTALL[kind.group] ?? "Install what provides it.";
    return `The cluster at ${client.server} does not know ${resourceName(kind)} (${kind.version}). ${remedy}`;
}

/** The verbs of a need that the user lacks. */
export async function deniedVerbs(client: ClusterClient, need: Need): Promise<Verb[]> {
    const allowed = await Promise.all(
        need.verbs.map((verb) => {
            const key = [verb, resourceName(need.kind), need.namespace].join(" ");
            return once(client, key, () => isAllowed(client, need, verb));
        }),
    );
    return need.verbs.filter((_, index) => allowed[index] === false);
}

/** A sentence for them. */
async function denial(client: ClusterClient, need: Need): Promise<string | undefined> {
    const denied = await deniedVerbs(client, need);
    if (denied.length === 0) {
        return undefined;
    }
    const scope = need.kind.namespaced
        ? ` in ${need.namespace === undefined ? "all namespaces" : `the namespace ${need.namespace}`}`
        : "";
    const verbs = denied.length === 1 ? denied.join() : `${denied.slice(0, -1).join(", ")} or ${denied.at(-1) ?? ""}`;
    return `The kubeconfig's user may not ${verbs} ${resourceName(need.kind)}${scope} on the cluster at ${client.server}.`;
}

async function isAllowed(client: ClusterClient, need: Need, verb: Verb): Promise<boolean> {
    const [resource, subresource] = need.kind.plural.split("/");
    const resourceAttributes = {
        verb,
        group: need.kind.group,
        version: need.kind.version,
        resource,
        ...(subresource !== undefined && { subresource }),
        ...(need.kind.namespaced && need.namespace !== undefined && { namespace: need.namespace }),
    };
    try {
        const review = await client.request<AccessReview>(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                body: {
                    apiVersion: "authorization.k8s.io/v1",
                    kind: "SelfSubjectAccessReview",
                    spec: { resourceAttributes },
                },
            },
        );
        return review.status.allowed;
    } catch (error) {
        // A cluster may forbid the question; then the answer comes with the request itself.
        if (error instanceof ClusterError && (error.reason === "forbidden" || error.reason === "not-found")) {
            return true;
        }
        throw error;
    }
}
