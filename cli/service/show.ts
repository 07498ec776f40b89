import type { Command } from "commander";
import { addConnectionOptions, addOutputOption, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { renderObject } from "../output/format";
import { printable } from "../output/printable";
import { renderTable } from "../output/table";
import {
    ENDPOINT_COLUMNS,
    type ExposedService,
    exposedService,
    SERVICE_FIELDS,
    serviceArgument,
    type ServiceName,
} from "./exposed";
import { portsOf } from "./list";

const EXAMPLES = ["wukong service show prod/web-vm-nodeport", "wukong service show prod/web-vm-service -o yaml"];

const NOT_WRITTEN = "The EndpointSlices do not say so (yet): check that the endpoint controller runs.";

/** Adds `wukong service show`: a Service with its endpoints, and why other VMs are none. */
export function addShow(service: Command, context: CommandContext): void {
    const command = service
        .command("show")
        .description("Shows a Service with its endpoints, and why a VM that it chooses is none.")
        .argument("<namespace/name>", "the Service", serviceArgument);
    const fields = `With -o json and -o yaml, an object with:\n${SERVICE_FIELDS}`;
    addConnectionOptions(addOutputOption(command), EXAMPLES, fields).action(
        (wanted: ServiceName, options: ClusterOptions) =>
            context.ask(options, async (client) => {
                const { namespace, name } = wanted;
                const found = await exposedService(client, wanted);
                if (found === undefined) {
                    context.note(`No Service ${namespace}/${name} is in front of VMs on secondary networks.`);
                    return EXIT.failed;
                }
                const { output } = options;
                const { terminal } = context;
                terminal.print(output === "table" ? describe(found, terminal.columns) : renderObject(found, output));
                return found.isWritten ? EXIT.ok : EXIT.drift;
            }),
    );
}

function describe(service: ExposedService, columns: number | undefined): string {
    const lines: [string, string | undefined][] = [
        ["Service", `${service.namespace}/${service.name}`],
        ["Type", service.type],
        ["Dataplane", service.dataplane],
        ["Network", service.network],
        ["Cluster IPs", service.clusterIPs.join(", ")],
        ["External IPs", service.externalIPs.join(", ")],
        ["Ports", portsOf(service)],
    ];
    const block = lines
        .flatMap(([name, value = ""]) => (value === "" ? [] : [`${`${name}:`.padEnd(14)}${printable(value)}\n`]))
        .join("");
    const { endpoints, excluded, problems, isWritten } = service;
    const sentences = [...problems, ...excluded.flatMap(({ why }) => why), ...(isWritten ? [] : [NOT_WRITTEN])].map(
        (sentence) => `${printable(sentence)}\n`,
    );
    return [
        block,
        endpoints.length === 0 ? "No VM is an endpoint.\n" : renderTable(ENDPOINT_COLUMNS, endpoints, columns),
        ...(sentences.length === 0 ? [] : [sentences.join("")]),
    ].join("\n");
}
