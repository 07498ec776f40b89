import { type Command, InvalidArgumentError } from "commander";
import {
    audit,
    type AuditChange,
    type ClusterClient,
    type Finding,
    HISTORY_DAYS,
    watchAudit,
} from "../../cluster/ipam";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { renderList } from "../output/format";
import { escaped, printable } from "../output/printable";
import { type Column, renderTableWithTexts } from "../output/table";
import { spaceOption } from "./tenancy";

interface AuditCommandOptions extends ClusterOptions {
    readonly space?: string;
    readonly fix?: true;
    readonly watch?: number;
    readonly historyDays: number;
}

/** What `--watch` prints for programs: that a finding appeared or is gone, or that an audit failed. */
interface WatchEvent {
    readonly at: string;
    readonly event: "appeared" | "gone" | "failed";
    readonly finding?: Finding;
    readonly message?: string;
}

const EXAMPLES = [
    "wukong ipam audit",
    "wukong ipam audit --space lan-100 -o json",
    "wukong ipam audit --fix",
    "wukong ipam audit --watch 60",
];

const FIELDS = `  class    what kind of thing:
           Missing           a NIC uses an address that is not reserved
           Duplicate         several NICs use one address
           Orphan            reserved for a NIC that is gone, and not retained
           OwnerMismatch     another NIC uses the address than the one it is reserved for
           MacMismatch       the NIC has another MAC address than its reservation
           Outside           held, although its pool would not give it out any more
           Drifted           the guest agent reports other addresses than the reserved one
           ExternalConflict  a Service, a node or Whereabouts uses it, or gives out the pool's
           UnreadableSource  who uses addresses there is not known
           TombstoneExpired  released, and anybody may have it
           PoolDeleting      a pool is deleted by hand, and nothing of it is reserved
           HistoryExpired    records of tenancies that ended too long ago
  space    the address space (not for what is about all of them)
  address  the address (not for what is about none, or many)
  owner    whom it is reserved for, or (Missing) the NIC that uses it
  pool     the IPPool (only where there is one)
  source   what cannot be read, such as nodes (only of an UnreadableSource)
  message  what was found and what to do, in words that may change
  fixable  whether --fix mends it: at once, or an Orphan later
  fixed    whether this audit has mended it (only where it has tried)
With --watch, each object has: at (RFC 3339), event (appeared, gone or failed), finding (as
above) or, of an audit that failed, message. JSON is one object a line.`;

const NOTES = `--fix mends Orphan, TombstoneExpired, PoolDeleting and HistoryExpired. The address of an
Orphan is released when audits with --fix have seen over 15 minutes that its NIC is gone,
nobody reports it, and every source could be read; it then rests for 300 seconds at least.
What is retained, or in use by something other than a NIC, is never released.

An address that a guest was given by hand is seen only where its guest agent reports it;
cloud-init data in Secrets is not read.

It ends with 0 where nothing is left to be mended, and with 2 otherwise, so that it can be run
as a CronJob: \`wukong ipam audit --fix\` every 15 minutes. Its service account is to list
IPPools, IPReservations, IPHistories, VirtualMachines, VirtualMachineInstances, pods, Services,
ServiceCIDRs, nodes, and Whereabouts' objects where there are any; and with --fix, to get
VirtualMachines and their instances, get, patch and delete IPReservations, get and patch
IPPools, and create and delete IPHistories.
With --watch it runs until SIGINT or SIGTERM, and ends with 0.`;

const COLUMNS: readonly Column<Finding>[] = [
    { header: "CLASS", value: (finding) => finding.class },
    { header: "SPACE", value: ({ space }) => space, shrinks: true },
    { header: "ADDRESS", value: ({ address }) => address },
    { header: "OWNER", value: ({ owner }) => owner, shrinks: true },
    { header: "FIX", value: fixOf },
];

/** Adds `wukong ipam audit`: what of the addresses is not as it should be. */
export function addAudit(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("audit")
        .description("Compares what is reserved with what the cluster uses, and tells (or mends) what differs.")
        .option("--fix", "mend what can be mended")
        .option("--watch <seconds>", "go on, and tell what changes, with so many seconds between", secondsOption)
        .option("--space <space>", "only this address space", spaceOption)
        .option("--history-days <days>", "how long records of the past are kept", daysOption, HISTORY_DAYS);
    addClusterOptions(command, { examples: EXAMPLES, fields: FIELDS })
        .addHelpText("after", `\n${NOTES}`)
        .action((options: AuditCommandOptions) =>
            context.ask(options, async (client) =>
                options.watch === undefined
                    ? auditOnce(client, options, context)
                    : watch(client, options, options.watch, context),
            ),
        );
}

