import { type Command, InvalidArgumentError, Option } from "commander";
import { type Impact, IMPACTS } from "../../core/impact";
import { isAbove, parseDigest, type Plan, type PlannedAction, planOf, type VmPlan } from "../../core/plan";
import { ClusterError } from "../../cluster/errors";
import type { CommandContext, Terminal } from "../context";
import { EXIT } from "../exit-code";
import { FORMATS, type Format, renderObject } from "../output/format";
import { type Column, renderTableWithTexts } from "../output/table";
import { pulumiPreview } from "./pulumi";

interface PlanOptions {
    readonly output: Format;
    readonly json?: true;
    readonly maxImpact: Impact;
    readonly timeout: number;
    readonly debug?: true;
}

/** What may be allowed; what is refused never happens. */
const ALLOWABLE = IMPACTS.filter((impact) => impact !== "refused");

const TEXTS = [
    `Examples:
  wukong plan
  wukong plan --max-impact live --stack prod
  wukong plan --json`,
    `With -o json and -o yaml, an object with:
  vms       the VMs whose network changes, each with
    vm        namespace/name
    impact    the heaviest of its changes
    changes   action      attach, adopt, change, detach, release, migrate or restart; delete or
                          replace of the VM as a whole
              nic         its NIC (only where it is about one)
              network     the NIC's NetworkAttachmentDefinition (not on the pod network)
              macAddress  the NIC's
              addresses   the NIC's, or those that are given back
              impact      what it costs, as above
              reason      why, in words that may change
  refusals  what the preview refuses, in sentences`,
    `Impacts, from light to heavy: ${IMPACTS.join(", ")}. A preview that did not reach the
cluster says unknown, which counts as heavier than restart.

What is not an option of this command is one of \`pulumi preview\`.

Exit codes:
  0   no change costs more than --max-impact
  1   the preview failed, or refuses something
  3   a change costs more than --max-impact
  64  the command is not understood`,
];

const COLUMNS: readonly Column<PlannedAction & { readonly vm: string }>[] = [
    { header: "VM", value: ({ vm }) => vm, shrinks: true },
    { header: "ACTION", value: ({ action }) => action },
    { header: "NIC", value: ({ nic }) => nic ?? "" },
    { header: "IMPACT", value: ({ impact }) => impact },
];

/** Adds `wukong plan`: what a preview comes to, VM by VM, with an exit code for CI. */
export function addPlan(program: Command, context: CommandContext): void {
    const command = program
        .command("plan")
        .description("Runs `pulumi preview` in this folder, and tells what it costs each virtual machine.")
        .usage("[options] [options of pulumi preview]")
        .allowUnknownOption()
        .allowExcessArguments()
        .addOption(new Option("-o, --output <format>", "how to print").choices(FORMATS).default("table"))
        .option("--json", "the same as -o json")
        .addOption(
            new Option("--max-impact <impact>", "end with 3 where a change costs more")
                .choices(ALLOWABLE)
                .default("live-migration"),
        )
        .option("--timeout <seconds>", "how long the preview may take", secondsOption, 600)
        .option("--debug", "print where an error comes from");
    TEXTS.forEach((text) => command.addHelpText("after", `\n${text}`));
    command.action((options: PlanOptions) =>
        context.attempt(options, async () => {
            const { code, stdout, stderr } = await pulumiPreview(command.args, options.timeout);
            const digest = parseDigest(stdout);
            if (!digest) {
                throw new ClusterError("failed", failureOf(code, stdout, stderr));
            }
            const plan = planOf(digest);
            const hasFailed = code !== 0 || plan.refusals.length > 0;
            if (!hasFailed || plan.vms.length > 0 || options.json === true || options.output !== "table") {
                print(plan, options, context.terminal);
            }
            if (hasFailed) {
                plan.refusals.forEach((sentence) => {
                    context.note(sentence);
                });
                if (plan.refusals.length === 0) {
                    context.note(failureOf(code, "", stderr));
                }
                return EXIT.failed;
            }
            return plan.vms.some(({ impact }) => isAbove(impact, options.maxImpact)) ? EXIT.tooHeavy : EXIT.ok;
        }),
    );
}

function print(plan: Plan, { output, json }: PlanOptions, terminal: Terminal): void {
    if (json === true || output !== "table") {
        terminal.print(renderObject(plan, json === true ? "json" : (output as Exclude<Format, "table">)));
        return;
    }
    if (plan.vms.length > 0) {
        const rows = plan.vms.flatMap(({ vm, changes }) => changes.map((change) => ({ vm, ...change })));
        terminal.print(renderTableWithTexts(COLUMNS, rows, textsOf, terminal.columns));
    }
    terminal.print(summaryOf(plan.vms));
}

function textsOf({
    action,
    nic,
    network = "pod network",
    macAddress = "",
    addresses = [],
    reason,
}: PlannedAction): string[] {
    const what =
        nic === undefined || macAddress === ""
            ? addresses
            : [network, `MAC ${macAddress}`, addresses.join(", ") || (action === "detach" ? "" : "DHCP")];
    const shown = what.filter((text) => text !== "").join(", ");
    return [...(shown === "" ? [] : [shown]), reason];
}

/** How many VMs are concerned, by the heaviest of their changes. */
function summaryOf(vms: readonly VmPlan[]): string {
    if (vms.length === 0) {
        return "The network of no VM changes.\n";
    }
    const counts = new Map<string, number>();
    vms.forEach(({ impact }) => counts.set(impact, (counts.get(impact) ?? 0) + 1));
    const parts = [...counts].map(([impact, count]) => `${String(count)} ${impact}`);
    return `${String(vms.length)} VM${vms.length === 1 ? "" : "s"}: ${parts.join(", ")}\n`;
}

/** What the CLI said of a preview that came to nothing. */
function failureOf(code: number, stdout: string, stderr: string): string {
    const said = [stderr, stdout].map((text) => text.trim()).find((text) => text !== "") ?? "it said nothing";
    const lines = said
        .split("\n")
        .map((line) => line.trim().replace(/^error: /, ""))
        .filter((line) => line !== "");
    return `pulumi preview ended with ${String(code)}: ${lines.join(" ")}`;
}

function secondsOption(text: string): number {
    if (!/^[1-9]\d{0,5}$/.test(text)) {
        throw new InvalidArgumentError("Write a number of seconds from 1 to 999999.");
    }
    return Number(text);
}
