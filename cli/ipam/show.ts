import type { Command } from "commander";
import { history, type Tenancy, type TenancyFilter } from "../../cluster/ipam";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { age } from "../output/age";
import { renderList } from "../output/format";
import { printable } from "../output/printable";
import { renderTable } from "../output/table";
import { nameOfSubject, HISTORY_COLUMNS, parseSubject, sinceOf, spaceOption, TENANCY_FIELDS } from "./tenancy";

interface ShowOptions extends ClusterOptions {
    readonly space?: string;
}

const EXAMPLES = [
    "wukong ipam show 10.10.1.37",
    "wukong ipam show prod/web-vm",
    "wukong ipam show 02:18:7e:50:9a:e5 -o yaml",
];

/** Adds `wukong ipam show`: who has an address, and who had it. */
export function addShow(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("show")
        .description(
            "Shows who has an address, or which addresses a virtual machine or a MAC address has, and the past.",
        )
        .argument("<subject>", "an address, namespace/vm, a MAC address, or an owner", parseSubject)
        .option("--space <space>", "only in this address space", spaceOption);
    addClusterOptions(command, { examples: EXAMPLES, fields: TENANCY_FIELDS }).action(
        (subject: TenancyFilter, options: ShowOptions) =>
            context.ask(options, async (client) => {
                const { space, output } = options;
                const tenancies = await history(client, { ...subject, space });
                const { terminal } = context;
                if (output !== "table") {
                    terminal.print(renderList(tenancies, output));
                } else if (tenancies.length > 0) {
                    terminal.print(describe(subject, tenancies, client.serverNow(), terminal.columns));
                }
                if (tenancies.length === 0) {
                    context.note(
                        `Nothing is known of ${nameOfSubject(subject)}${space === undefined ? "" : ` in space ${space}`}.`,
                    );
                    return EXIT.failed;
                }
                return EXIT.ok;
            }),
    );
}

function describe(subject: TenancyFilter, tenancies: readonly Tenancy[], now: Date, columns?: number): string {
    const present = tenancies.filter(({ state }) => state !== "Ended");
    const past = tenancies.filter(({ state }) => state === "Ended");
    const parts = present.map((tenancy) => blockOf(tenancy, now));
    if (present.length === 0) {
        parts.push(`${nameOfSubject(subject)}: nothing is held now.\n`);
    }
    if (past.length > 0) {
        const table = renderTable(
            HISTORY_COLUMNS.filter(({ header }) => header !== "STATE"),
            past,
            columns,
        );
        parts.push(`Past:\n${table}`);
    }
    return parts.join("\n");
}

/** A tenancy line by line, as `kubectl describe` has it. */
function blockOf(tenancy: Tenancy, now: Date): string {
    const { address, space, pool, owner, manager, macAddress, state, origin, reason, reusableAt } = tenancy;
    const since = sinceOf(tenancy);
    const lines: [string, string | undefined][] = [
        ["Address", address],
        ["Space", space],
        ["Pool", pool],
        ["Owner", owner],
        ["Stack", manager],
        ["MAC", macAddress],
        ["Chosen", origin],
        ["State", `${state} since ${since} (${age(since, now)})`],
        ["Released", reason],
        ["Reusable at", reusableAt],
    ];
    return lines
        .flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(14)}${printable(value)}\n`]))
        .join("");
}
