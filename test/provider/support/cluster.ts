import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import {
    ApiException,
    CoreV1Api,
    CustomObjectsApi,
    type KubeConfig,
    KubernetesObjectApi,
    PatchStrategy,
} from "@kubernetes/client-node";

import { loadKubeConfig } from "../../../cluster/connection";

/** A plain object of the API server, as far as the suite reads it. */
export interface KubeObject {
    apiVersion: string;
    kind: string;
    metadata: {
        name: string;
        namespace?: string;
        annotations?: Record<string, string>;
        labels?: Record<string, string>;
        finalizers?: string[];
        uid?: string;
        managedFields?: { manager: string; operation: string; fieldsV1: object }[];
    };
    spec?: Record<string, unknown>;
    data?: Record<string, string>;
    status?: Record<string, unknown>;
}

/** What names an object. */
export interface Reference {
    apiVersion: string;
    kind: string;
    metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
}

/** A whole object as a program writes it. */
export interface Manifest extends Reference {
    [field: string]: unknown;
}

/** The cluster under test as its administrator sees it, through a client that shares no code with the provider. */
export class TestCluster {
    readonly kubeconfig: string;
    readonly config: KubeConfig;
    private readonly objects: KubernetesObjectApi;
    private readonly namespaces: string[] = [];

    constructor() {
        const path = process.env.WUKONG_TEST_KUBECONFIG;
        if (!path) {
            throw new Error("WUKONG_TEST_KUBECONFIG names no kubeconfig: these tests need an API server.");
        }
        this.kubeconfig = readFileSync(path, "utf8");
        this.config = loadKubeConfig({ kubeconfig: path });
        this.objects = KubernetesObjectApi.makeApiClient(this.config);
    }

    async makeNamespace(): Promise<string> {
        const name = `provider-test-${randomBytes(4).toString("hex")}`;
        await this.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
        this.namespaces.push(name);
        return name;
    }

    async removeNamespaces(): Promise<void> {
        for (const name of this.namespaces.splice(0)) {
            await this.delete({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
        }
    }

    async create(object: object): Promise<KubeObject> {
        return await this.objects.create(object as never);
    }

    async read(reference: Reference): Promise<KubeObject> {
        return (await this.objects.read(reference)) as unknown as KubeObject;
    }

    async exists(reference: Reference): Promise<boolean> {
        try {
            await this.read(reference);
            return true;
        } catch (error) {
            if (error instanceof ApiException && error.code === 404) {
                return false;
            }
            throw error;
        }
    }

    /** Changes an object by hand, as `kubectl patch --type=merge` does. */
    async patch(object: object, fieldManager = "by-hand"): Promise<void> {
        await this.objects.patch(
            object as never,
            undefined,
            undefined,
            fieldManager,
            undefined,
            PatchStrategy.MergePatch,
        );
    }

    /** Writes a status, as a controller does. */
    async patchStatus(object: Reference & { status: object }): Promise<void> {
        const { apiVersion, kind, metadata, status } = object;
        const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
        const patch = [{ op: "add", path: "/status", value: status }];
        if (group === "") {
            const core = this.config.makeApiClient(CoreV1Api);
            await core.patchNamespacedServiceStatus({
                name: metadata.name,
                namespace: metadata.namespace!,
                body: patch,
            });
            return;
        }
        await this.config.makeApiClient(CustomObjectsApi).patchNamespacedCustomObjectStatus({
            group: group!,
            version: version!,
            namespace: metadata.namespace!,
            plural: `${kind.toLowerCase()}s`,
            name: metadata.name,
            body: patch,
        });
    }

    /** Takes ownership of fields, as `kubectl apply --server-side --force-conflicts` does. */
    async apply(object: object, fieldManager: string): Promise<void> {
        await this.objects.patch(
            object as never,
            undefined,
            undefined,
            fieldManager,
            true,
            PatchStrategy.ServerSideApply,
        );
    }

    async delete(reference: Reference): Promise<void> {
        try {
            await this.objects.delete(reference);
        } catch (error) {
            if (!(error instanceof ApiException && error.code === 404)) {
                throw error;
            }
        }
    }

    /** Waits until a condition on the cluster holds. */
    async until(what: string, condition: () => Promise<boolean>): Promise<void> {
        const deadline = Date.now() + 30_000;
        while (!(await condition())) {
            if (Date.now() > deadline) {
                throw new Error(`after 30 s still waiting for ${what}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }

    /** A kubeconfig of a user who may do what the rules say in one namespace and nothing else. */
    async kubeconfigFor(namespace: string, rules: object[]): Promise<string> {
        const metadata = { name: "limited", namespace };
        await this.create({ apiVersion: "v1", kind: "ServiceAccount", metadata });
        await this.create({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules });
        await this.create({
            apiVersion: "rbac.authorization.k8s.io/v1",
            kind: "RoleBinding",
            metadata,
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "limited" },
            subjects: [{ kind: "ServiceAccount", name: "limited", namespace }],
        });
        const core = this.config.makeApiClient(CoreV1Api);
        const { status } = await core.createNamespacedServiceAccountToken({
            name: "limited",
            namespace,
            body: { spec: { audiences: [], expirationSeconds: 3600 } },
        });
        return this.kubeconfigWith({ user: { token: status!.token } });
    }

    /** This cluster's kubeconfig in JSON with another user, namespace or server. */
    kubeconfigWith(changes: { user?: object; namespace?: string; server?: string; context?: string }): string {
        const cluster = this.config.getCurrentCluster()!;
        const user = this.config.getCurrentUser()!;
        const context = changes.context ?? "only";
        return JSON.stringify({
            apiVersion: "v1",
            kind: "Config",
            "current-context": context,
            clusters: [
                {
                    name: "c",
                    cluster: {
                        server: changes.server ?? cluster.server,
                        ...(cluster.caData && { "certificate-authority-data": cluster.caData }),
                        ...(cluster.caFile && { "certificate-authority": cluster.caFile }),
                        ...(cluster.skipTLSVerify && { "insecure-skip-tls-verify": true }),
                    },
                },
            ],
            users: [
                {
                    name: "u",
                    user: changes.user ?? {
                        ...(user.token && { token: user.token }),
                        ...(user.certData && { "client-certificate-data": user.certData }),
                        ...(user.keyData && { "client-key-data": user.keyData }),
                        ...(user.certFile && { "client-certificate": user.certFile }),
                        ...(user.keyFile && { "client-key": user.keyFile }),
                    },
                },
            ],
            contexts: [{ name: context, context: { cluster: "c", user: "u", namespace: changes.namespace } }],
        });
    }
}
