import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { readMachine } from "../cluster/import/read";
import { programOf } from "../core/import/program";
import { ClusterError } from "../cluster/errors";
import { addConnectionOptions, type CommandContext, type ConnectionOptions } from "./context";
import { EXIT } from "./exit-code";

interface ImportOptions extends ConnectionOptions {
    readonly outputFile?: string;
}

interface MachineName {
    readonly namespace: string;
    readonly name: string;
}

const EXAMPLES = ["wukong import vm prod/web", "wukong import vm prod/web --output-file web.ts"];

const NOTES = `The program takes the VM over as it is: its first update adds to the VM the annotations
vm.novasphere.dev/managed-by, pulumi.com/skipAwait and pulumi.com/patchForce, and nothing else. What a program cannot say of the VM stays in it;
that, and what is to be done first, is told on standard error and in comments of the program.

It ends with 2 where something is to be done first.`;

/** Adds `wukong import vm`: prints a program for a VM that was made without one. */
export function addImport(program: Command, context: CommandContext): void {
    const command = program
        .command("import")
        .description("Prints programs for what was made without one.")
        .command("vm")
        .description("Prints a program that takes over a virtual machine, with its NICs, as it is.")
        .argument("<namespace/name>", "the virtual machine", machineName)
        .option("--output-file <file>", "write the program into a new file");
    addConnectionOptions(command, EXAMPLES)
        .addHelpText("after", `\n${NOTES}`)
        .action(({ namespace, name }: MachineName, options: ImportOptions) =>
            context.ask(options, async (client) => {
                const machine = await readMachine(client, namespace, name);
                const text = programOf(machine);
                if (options.outputFile === undefined) {
                    context.terminal.print(text);
                } else {
                    writeNew(options.outputFile, text);
                    context.note(`The program is in ${options.outputFile}.`);
                }
                machine.obstacles.forEach((sentence) => {
                    context.note(`To be done first: ${sentence}`);
                });
                machine.besides.forEach((sentence) => {
                    context.note(sentence);
                });
                return machine.obstacles.length === 0 ? EXIT.ok : EXIT.drift;
            }),
        );
}

function machineName(text: string): MachineName {
    const [namespace = "", name = "", ...rest] = text.split("/");
    if (rest.length > 0 || ![namespace, name].every((part) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(part))) {
        throw new InvalidArgumentError("A virtual machine is named as namespace/name.");
    }
    return { namespace, name };
}

/** A program that is there already is somebody's work. */
function writeNew(file: string, text: string): void {
    try {
        writeFileSync(file, text, { flag: "wx" });
    } catch (cause) {
        const { code = "" } = cause as NodeJS.ErrnoException;
        const why = code === "EEXIST" ? "it is there already; name a new file" : code;
        throw new ClusterError("failed", `The program cannot be written into ${file}: ${why}.`, { cause });
    }
}
