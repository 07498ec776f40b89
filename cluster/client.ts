import { setTimeout as sleep } from "node:timers/promises";
import pRetry, { AbortError } from "p-retry";
import { connectionKey, loadKubeConfig, type ConnectionArgs } from "./connection";
import { ClusterError, errorOfStatus, hasReason } from "./errors";
import { pathOf, type ResourceKind } from "./kinds";
import { type HttpMethod, IsomorphicFetchHttpLibrary, RequestContext, type KubeConfig } from "./kubernetes-client";

/** An object of the Kubernetes API; what lies beside the metadata is the caller's to type. */
export interface KubernetesObject {
    apiVersion?: string;
    kind?: string;
    metadata: ObjectMeta;
}

/** The metadata that is read here. */
export interface ObjectMeta {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    finalizers?: string[];
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string }[];
}

export interface ObjectList<T> {
    metadata: { resourceVersion?: string };
    items: T[];
}

/** One operation of a JSON Patch (RFC 6902). */
export interface JsonPatchOperation {
    op: "add" | "remove" | "replace" | "test";
    path: string;
    value?: unknown;
}

/** A request is given up after this long; a request that failed on the way is repeated within it. */
const REQUEST_DEADLINE_MS = 30_000;

/** A request that fails for the moment is repeated this often. */
const RETRIES = 4;

/** The field manager of every write, as `managedFields` shows it. */
const FIELD_MANAGER = "pulumi-wukong";

/** What lists objects; a caller may hand over one that remembers what it has listed. */
export type Lister = Pick<ClusterClient, "list">;

/** The one Kubernetes client: retry, deadlines and error texts around the API server's JSON interface. */
export class ClusterClient {
    private readonly http = new IsomorphicFetchHttpLibrary();
    /** How far the server's clock is ahead of this machine's; unknown before its first answer. */
    private clockSkewMs: number | undefined;

    constructor(
        /** Where the cluster is, and as whom it is asked. */
        public readonly kubeConfig: KubeConfig,
        private readonly deadlineMs = REQUEST_DEADLINE_MS,
    ) {}

    /** The server's URL, which names the cluster in messages. */
    get server(): string {
        return this.kubeConfig.getCurrentCluster()?.server ?? "";
    }

    /** @throws ClusterError `not-found`, or any other reason */
    async get<T extends KubernetesObject>(kind: ResourceKind, namespace: string | undefined, name: string): Promise<T> {
        return this.request<T>("GET", pathOf(kind, namespace, name));
    }

    /** Like `get`, with `undefined` for an object (or a kind) that does not exist. */
    async find<T extends KubernetesObject>(
        kind: ResourceKind,
        namespace: string | undefined,
        name: string,
    ): Promise<T | undefined> {
        try {
            return await this.get<T>(kind, namespace, name);
        } catch (error) {
            if (error instanceof ClusterError && error.reason === "not-found") {
                return undefined;
            }
            throw error;
        }
    }

    /** The objects of a namespace, or of all when `namespace` is undefined. */
    async list<T extends KubernetesObject>(
        kind: ResourceKind,
        namespace?: string,
        selector: { [key in "labelSelector" | "fieldSelector"]?: string } = {},
    ): Promise<ObjectList<T>> {
        return this.request<ObjectList<T>>("GET", pathOf(kind, namespace), { query: selector });
    }

    /** @throws ClusterError `already-exists` where the name is taken */
    async create<T extends KubernetesObject>(kind: ResourceKind, object: T): Promise<T> {
        return this.request<T>("POST", pathOf(kind, object.metadata.namespace), {
            body: object,
            query: { fieldManager: FIELD_MANAGER },
        });
    }

    /** @throws ClusterError `invalid` where a `test` of the patch fails */
    async patch<T extends KubernetesObject>(
        kind: ResourceKind,
        namespace: string | undefined,
        name: string,
        operations: readonly JsonPatchOperation[],
    ): Promise<T> {
        return this.request<T>("PATCH", pathOf(kind, namespace, name), {
            body: operations,
            contentType: "application/json-patch+json",
            query: { fieldManager: FIELD_MANAGER },
        });
    }

    /**
     * Deletes the object with this uid (and version, where one is given); one that is gone, or whose name another object
     * has taken, or that has changed since, is left alone. Says whether it was deleted.
     */
    async delete(
        kind: ResourceKind,
        namespace: string | undefined,
        name: string,
        preconditions: { uid: string; resourceVersion?: string },
    ): Promise<boolean> {
        try {
            await this.request("DELETE", pathOf(kind, namespace, name), { body: { preconditions } });
            return true;
        } catch (error) {
            if (hasReason(error, "not-found") || hasReason(error, "conflict")) {
                return false;
            }
            throw error;
        }
    }

    /** The time by the API server's clock, to the second or so: as its last answer dated it. */
    serverNow(): Date {
        return new Date(Date.now() + (this.clockSkewMs ?? 0));
    }

