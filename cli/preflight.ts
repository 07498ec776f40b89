import type { Command } from "commander";
import { surveyCluster } from "../cluster/preflight/survey";
import { judgeSurvey, type PreflightFinding } from "../core/preflight";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "./context";
import { EXIT } from "./exit-code";
import { renderList } from "./output/format";
import { type Column, renderTableWithTexts } from "./output/table";

interface PreflightOptions extends ClusterOptions {
    readonly namespace: string;
}

const EXAMPLES = ["wukong preflight", "wukong preflight --namespace prod", "wukong preflight -o json"];

const FIELDS = `  area    KubeVirt, Multus, Nodes, Addresses, Permissions or Changes
  check   what was looked at
  status  ok       it is there
          warning  it works, in a worse way
          missing  something does not work without it
          unknown  it could not be looked at
          of Changes, what the change costs a running VM that can migrate: live,
          live-migration, restart, first-boot-only or refused
  found   what there is and what follows, in words that may change
  remedy  what to do, in words that may change (only where something is to be done)`;

const NOTES = `What is asked of a node: the bridges and uplinks that NetworkAttachmentDefinitions name, where
kubernetes-nmstate is installed, and the devices that they ask for, by what the node offers.

It ends with 0 where nothing is missing, also where something is worse than it could be or not
known, and with 2 otherwise.`;

const COLUMNS: readonly Column<PreflightFinding>[] = [
    { header: "STATUS", value: ({ status }) => status },
    { header: "AREA", value: ({ area }) => area },
    { header: "CHECK", value: ({ check }) => check, shrinks: true },
    { header: "FOUND", value: ({ status, found }) => (status === "ok" ? found : ""), shrinks: true },
];

/** What stands below a line: all that is more than "it is there". */
function textsOf({ status, found, remedy }: PreflightFinding): string[] {
    return [...(status === "ok" ? [] : [found]), ...(remedy === undefined ? [] : [remedy])];
}

/** Adds `wukong preflight`: what a cluster has of what is needed, and what changes cost there. */
export function addPreflight(program: Command, context: CommandContext): void {
    const command = program
        .command("preflight")
        .description("Looks at a cluster: what will work live, what by migration, and what is missing.")
        .option("-n, --namespace <namespace>", "where the program has its VMs", "default");
    addClusterOptions(command, { examples: EXAMPLES, fields: FIELDS })
        .addHelpText("after", `\n${NOTES}`)
        .action((options: PreflightOptions) =>
            context.ask(options, async (client) => {
                const { namespace, output } = options;
                const findings = judgeSurvey(await surveyCluster(client, namespace));
                const lacking = findings.filter(({ status }) => status === "missing").length;
                const { terminal } = context;
                if (output === "table") {
                    const table = renderTableWithTexts(COLUMNS, findings, textsOf, terminal.columns);
                    terminal.print(`${table}${String(lacking)} missing\n`);
                } else {
                    terminal.print(renderList(findings, output));
                }
                return lacking === 0 ? EXIT.ok : EXIT.drift;
            }),
        );
}
