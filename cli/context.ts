import { Option, type Command } from "commander";
import { clientFor, type ClusterClient } from "../cluster/client";
import { EXIT, EXIT_CODES } from "./exit-code";
import { FORMATS, type Format, renderList } from "./output/format";
import { printable } from "./output/printable";
import { type Column, renderTable } from "./output/table";

/** Where a command prints. */
export interface Terminal {
    /** Standard output. */
    print(text: string): void;
    /** Standard error. */
    complain(text: string): void;
    /** How wide standard output is; absent where it is no terminal. */
    readonly columns?: number;
}

/** The options of every command that asks a cluster. */
export interface ConnectionOptions {
    readonly kubeconfig?: string;
    readonly context?: string;
    readonly debug?: true;
}

/** The options of every command that prints what a cluster says. */
export interface ClusterOptions extends ConnectionOptions {
    readonly output: Format;
}

/** What the commands of one call share. */
export class CommandContext {
    /** What the call ends with. */
    public exitCode: number = EXIT.ok;

    constructor(public readonly terminal: Terminal) {}

    /** Says something beside the result. */
    public note(sentence: string): void {
        this.terminal.complain(`${printable(sentence)}\n`);
    }

    /** Prints a list: as a table for people, or whole for programs. */
    public list<T extends object>(
        rows: readonly T[],
        { output }: ClusterOptions,
        columns: readonly Column<T>[],
        nothing: string,
    ): void {
        if (output !== "table") {
            this.terminal.print(renderList(rows, output));
        } else if (rows.length === 0) {
            this.note(nothing);
        } else {
            this.terminal.print(renderTable(columns, rows, this.terminal.columns));
        }
    }

    /**
     * Asks the cluster that the options name. A failure is told in a sentence.
     * @param work does it, and says what the command ends with (see `EXIT`)
     */
    public async ask(options: ConnectionOptions, work: (client: ClusterClient) => Promise<number>): Promise<void> {
        await this.attempt(options, async () => work(clientFor(connectionOf(options))));
    }

    /** The same for what needs no cluster. */
    public async attempt({ debug }: Pick<ConnectionOptions, "debug">, work: () => Promise<number>): Promise<void> {
        try {
            this.exitCode = await work();
        } catch (error) {
            this.fail(error, debug === true);
        }
    }

    private fail(error: unknown, debug: boolean): void {
        this.note(error instanceof Error ? error.message : String(error));
        if (debug) {
            this.terminal.complain(traceOf(error));
        }
        this.exitCode = EXIT.failed;
    }
}

/**
 * Gives a command the options of `ClusterOptions`, and the rest of its help text.
 * @param help.fields describes the objects that the command prints with `-o json`
 */
export function addClusterOptions(command: Command, help: { examples: readonly string[]; fields: string }): Command {
    return addConnectionOptions(
        addOutputOption(command),
        help.examples,
        `With -o json and -o yaml, a list of objects with:\n${help.fields}`,
    );
}

/** Gives a command the option `output` of `ClusterOptions`. */
export function addOutputOption(command: Command): Command {
    return command.addOption(new Option("-o, --output <format>", "how to print").choices(FORMATS).default("table"));
}

/** Gives a command the options of `ConnectionOptions`, and the rest of its help text. */
export function addConnectionOptions(command: Command, examples: readonly string[], ...help: string[]): Command {
    command
        .option("--kubeconfig <file>", "the kubeconfig to use (default: as kubectl finds it)")
        .option("--context <name>", "the context of the kubeconfig to use (default: its current one)");
    return addDebugOption(command, examples, ...help);
}

/** Gives a command the option `debug`, and the rest of its help text. */
export function addDebugOption(command: Command, examples: readonly string[], ...help: string[]): Command {
    command.option("--debug", "print where an error comes from");
    for (const text of [`Examples:\n${examples.map((each) => `  ${each}`).join("\n")}`, ...help, EXIT_CODES]) {
        command.addHelpText("after", `\n${text}`);
    }
    return command;
}

function connectionOf({ kubeconfig, context }: ConnectionOptions): { kubeconfig?: string; context?: string } {
    return { ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) };
}

/** Where an error comes from. Of its causes only the names: the message of a parser may quote the kubeconfig. */
function traceOf(error: unknown): string {
    if (!(error instanceof Error)) {
        return "";
    }
    const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    const code = "code" in error && typeof error.code === "string" ? ` ${error.code}` : "";
    return [`${error.name}${code}`, ...frames].map((line) => `${printable(line)}\n`).join("") + traceOf(error.cause);
}
