import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";

/** Stands before the API server, and knows what was asked of it. */
export interface RecordingProxy {
    /** A kubeconfig by which a token's owner asks through it. */
    configOf(token: string): KubeConfig;
    /** `verb group/resource`, as RBAC names requests, each once, sorted. */
    asked(): string[];
    close(): Promise<void>;
}

/** Starts one before the API server of a kubeconfig. */
export async function startRecordingProxy(config: KubeConfig): Promise<RecordingProxy> {
    const { server: target = "", caData = "" } = config.getCurrentCluster() ?? {};
    const caFile = config.getCurrentCluster()?.caFile;
    const ca = caFile === undefined ? Buffer.from(caData, "base64") : readFileSync(caFile);
    const seen = new Set<string>();
    const server = createServer((request, response) => {
        seen.add(attributesOf(request));
        const { authorization = "" } = request.headers;
        const { method, headers, url = "" } = request;
        const passed = requestHttps(
            target + url,
            { method, ca, headers: { ...headers, authorization, host: new URL(target).host } },
            (answer) => {
                response.writeHead(answer.statusCode ?? 502, answer.headers);
                answer.pipe(response);
            },
        );
        passed.on("error", () => response.destroy());
        response.on("close", () => passed.destroy());
        request.pipe(passed);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
        configOf: (token) => {
            const through = new KubeConfig();
            through.loadFromClusterAndUser(
                { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
                { name: "u", token },
            );
            return through;
        },
        asked: () => [...seen].sort(),
        close: async () => {
            server.closeAllConnections();
            server.close();
            await once(server, "close");
        },
    };
}

/** How the API server names a request (`RequestInfo` of k8s.io/apiserver). */
function attributesOf({ method, url = "" }: IncomingMessage): string {
    const { pathname, searchParams } = new URL(url, "http://proxy");
    const [root, ...rest] = pathname.split("/").filter((part) => part !== "");
    const group = root === "apis" ? (rest.shift() ?? "") : "";
    rest.shift(); // the version
    const [resource = "", name] = rest[0] === "namespaces" && rest.length > 2 ? rest.slice(2) : rest;
    const reads = searchParams.has("watch") ? "watch" : name === undefined ? "list" : "get";
    const verbs: Record<string, string> = {
        GET: reads,
        POST: "create",
        PUT: "update",
        PATCH: "patch",
        DELETE: "delete",
    };
    return `${verbs[method ?? ""] ?? method} ${group}/${resource}`;
}
