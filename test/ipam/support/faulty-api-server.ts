import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { finished, pipeline } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";
import { ClusterClient } from "../../../cluster/client";
import { testKubeconfig } from "../../support/embedded-cluster";

/** What happens to a request on its way to the API server, or to its answer on the way back. */
export type Fault =
    | "reset before" // the request does not arrive
    | "lost answer" // it is carried out, and the answer does not arrive
    | "cut answer" // half of the answer arrives
    | "late" // it takes its time
    | "conflict" // a 409 of which the API server knows nothing
    | "busy" // 429 with Retry-After
    | "error"; // 500

export const FAULTS: readonly Fault[] = [
    "reset before",
    "lost answer",
    "cut answer",
    "late",
    "conflict",
    "busy",
    "error",
];

const LATE_MS = 100;

/** A server in front of the API server, which fails as it is told to. */
export class FaultyApiServer {
    /** What happens to the next requests; `undefined` is nothing. */
    public fault: (method: string, path: string) => Fault | undefined = () => undefined;
    /** How often each fault has happened. */
    public readonly happened = new Map<Fault, number>();

    private constructor(
        private readonly server: http.Server,
        private readonly upstream: URL,
        private readonly options: https.RequestOptions,
    ) {
        server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
            this.handle(request, response).catch(() => response.destroy());
        });
    }

    static async start(): Promise<FaultyApiServer> {
        const config = new k8s.KubeConfig();
        config.loadFromFile(await testKubeconfig());
        const options: https.RequestOptions = {};
        await config.applyToHTTPSOptions(options);
        const server = http.createServer();
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return new FaultyApiServer(server, new URL(config.getCurrentCluster()?.server ?? ""), options);
    }

    /** A client of the cluster by way of this server, which knows nothing of what others know. */
    public client(): ClusterClient {
        const config = new k8s.KubeConfig();
        const { port } = this.server.address() as AddressInfo;
        config.loadFromClusterAndUser(
            { name: "c", server: `http://127.0.0.1:${String(port)}`, skipTLSVerify: true },
            { name: "u" },
        );
        return new ClusterClient(config);
    }

    public async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        (this.options.agent as https.Agent | undefined)?.destroy();
    }

    private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
        const { method = "GET", url = "/" } = request;
        const chunks: Buffer[] = [];
        for await (const chunk of request) {
            chunks.push(chunk as Buffer);
        }
        const fault = this.fault(method, url);
        if (fault) {
            this.happened.set(fault, (this.happened.get(fault) ?? 0) + 1);
        }
        switch (fault) {
            case "reset before":
                request.socket.resetAndDestroy();
                return;
            case "conflict":
                answer(response, 409, "Conflict");
                return;
            case "busy":
                answer(response, 429, "TooManyRequests", { "retry-after": "1" });
                return;
            case "error":
                answer(response, 500, "InternalError");
                return;
            case "late":
                await delay(LATE_MS);
                break;
            default:
        }
        const upstream = await this.forward(request, Buffer.concat(chunks));
        if (fault === "lost answer") {
            upstream.destroy();
            request.socket.resetAndDestroy();
            return;
        }
        const { date, "content-type": type } = upstream.headers;
        const headers = { ...(date !== undefined && { date }), ...(type !== undefined && { "content-type": type }) };
        response.writeHead(upstream.statusCode ?? 502, headers);
        response.flushHeaders();
        if (fault === "cut answer") {
            upstream.once("data", (chunk: Buffer) => {
                response.write(chunk.subarray(0, chunk.length / 2), () => request.socket.resetAndDestroy());
            });
            finished(upstream, () => response.destroy());
            response.once("close", () => upstream.destroy());
            return;
        }
        pipeline(upstream, response, () => undefined); // Where one side breaks off, so does the other.
    }

    private async forward({ method, url, headers }: http.IncomingMessage, body: Buffer): Promise<http.IncomingMessage> {
        const passed = ["content-type", "accept"].flatMap((name) =>
            headers[name] === undefined ? [] : [[name, headers[name]]],
        );
        const { hostname, port } = this.upstream;
        const sent = https.request({
            ...this.options,
            hostname,
            port,
            method,
            path: url,
            headers: {
                ...(this.options.headers as http.OutgoingHttpHeaders | undefined),
                ...Object.fromEntries(passed),
                "content-length": String(body.length),
            },
        });
        sent.end(body);
        return new Promise((resolve, reject) => {
            sent.once("response", resolve).once("error", reject);
        });
    }
}

function answer(
    response: http.ServerResponse,
    code: number,
    reason: string,
    headers: http.OutgoingHttpHeaders = {},
): void {
    const status = {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        code,
        reason,
        message: "made up by the test",
    };
    response.writeHead(code, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(status));
}
