import { type Command, InvalidArgumentError } from "commander";
import { history, type TenancyFilter } from "../../cluster/ipam";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { HISTORY_COLUMNS, parseSubject, spaceOption, TENANCY_FIELDS } from "./tenancy";

interface HistoryOptions extends ClusterOptions {
    readonly space?: string;
    readonly pool?: string;
    readonly since?: Date | number;
}

const EXAMPLES = [
    "wukong ipam history 10.10.1.37",
    "wukong ipam history prod/web-vm --since 30d",
    "wukong ipam history --pool web --since 2026-11-01T00:00:00Z -o json",
];

/** Seconds of a unit of `--since`. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 24 * 3600, w: 7 * 24 * 3600 };

/** Adds `wukong ipam history`: who had which address from when to when. */
export function addHistory(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("history")
        .description("Lists who had which address, from when to when, and who has it now: the oldest first.")
        .argument("[subject]", "an address, namespace/vm, a MAC address, or an owner", parseSubject)
        .option("--space <space>", "only in this address space", spaceOption)
        .option("--pool <name>", "only addresses taken from an IPPool")
        .option(
            "--since <time>",
            "only what went on after a time (RFC 3339) or in the last 90s, 15m, 12h, 30d or 2w",
            sinceOption,
        );
    addClusterOptions(command, { examples: EXAMPLES, fields: TENANCY_FIELDS }).action(
        (subject: TenancyFilter | undefined, options: HistoryOptions) =>
            context.ask(options, async (client) => {
                const { space, pool, since } = options;
                const tenancies = await history(client, { ...subject, space, pool, since });
                context.list(tenancies, options, HISTORY_COLUMNS, "No record tells of that.");
                return EXIT.ok;
            }),
    );
}

/** A time, or seconds before now. */
function sinceOption(text: string): Date | number {
    const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
    if (count !== undefined && unit !== undefined) {
        return Number(count) * (UNITS[unit] ?? 0);
    }
    const time = new Date(text);
    if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$/.test(text) || Number.isNaN(time.getTime())) {
        throw new InvalidArgumentError("Write a time as 2026-11-01T00:00:00Z, or how long ago it was as 30d");
    }
    return time;
}
