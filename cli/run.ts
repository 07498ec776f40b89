import { readFileSync } from "node:fs";
import * as path from "node:path";
import { Command, CommanderError } from "commander";
import { CommandContext, type Terminal } from "./context";
import { EXIT, EXIT_CODES } from "./exit-code";
import { addImport } from "./import";
import { addIpam } from "./ipam";
import { addPlan } from "./plan";
import { addPreflight } from "./preflight";
import { addService } from "./service";

/**
 * Runs the `wukong` command.
 * @param args what follows `wukong` on the command line
 * @returns the exit code
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
    const context = new CommandContext(terminal);
    try {
        await programOf(context).parseAsync(args, { from: "user" });
    } catch (error) {
        if (!(error instanceof CommanderError)) {
            throw error;
        }
        return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    return context.exitCode;
}

function programOf(context: CommandContext): Command {
    const { terminal } = context;
    const program = new Command("wukong")
        .description("Looks after the VM networks that pulumi-wukong makes in a cluster.")
        .version(versionOf())
        .exitOverride()
        .configureOutput({
            writeOut: (text) => {
                terminal.print(text);
            },
            writeErr: (text) => {
                terminal.complain(text);
            },
            outputError: (text) => {
                context.note(sentenceOf(text));
            },
            getOutHelpWidth: () => terminal.columns ?? 80,
        })
        .addHelpText("after", `\n${EXIT_CODES}`);
    addIpam(program, context);
    addService(program, context);
    addPreflight(program, context);
    addPlan(program, context);
    addImport(program, context);
    return program;
}

/** What commander says of a mistake on the command line, as a sentence. */
function sentenceOf(complaint: string): string {
    const text = complaint
        .trim()
        .replace(/^error: /, "")
        .replace(/\s*\n\s*/g, " ");
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/\.$|\?\)$/.test(text) ? "" : "."} See \`wukong --help\`.`;
}

function versionOf(): string {
    const manifest = readFileSync(path.join(__dirname, "..", "..", "package.json"), "utf8");
    return (JSON.parse(manifest) as { version: string }).version;
}
