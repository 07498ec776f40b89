import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";

import type { KubeConfig } from "@kubernetes/client-node";

import { KubeError, NoMatchError } from "./kube-error";
import { apiVersionOf, type GroupVersionKind, gvkOf, namespaceOf, pluck } from "./kube-object";
import type { JsonObject } from "./values";

export interface ResourceMapping {
    plural: string;
    namespaced: boolean;
}

export interface WatchEvent {
    type: string;
    object: JsonObject;
}

interface RequestSettings {
    query?: Record<string, string | undefined>;
    body?: unknown;
    contentType?: string;
    accept?: string;
    signal?: AbortSignal;
}

// One request each for the core group and for all others (KEP-3352).
const AGGREGATED_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Plain JSON access to one API server, with its discovery kept until a kind is missing from it. */
export class KubeClient {
    private readonly server: URL;
    private agent: HttpAgent | HttpsAgent | undefined;
    private mappings = new Map<string, ResourceMapping>();

    constructor(
        private readonly config: KubeConfig,
        readonly signal: AbortSignal,
    ) {
        this.server = new URL(config.getCurrentCluster()!.server);
        signal.addEventListener("abort", () => this.agent?.destroy());
    }

    async discover(): Promise<void> {
        const mappings = new Map<string, ResourceMapping>();
        for (const path of ["/api", "/apis"]) {
            const list = await this.json("GET", path, { accept: AGGREGATED_DISCOVERY });
            for (const group of objects(list.items)) {
                const groupName = String(pluck(group, "metadata", "name") ?? "");
                for (const version of objects(group.versions)) {
                    for (const resource of objects(version.resources)) {
                        const kind = String(pluck(resource, "responseKind", "kind"));
                        const gvk = { group: groupName, version: String(version.version), kind };
                        mappings.set(key(gvk), {
                            plural: String(resource.resource),
                            namespaced: resource.scope === "Namespaced",
                        });
                    }
                }
            }
        }
        this.mappings = mappings;
    }

    mapping(gvk: GroupVersionKind): ResourceMapping | undefined {
        return this.mappings.get(key(gvk));
    }

    /** The resource of an object's kind, asked for again where discovery does not have it yet. */
    async resourceFor(object: JsonObject): Promise<KubeResource> {
        return this.resource(gvkOf(object), namespaceOf(object));
    }

    async resource(gvk: GroupVersionKind, namespace: string): Promise<KubeResource> {
        if (!this.mapping(gvk)) {
            await this.discover();
        }
        const mapping = this.mapping(gvk);
        if (!mapping) {
            throw new NoMatchError(gvk.kind, apiVersionOf(gvk));
        }
        const base = gvk.group === "" ? `/api/${gvk.version}` : `/apis/${gvk.group}/${gvk.version}`;
        const scope = mapping.namespaced ? `/namespaces/${encodeURIComponent(namespace || "default")}` : "";
        return new KubeResource(this, `${base}${scope}/${mapping.plural}`);
    }

    async json(method: string, path: string, settings: RequestSettings): Promise<JsonObject> {
        const response = await this.send(method, path, settings);
        return JSON.parse(await text(response)) as JsonObject;
    }

    async *lines(path: string, settings: RequestSettings): AsyncGenerator<string> {
        const response = await this.send("GET", path, settings);
        // A watch that is cut off after its reader left has nobody to tell.
        response.on("error", () => undefined);
        response.setEncoding("utf8");
        let rest = "";
        for await (const chunk of response as AsyncIterable<string>) {
            const lines = (rest + chunk).split("\n");
            rest = lines.pop()!;
            yield* lines;
        }
    }

