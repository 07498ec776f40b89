import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import type { EndpointsView, ServiceView } from "../../core/service-proxy/status-view";
import type { ServiceName } from "./exposed";

/** Where an agent's status API is, and as whom it is asked. */
export interface AgentAddress {
    readonly agent: URL;
    readonly agentTokenFile?: string;
}

/** How long an agent has for its answer: it may have to ask the cluster first, and count the kernel's connections. */
const ANSWER_MS = 30_000;

/** @throws InvalidArgumentError */
export function agentOption(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
        throw new InvalidArgumentError("An agent is named by a URL such as http://127.0.0.1:5050.");
    }
    return url;
}

/**
 * A Service as an agent serves it.
 * @throws Error with the agent's own sentence, or why it did not answer
 */
export async function askAgent(
    address: AgentAddress,
    { namespace, name }: ServiceName,
): Promise<{ service: ServiceView; endpoints: EndpointsView }> {
    const path = `/api/v1/services/${namespace}/${name}`;
    const token =
        address.agentTokenFile === undefined ? undefined : readFileSync(address.agentTokenFile, "utf8").trim();
    const [service, endpoints] = await Promise.all([
        get<ServiceView>(address.agent, path, token),
        get<EndpointsView>(address.agent, `${path}/endpoints`, token),
    ]);
    return { service, endpoints };
}

async function get<T>(agent: URL, path: string, token: string | undefined): Promise<T> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, agent), { headers, signal: AbortSignal.timeout(ANSWER_MS) }).catch(
        (error: unknown) => {
            const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
            const why = cause instanceof Error ? cause.message : String(cause);
            throw new Error(
                `The agent at ${agent.origin} did not answer: ${why}. Ask it on its node, or name it with --agent.`,
                { cause: error },
            );
        },
    );
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok || typeof body !== "object" || body === null) {
        const said = typeof body === "object" && body !== null && "error" in body ? String(body.error) : undefined;
        throw new Error(
            said ?? `What answers at ${agent.origin} is no agent: it says ${response.status} ${response.statusText}.`,
        );
    }
    return body as T;
}