async function auditOnce(
    client: ClusterClient,
    options: AuditCommandOptions,
    context: CommandContext,
): Promise<number> {
    const findings = await audit(client, auditOptions(options));
    const left = findings.filter(({ fixed }) => fixed !== true).length;
    const { terminal } = context;
    if (options.output !== "table") {
        terminal.print(renderList(findings, options.output));
    } else {
        const fixed = findings.length > left ? ` (${String(findings.length - left)} fixed)` : "";
        terminal.print(`${tableOf(findings, terminal.columns)}${String(left)} drift${fixed}\n`);
    }
    return left === 0 ? EXIT.ok : EXIT.drift;
}

/** Goes on until the first SIGINT or SIGTERM; a second one ends the process at once, as it does without a handler. */
async function watch(
    client: ClusterClient,
    options: AuditCommandOptions,
    everySeconds: number,
    { terminal }: CommandContext,
): Promise<number> {
    const end = new AbortController();
    const onSignal = (): void => {
        end.abort();
    };
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    let isFirst = true;
    try {
        await watchAudit(
            client,
            { ...auditOptions(options), everySeconds },
            (change) => {
                const events = eventsOf(change);
                if (events.length > 0) {
                    terminal.print(renderEvents(events, options));
                } else if (isFirst && options.output === "table") {
                    terminal.print(`${timeOf(change.at)}   0 drift\n`);
                }
                isFirst = false;
            },
            end.signal,
        );
    } finally {
        process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    }
    return EXIT.ok;
}

function auditOptions({ space, fix, historyDays }: AuditCommandOptions): Parameters<typeof audit>[1] {
    return { ...(space !== undefined && { space }), historyDays, fix: fix === true };
}

function eventsOf({ at: time, appeared, gone, error }: AuditChange): WatchEvent[] {
    const at = timeOf(time);
    return [
        ...appeared.map((finding) => ({ at, event: "appeared" as const, finding })),
        ...gone.map((finding) => ({ at, event: "gone" as const, finding })),
        ...(error ? [{ at, event: "failed" as const, message: error.message }] : []),
    ];
}

/** RFC 3339, to the second: the server's clock is not known better. */
function timeOf(time: Date): string {
    return time.toISOString().replace(/\.\d+Z$/, "Z");
}

function renderEvents(events: readonly WatchEvent[], { output }: ClusterOptions): string {
    switch (output) {
        case "yaml":
            return renderList(events, output);
        case "json":
            return events.map((event) => `${escaped(JSON.stringify(event), "json")}\n`).join("");
        case "table":
            return events.map((event) => `${printable(lineOf(event))}\n`).join("");
    }
}

/** `+` before what has appeared, `-` before what is gone, `!` before what has failed. */
function lineOf({ at, event, finding, message = "" }: WatchEvent): string {
    if (!finding) {
        return `${at} ! ${message}`;
    }
    const { class: kind, space, address, owner, pool, source } = finding;
    const subject = [space, address, owner ?? pool ?? source].filter((part) => part !== undefined);
    const said = event === "appeared" ? `: ${finding.message}` : finding.fixed === true ? ": fixed" : "";
    return `${at} ${event === "appeared" ? "+" : "-"} ${[kind, ...subject].join(" ")}${said}`;
}

/** The findings, each with its message below: a cell of a table would have to cut it. */
function tableOf(findings: readonly Finding[], width?: number): string {
    return findings.length === 0 ? "" : renderTableWithTexts(COLUMNS, findings, ({ message }) => [message], width);
}

function fixOf({ fixable, fixed, class: kind }: Finding): string {
    if (fixed !== undefined) {
        return fixed ? "fixed" : "failed";
    }
    return fixable ? (kind === "Orphan" ? "in time" : "--fix") : "by hand";
}

function secondsOption(text: string): number {
    if (!/^[1-9]\d{0,5}$/.test(text)) {
        throw new InvalidArgumentError("Write a number of seconds from 1 to 999999.");
    }
    return Number(text);
}

function daysOption(text: string): number {
    if (!/^\d{1,5}$/.test(text)) {
        throw new InvalidArgumentError("Write a number of days from 0 to 99999.");
    }
    return Number(text);
}