    private async send(method: string, path: string, settings: RequestSettings): Promise<IncomingMessage> {
        const options: RequestOptions = { method, signal: settings.signal ?? this.signal };
        await this.config.applyToHTTPSOptions(options);
        const { ca, cert, key: clientKey, servername, rejectUnauthorized } = options;
        const secure = this.server.protocol === "https:";
        this.agent ??= secure
            ? new HttpsAgent({ keepAlive: true, ca, cert, key: clientKey, servername, rejectUnauthorized })
            : new HttpAgent({ keepAlive: true });
        options.agent = this.agent;
        const body = settings.body === undefined ? undefined : JSON.stringify(settings.body);
        options.headers = {
            ...(options.headers as Record<string, string>),
            accept: settings.accept ?? "application/json",
            "user-agent": "pulumi-kubernetes-stand-in",
            ...(body === undefined
                ? {}
                : {
                      "content-type": settings.contentType ?? "application/json",
                      "content-length": String(Buffer.byteLength(body)),
                  }),
        };
        const url = new URL(this.server.pathname.replace(/\/$/, "") + path, this.server);
        for (const [name, value] of Object.entries(settings.query ?? {})) {
            if (value !== undefined) {
                url.searchParams.set(name, value);
            }
        }
        const exchange = (): Promise<IncomingMessage> =>
            new Promise((resolve, reject) => {
                const request = (secure ? httpsRequest : httpRequest)(url, options, resolve);
                request.on("error", (error: NodeJS.ErrnoException) => {
                    // The server may close an idle connection just as it is used again: nothing was processed.
                    if (request.reusedSocket && error.code === "ECONNRESET") {
                        exchange().then(resolve, reject);
                    } else {
                        reject(error);
                    }
                });
                request.end(body);
            });
        const response = await exchange();
        const code = response.statusCode ?? 0;
        if (code < 200 || code > 299) {
            throw KubeError.fromResponse(code, await text(response));
        }
        return response;
    }
}

/** The objects of one kind in one namespace. */
export class KubeResource {
    constructor(
        private readonly client: KubeClient,
        private readonly path: string,
    ) {}

    get(name: string): Promise<JsonObject> {
        return this.client.json("GET", this.at(name), {});
    }

    list(fieldSelector?: string): Promise<JsonObject> {
        return this.client.json("GET", this.path, { query: { fieldSelector } });
    }

    create(object: JsonObject, fieldManager: string, preview: boolean): Promise<JsonObject> {
        return this.client.json("POST", this.path, { query: { fieldManager, dryRun: dryRun(preview) }, body: object });
    }

    apply(
        object: JsonObject,
        name: string,
        options: { fieldManager: string; force: boolean; preview: boolean; fieldValidation?: string },
    ): Promise<JsonObject> {
        const { fieldManager, force, preview, fieldValidation } = options;
        return this.client.json("PATCH", this.at(name), {
            query: { fieldManager, force: String(force), dryRun: dryRun(preview), fieldValidation },
            body: object,
            contentType: "application/apply-patch+yaml",
        });
    }

    jsonPatch(name: string, patch: JsonObject[] | null): Promise<JsonObject> {
        return this.client.json("PATCH", this.at(name), { body: patch, contentType: "application/json-patch+json" });
    }

    replace(object: JsonObject, name: string, fieldManager: string, preview: boolean): Promise<JsonObject> {
        const query = { fieldManager, dryRun: dryRun(preview) };
        return this.client.json("PUT", this.at(name), { query, body: object });
    }

    delete(name: string, propagationPolicy: string): Promise<JsonObject> {
        return this.client.json("DELETE", this.at(name), { body: { propagationPolicy } });
    }

    /** What is there, as ADDED, then SYNCED, then every change; starts again where the server ends the watch. */
    async *watch(signal: AbortSignal, fieldSelector?: string): AsyncGenerator<WatchEvent> {
        while (!signal.aborted) {
            const list = await this.list(fieldSelector);
            for (const object of objects(list.items)) {
                yield { type: "ADDED", object };
            }
            yield { type: "SYNCED", object: list };
            const resourceVersion = String(pluck(list, "metadata", "resourceVersion"));
            const query = { fieldSelector, resourceVersion, watch: "true", timeoutSeconds: "300" };
            for await (const line of this.client.lines(this.path, { query, signal })) {
                const event = JSON.parse(line) as unknown as WatchEvent;
                if (event.type === "ERROR") {
                    break;
                }
                yield event;
            }
        }
    }

    private at(name: string): string {
        return `${this.path}/${encodeURIComponent(name)}`;
    }
}

function key(gvk: GroupVersionKind): string {
    return `${apiVersionOf(gvk)}/${gvk.kind}`;
}

function dryRun(preview: boolean): string | undefined {
    return preview ? "All" : undefined;
}

function objects(value: unknown): JsonObject[] {
    return Array.isArray(value) ? (value as JsonObject[]) : [];
}

async function text(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
        chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString("utf8");
}
