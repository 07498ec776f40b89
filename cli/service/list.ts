import type { Command } from "commander";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import type { Column } from "../output/table";
import { type ExposedService, exposedServices, SERVICE_FIELDS } from "./exposed";

interface ListOptions extends ClusterOptions {
    readonly namespace?: string;
}

const EXAMPLES = ["wukong service list", "wukong service list -n prod -o json"];

const COLUMNS: readonly Column<ExposedService>[] = [
    { header: "NAMESPACE", value: ({ namespace }) => namespace, shrinks: true },
    { header: "NAME", value: ({ name }) => name, shrinks: true },
    { header: "TYPE", value: ({ type }) => type },
    { header: "DATAPLANE", value: ({ dataplane }) => dataplane },
    { header: "CLUSTER-IP", value: ({ clusterIPs }) => textOf(clusterIPs), shrinks: true },
    { header: "EXTERNAL-IP", value: ({ externalIPs }) => textOf(externalIPs), shrinks: true },
    { header: "PORTS", value: portsOf, shrinks: true },
    {
        header: "ENDPOINTS",
        value: ({ endpoints }) => String(endpoints.filter(({ state }) => state === "ready").length),
        align: "right",
    },
    { header: "EXCLUDED", value: ({ excluded }) => String(excluded.length), align: "right" },
];

/** Adds `wukong service list`: the Services in front of VMs on secondary networks. */
export function addList(service: Command, context: CommandContext): void {
    const command = service
        .command("list")
        .description("Lists the Services in front of VMs, with how many VMs are ready endpoints and how many are not.")
        .option("-n, --namespace <namespace>", "only those of a namespace");
    addClusterOptions(command, { examples: EXAMPLES, fields: SERVICE_FIELDS }).action((options: ListOptions) =>
        context.ask(options, async (client) => {
            const services = await exposedServices(client, options.namespace);
            context.list(services, options, COLUMNS, "No Service is in front of VMs on secondary networks.");
            return EXIT.ok;
        }),
    );
}

/** Ports as kubectl prints them: `80/TCP`, or with the port of the nodes `80:30080/TCP`. */
export function portsOf({ ports }: Pick<ExposedService, "ports">): string {
    return ports
        .map(({ port, nodePort, protocol }) => `${port}${nodePort === undefined ? "" : `:${nodePort}`}/${protocol}`)
        .join(",");
}

function textOf(texts: readonly string[]): string | undefined {
    return texts.length === 0 ? undefined : texts.join(",");
}
