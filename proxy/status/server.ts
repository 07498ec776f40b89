import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { bearerOf, isSameToken, readerToken } from "./access";
import type { ProxyMetrics } from "./metrics";
import { addHealthRoutes, addReadRoutes } from "./read-routes";
import { Refusal } from "./refusal";
import { MANIFEST_LIMIT, parseYaml, violationError } from "./service-manifest";
import type { StatusSource } from "./source";
import { addWriteRoutes } from "./write-routes";

/** Where and for whom the status API is. */
export interface StatusServerOptions {
    /** @default "127.0.0.1" */
    readonly host?: string;
    /** 0 takes a free one. @default 5050 */
    readonly port?: number;
    /**
     * File with the token that readers must send. Needed at any address but loopback. The API itself speaks plain HTTP:
     * where it leaves the node, put what speaks TLS in front of it.
     * @default readers need none
     */
    readonly tokenFile?: string;
    /** Its cluster is changed, with the rights of whoever asks for it. */
    readonly client: Pick<ClusterClient, "kubeConfig">;
    readonly metrics: ProxyMetrics;
    readonly log: Logger;
}

/** A status API that listens. */
export interface StatusServer {
    readonly url: string;
    /** Ends it, after the requests that are under way. */
    close(): Promise<void>;
}

/** Who takes longer to send a request is cut off. */
const REQUEST_MS = 30_000;

/** What a failure is told with. */
interface Failure {
    readonly code: number;
    readonly error: string;
    /** Path of the member of the body that is wrong. */
    readonly field?: string | undefined;
}

/**
 * Starts the status API.
 * @throws Error where the address needs a token and has none, or cannot be had
 */
export async function startStatusServer(options: StatusServerOptions, source: StatusSource): Promise<StatusServer> {
    const { host = "127.0.0.1", port = 5050, tokenFile, client, metrics, log } = options;
    const token = readerToken(host, tokenFile);
    const server = fastify({
        bodyLimit: MANIFEST_LIMIT,
        requestTimeout: REQUEST_MS,
        // A manifest is the caller's: nothing in it is converted, left out or filled in.
        ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
        schemaErrorFormatter: ([violation]) =>
            violation === undefined ? new Refusal(400, "The request is not valid.") : violationError(violation),
        forceCloseConnections: "idle",
    });
    const yaml = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];
    server.addContentTypeParser(yaml, { parseAs: "string" }, async (_request: FastifyRequest, body: string) =>
        parseYaml(body),
    );
    server.setErrorHandler(async (error: Error, _request, reply) => {
        const failure = failureOf(error);
        if (failure.code >= 500) {
            log.warn({ error: error.message, stack: error.stack }, "a request to the status API failed");
        }
        return answer(reply, failure);
    });
    server.setNotFoundHandler(async ({ method, url }, reply) =>
        answer(reply, { code: 404, error: `There is nothing at ${method} ${url}; see /api/v1/services.` }),
    );
    addHealthRoutes(server, source);
    addWriteRoutes(server, client);
    await server.register(async (readers: FastifyInstance) => {
        if (token !== undefined) {
            readers.addHook("onRequest", async ({ headers }, reply) => {
                if (!isSameToken(bearerOf(headers.authorization) ?? "", token)) {
                    const error = "Send the token of the status API's readers, as `Authorization: Bearer <token>`.";
                    return answer(reply, { code: 401, error });
                }
                return undefined;
            });
        }
        addReadRoutes(readers, source, metrics);
    });
    const url = await server.listen({ host, port });
    log.info({ url }, "the status API listens");
    return {
        url,
        close: async () => {
            await server.close();
        },
    };
}

async function answer(reply: FastifyReply, { code, error, field }: Failure): Promise<FastifyReply> {
    if (code === 401) {
        void reply.header("www-authenticate", "Bearer"); // RFC 9110 11.6.1
    }
    return reply.code(code).send({ error, ...(field !== undefined && { field }) });
}

/** What an error is told with, and never where in the program it comes from. */
function failureOf(error: Error & { statusCode?: number }): Failure {
    if (error instanceof Refusal) {
        return { code: error.code, error: error.message, field: error.field };
    }
    if (error instanceof ClusterError) {
        const { answer } = error;
        return answer === undefined
            ? { code: 502, error: error.message }
            : { code: answer.code, error: answer.message, field: fieldIn(answer.code, answer.message) };
    }
    // Of fastify's own: a body that is too large, is no JSON, or of a type that is not known.
    return error.statusCode !== undefined && error.statusCode < 500
        ? { code: error.statusCode, error: error.message }
        : { code: 500, error: "The status API failed on this request; the agent's log says why." };
}

/** The field that the API server's sentence begins with: `Service "a" is invalid: spec.ports[0].port: Invalid value ...`. */
function fieldIn(code: number, message: string): string | undefined {
    return code === 422 ? / is invalid: \[?([a-zA-Z]+(?:[.[][^\s:]*)?): /.exec(message)?.[1] : undefined;
}
