import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as automation from "@pulumi/pulumi/automation";
import { after } from "mocha";
import { pulumiCommand } from "./pulumi-command";

/** A stack `test` of a project of its own, without resources yet, and the folders it lives in. */
export interface NewStack {
    readonly stack: automation.Stack;
    /** All folders are in this one, which is the caller's to remove. */
    readonly folder: string;
    /** Where the project is, and where the CLI works. */
    readonly work: string;
    /** PULUMI_HOME. */
    readonly home: string;
    /** The folder of the file backend. */
    readonly backend: string;
}

/** New stacks by project, as the CLI made them: to derive the key of a stack's secrets takes longer than all else of it. */
const templates = new Map<string, string>();

after("remove the templates of stacks", () => {
    for (const template of templates.values()) {
        rmSync(template, { recursive: true, force: true });
    }
});

/** @param envVars with the passphrase, which is the same for all stacks of a project */
export async function newStack(project: string, envVars: Record<string, string>): Promise<NewStack> {
    const folder = mkdtempSync(path.join(tmpdir(), "wukong-stack-"));
    const [work, home, backend] = ["work", "home", "backend"].map((name) => path.join(folder, name)) as [
        string,
        string,
        string,
    ];
    const args = { stackName: "test", projectName: project, program: () => Promise.resolve() };
    const options = {
        workDir: work,
        pulumiCommand: await pulumiCommand(),
        pulumiHome: home,
        projectSettings: { name: project, runtime: "nodejs", backend: { url: `file://${backend}` } } as const,
        envVars,
    };
    const template = templates.get(project);
    let stack: automation.Stack;
    if (template === undefined) {
        for (const each of [work, home, backend]) {
            mkdirSync(each);
        }
        stack = await automation.LocalWorkspace.createStack(args, options);
        const copy = mkdtempSync(path.join(tmpdir(), "wukong-template-"));
        cpSync(folder, copy, { recursive: true });
        templates.set(project, copy);
    } else {
        cpSync(template, folder, { recursive: true });
        stack = await automation.LocalWorkspace.selectStack(args, options);
    }
    // Dynamic providers look for packages from the program's folder.
    symlinkSync(path.resolve(__dirname, "..", "..", "..", "node_modules"), path.join(work, "node_modules"));
    // After each run Automation starts the CLI three times more, for outputs and history: the events tell the former.
    Object.assign(stack, { outputs: () => Promise.resolve({}), info: () => Promise.resolve(undefined) });
    return { stack, folder, work, home, backend };
}
