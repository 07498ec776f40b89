import type { Command } from "commander";
import type { EndpointsView, EndpointView, PortView, ServiceView } from "../../core/service-proxy/status-view";
import { addDebugOption, addOutputOption, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { renderObject } from "../output/format";
import { printable } from "../output/printable";
import { type Column, renderTable } from "../output/table";
import { type AgentAddress, agentOption, askAgent } from "./agent";
import { serviceArgument, type ServiceName } from "./exposed";

type ExplainOptions = AgentAddress & Pick<ClusterOptions, "debug" | "output">;

const EXAMPLES = [
    "wukong service explain prod/web-vm-nodeport",
    "wukong service explain prod/web-vm-nodeport --agent http://10.0.0.11:5050 --agent-token-file token",
];

const FIELDS = `With -o json and -o yaml, an object with:
  namespace, name, type
  ports        objects with name, protocol, family, clusterIP, port, externalIPs, nodePort, hostPort, scheduler,
               affinitySeconds, endpoints (how many) and rules (that decide, as the kernel's program prints them)
  lastSync     at (RFC 3339) and, where the rules could not be written, error
  endpoints    objects with vm, nodeName, protocol, address, port, ready, serving, terminating, addressFrom, served
               (whether the rules give it new connections) and flows (connections now)
  excluded     objects with vm and why (sentences)
  problems     what of the Service cannot be served (sentences)`;

const COLUMNS: readonly Column<EndpointView>[] = [
    { header: "VM", value: ({ vm }) => vm, shrinks: true },
    {
        header: "ENDPOINT",
        value: ({ address, port }) => (address.includes(":") ? `[${address}]` : address) + `:${port}`,
    },
    { header: "PROTOCOL", value: ({ protocol }) => protocol },
    { header: "NODE", value: ({ nodeName }) => nodeName, shrinks: true },
    { header: "SERVED", value: ({ served }) => (served ? "yes" : "no") },
    { header: "FLOWS", value: ({ flows }) => String(flows), align: "right" },
];

/** Adds `wukong service explain`: which rules of a node decide, and how many connections each endpoint has. */
export function addExplain(service: Command, context: CommandContext): void {
    const command = service
        .command("explain")
        .description(
            "Explains how a node serves a Service: the rules that decide, and the connections of each endpoint.",
        )
        .argument("<namespace/name>", "the Service", serviceArgument)
        .option("--agent <url>", "status API of the node's agent", agentOption, new URL("http://127.0.0.1:5050"))
        .option("--agent-token-file <file>", "file with the token of its readers (default: none is sent)");
    addDebugOption(addOutputOption(command), EXAMPLES, FIELDS).action((wanted: ServiceName, options: ExplainOptions) =>
        context.attempt(options, async () => {
            const { service: served, endpoints } = await askAgent(options, wanted);
            const { output } = options;
            const { terminal } = context;
            terminal.print(
                output === "table"
                    ? describe(served, endpoints, terminal.columns)
                    : renderObject(
                          {
                              ...served,
                              ...{ endpoints: endpoints.endpoints, excluded: endpoints.excluded },
                              problems: [...new Set([...served.problems, ...endpoints.problems])],
                          },
                          output,
                      ),
            );
            return served.lastSync?.error === undefined ? EXIT.ok : EXIT.drift;
        }),
    );
}

function describe(service: ServiceView, view: EndpointsView, columns: number | undefined): string {
    const { lastSync } = service;
    const synced =
        lastSync === undefined ? "never" : `${lastSync.at}${lastSync.error === undefined ? "" : `: ${lastSync.error}`}`;
    const sentences = [...new Set([...service.problems, ...view.problems, ...view.excluded.flatMap(({ why }) => why)])];
    return [
        printed(`Service:      ${service.namespace}/${service.name}`, `Rules of:     ${synced}`),
        ...service.ports.map((port) => printed(titleOf(port), ...(port.rules ?? []).map((rule) => `    ${rule}`))),
        view.endpoints.length === 0 ? "No endpoint.\n" : renderTable(COLUMNS, view.endpoints, columns),
        ...(sentences.length === 0 ? [] : [printed(...sentences)]),
    ].join("\n");
}

/** `http 10.96.0.10:80/TCP, node port 30080, Random:` */
function titleOf({ name, family, clusterIP, port, protocol, nodePort, hostPort, scheduler }: PortView): string {
    const at = `${family === "IPv6" ? `[${clusterIP}]` : clusterIP}:${port}/${protocol}`;
    const parts = [
        [name, at].filter((text) => text !== "").join(" "),
        ...(nodePort === undefined ? [] : [`node port ${nodePort}`]),
        ...(hostPort === undefined ? [] : [`host port ${hostPort}`]),
        scheduler,
    ];
    return `${parts.join(", ")}:`;
}

function printed(...lines: string[]): string {
    return lines.map((line) => `${printable(line)}\n`).join("");
}