    /** Credentials may have to be fetched first, by a command or from an identity provider. */
    private async authenticate(context: RequestContext): Promise<void> {
        try {
            await this.kubeConfig.applySecurityAuthentication(context);
        } catch (cause) {
            const message = `The credentials for the cluster at ${this.server} cannot be had: ${rootMessage(cause)}.`;
            throw new ClusterError("unauthorized", `${message} Check the user of the kubeconfig's context.`, { cause });
        }
    }

    private readClock(date: string | undefined): void {
        const server = Date.parse(date ?? "");
        if (!Number.isNaN(server)) {
            // The header is cut to the second: of all answers the one that came right after a full second is right.
            this.clockSkewMs = Math.max(this.clockSkewMs ?? -Infinity, server - Date.now());
        }
    }

    /** A request by path, for what is no object of a kind (discovery, access reviews). */
    async request<T>(
        method: keyof typeof HttpMethod,
        path: string,
        options: { body?: unknown; contentType?: string; query?: Record<string, string> } = {},
    ): Promise<T> {
        const signal = AbortSignal.timeout(this.deadlineMs);
        const what = `${method} ${path}`;
        let last: Error | undefined;
        const attempt = async (): Promise<T> => {
            const context = new RequestContext(this.server + path, method);
            for (const [name, value] of Object.entries(options.query ?? {})) {
                context.setQueryParam(name, value);
            }
            // As kubectl does: subresources of aggregated APIs may answer with no body at all.
            context.setHeaderParam("Accept", "application/json, */*");
            if (options.body !== undefined) {
                context.setHeaderParam("Content-Type", options.contentType ?? "application/json");
                context.setBody(JSON.stringify(options.body));
            }
            context.setSignal(signal);
            await this.authenticate(context);
            const response = await this.http.send(context).toPromise();
            const text = await response.body.text();
            this.readClock(response.headers["date"]);
            if (response.httpStatusCode >= 200 && response.httpStatusCode < 300) {
                return (text === "" ? undefined : parsedAnswer(text, what, this.server)) as T;
            }
            const error = errorOfStatus(response.httpStatusCode, text, what, this.server);
            if (!isTransient(response.httpStatusCode)) {
                throw new AbortError(error);
            }
            last = error;
            await pause(response.headers["retry-after"], signal);
            throw error;
        };
        try {
            return await pRetry(attempt, {
                retries: RETRIES,
                minTimeout: 100,
                maxTimeout: 2_000,
                randomize: true,
                signal,
                onFailedAttempt: ({ error }) => {
                    last = isAbort(error) ? last : error;
                },
                shouldRetry: ({ error }) => !isRefused(error),
            });
        } catch (error) {
            if (error instanceof ClusterError) {
                throw error;
            }
            const why = signal.aborted
                ? ` within ${this.deadlineMs / 1000} s${last ? `; last seen: ${rootMessage(last)}` : ""}`
                : `: ${rootMessage(error)}`;
            throw new ClusterError(
                "unreachable",
                `The cluster at ${this.server} did not answer ${what}${why.replace(/\.$/, "")}. ` +
                    `Check that it runs and that the kubeconfig's context is the one you mean.`,
                { cause: error },
            );
        }
    }
}

const clients = new Map<string, ClusterClient>();

/**
 * The client of a cluster, shared by all resources of a process.
 * @throws ClusterError `no-cluster` where the kubeconfig names none
 */
export function clientFor(args: ConnectionArgs): ClusterClient {
    const key = connectionKey(args);
    let client = clients.get(key);
    if (!client) {
        client = new ClusterClient(loadKubeConfig(args));
        clients.set(key, client);
    }
    return client;
}

function isTransient(status: number): boolean {
    return status === 429 || status >= 500;
}

/** Waits as long as the server asks for, at most until the deadline: it says `1` while it is busy or starts. */
async function pause(retryAfter: string | undefined, signal: AbortSignal): Promise<void> {
    const seconds = Number(retryAfter);
    if (seconds > 0) {
        await sleep(seconds * 1000, undefined, { signal });
    }
}

function parsedAnswer(text: string, what: string, server: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        throw new AbortError(
            new ClusterError(
                "failed",
                `What answers ${what} at ${server} is no Kubernetes API server: it sends no JSON. ` +
                    `Check the server of the kubeconfig's context.`,
            ),
        );
    }
}

/** Nobody listens there: trying again within the deadline would only delay the answer. */
function isRefused(error: Error): boolean {
    return ["ECONNREFUSED", "ENOTFOUND"].some((code) => codesOf(error).includes(code));
}

function isAbort(error: Error): boolean {
    return error.name === "AbortError" || error.name === "TimeoutError";
}

function codesOf(error: unknown): unknown[] {
    return error instanceof Error ? ["code" in error ? error.code : undefined, ...codesOf(error.cause)] : [];
}

function rootMessage(error: unknown): string {
    let current = error;
    while (current instanceof Error && current.cause instanceof Error) {
        current = current.cause;
    }
    return current instanceof Error ? current.message || current.name : String(current);
}
