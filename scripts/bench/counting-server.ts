import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type * as k8s from "@kubernetes/client-node";

/** A request that came through, with its kind as the path has it: group and plural. */
interface Counted {
    readonly verb: "get" | "list" | "watch" | "write";
    readonly kind: string;
}

/** What the verbs of the API are by method; a question about one's own rights is put as a write, but makes none. */
const QUESTIONS = ["selfsubjectaccessreviews"];

/** A server in front of the API server, which counts what passes. */
export class CountingServer {
    private readonly counted: Counted[] = [];

    private constructor(
        private readonly server: http.Server,
        private readonly upstream: URL,
        private readonly options: https.RequestOptions,
    ) {
        server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
            this.counted.push(...countedOf(request.method ?? "", request.url ?? ""));
            this.forward(request, response);
        });
    }

    /** @param config the cluster, and as whom it is asked */
    static async start(config: k8s.KubeConfig): Promise<CountingServer> {
        const options: https.RequestOptions = {};
        await config.applyToHTTPSOptions(options);
        const server = http.createServer();
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return new CountingServer(server, new URL(config.getCurrentCluster()?.server ?? ""), options);
    }

    /** Contents of a kubeconfig that leads here. */
    get kubeconfig(): string {
        const { port } = this.server.address() as AddressInfo;
        return JSON.stringify({
            apiVersion: "v1",
            kind: "Config",
            clusters: [
                { name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } },
            ],
            users: [{ name: "u", user: {} }],
            contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
            "current-context": "c",
        });
    }

    /** How many writes there were. */
    get writes(): number {
        return this.counted.filter(({ verb }) => verb === "write").length;
    }

    /** How many lists of each kind there were. */
    get lists(): ReadonlyMap<string, number> {
        const lists = new Map<string, number>();
        for (const { kind } of this.counted.filter(({ verb }) => verb === "list")) {
            lists.set(kind, (lists.get(kind) ?? 0) + 1);
        }
        return lists;
    }

    get requests(): number {
        return this.counted.length;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        (this.options.agent as https.Agent | undefined)?.destroy();
    }

    private forward(request: http.IncomingMessage, response: http.ServerResponse): void {
        const { method, url, headers } = request;
        const forwarded = https.request(
            new URL(url ?? "/", this.upstream),
            {
                ...this.options,
                method,
                headers: {
                    ...headers,
                    ...(this.options.headers as http.OutgoingHttpHeaders),
                    host: this.upstream.host,
                },
            },
            (answer) => {
                response.writeHead(answer.statusCode ?? 502, answer.headers);
                answer.on("error", () => response.destroy()).pipe(response);
            },
        );
        forwarded.on("error", () => response.destroy());
        response.on("close", () => forwarded.destroy());
        request.pipe(forwarded);
    }
}

/** A request for objects; discovery, versions and the like are none. */
function countedOf(method: string, url: string): Counted[] {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const match = /^\/(?:api|apis\/([^/]+))\/[^/]+\/(?:namespaces\/[^/]+\/(?=[^/]))?([^/]+)(\/.+)?$/.exec(pathname);
    const [, group = "", plural = "", name] = match ?? [];
    if (plural === "" || QUESTIONS.includes(plural)) {
        return [];
    }
    const watches = ["true", "1"].includes(searchParams.get("watch") ?? "");
    const reads = name === undefined ? "list" : "get";
    const verb = method === "GET" ? (watches ? "watch" : reads) : "write";
    return [{ verb, kind: group === "" ? plural : `${plural}.${group}` }];
}
