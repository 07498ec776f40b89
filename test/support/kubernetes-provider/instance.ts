import type { ChannelCredentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

import { messageOf } from "./errors";
import { KubeClient } from "./kube-client";
import { type GroupVersionKind, gvkOf } from "./kube-object";
import { type KubeconfigChoice, resolveKubeconfig } from "./kubeconfig";
import { isBuiltIn } from "./normalize";
import type { JsonObject } from "./values";

/** The options of one `kubernetes.Provider`, from its arguments or from the environment. */
export interface Settings extends KubeconfigChoice {
    enableSecretMutable: boolean;
    enableConfigMapMutable: boolean;
    enablePatchForce: boolean;
    upsertExistingObjects: boolean;
    deleteUnreachable: boolean;
    skipUpdateUnreachable: boolean;
}

// Built-in kinds without a namespace, known also where no cluster can be asked.
const CLUSTER_SCOPED = new Set([
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
]);

/** One provider instance of one engine run: the default provider, or one that the program made. */
export class ProviderInstance {
    settings: Settings | undefined;
    defaultNamespace = "default";
    unreachable: string | undefined;
    private engine: EngineClient | undefined;
    private kube: KubeClient | undefined;
    private abort = new AbortController();

    attach(engineAddress: string, credentials: ChannelCredentials): void {
        this.engine?.close();
        this.engine = new EngineClient(engineAddress, credentials);
    }

    async configure(settings: Settings, environment: NodeJS.ProcessEnv): Promise<void> {
        this.cancel();
        this.abort = new AbortController();
        this.settings = settings;
        this.kube = undefined;
        this.unreachable = undefined;
        try {
            const { config, defaultNamespace } = resolveKubeconfig(settings, environment);
            this.defaultNamespace = defaultNamespace;
            this.kube = new KubeClient(config, this.abort.signal);
        } catch (error) {
            this.unreachable = `unable to load Kubernetes client configuration from kubeconfig file. ${messageOf(error)}`;
            return;
        }
        try {
            await this.kube.discover();
        } catch (error) {
            this.unreachable = `unable to load schema information from the API server: ${messageOf(error)}`;
        }
    }

    /** Stops what is under way, as the engine asks at the end of a run and on Ctrl-C. */
    cancel(): void {
        this.abort.abort();
    }

    close(): void {
        this.cancel();
        this.engine?.close();
    }

    get options(): Settings {
        if (!this.settings) {
            throw new Error("this connection has not been configured");
        }
        return this.settings;
    }

    /** The API server, for operations that cannot do without it. */
    get client(): KubeClient {
        if (!this.kube || this.unreachable !== undefined) {
            throw new Error(`configured Kubernetes cluster is unreachable: ${this.unreachable ?? "not configured"}`);
        }
        return this.kube;
    }

    get signal(): AbortSignal {
        return this.abort.signal;
    }

    /** Whether the API server has the object's kind, as far as discovery has been asked. */
    knows(object: JsonObject): boolean {
        return this.unreachable === undefined && this.kube?.mapping(gvkOf(object)) !== undefined;
    }

    /** Kinds nobody knows yet are taken for namespaced, as upstream does. */
    isNamespaced(gvk: GroupVersionKind): boolean {
        if (isBuiltIn({ apiVersion: `${gvk.group}/${gvk.version}`, kind: gvk.kind })) {
            return !CLUSTER_SCOPED.has(gvk.kind);
        }
        return this.kube?.mapping(gvk)?.namespaced ?? true;
    }

    warn(urn: string, message: string): void {
        this.log(LogSeverity.WARNING, urn, message, false);
    }

    status(urn: string, message: string): void {
        this.log(LogSeverity.INFO, urn, message, true);
    }

    private log(severity: LogSeverity, urn: string, message: string, ephemeral: boolean): void {
        const request = new LogRequest();
        request.setSeverity(severity);
        request.setUrn(urn);
        request.setMessage(message);
        request.setEphemeral(ephemeral);
        // A message that the engine does not take any more is no reason to fail the operation.
        this.engine?.log(request, () => undefined);
    }
}
