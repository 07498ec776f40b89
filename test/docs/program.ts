import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import ts from "typescript";
import { REPOSITORY } from "./markdown";

const OPTIONS: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node20,
    strict: true,
    skipLibCheck: true,
    types: ["node"],
};

/** Programs of the documentation, in a folder that has the package installed. */
export class ProgramFolder {
    private readonly folder = mkdtempSync(path.join(tmpdir(), "wukong-docs-"));
    private programs = 0;

    constructor() {
        symlinkSync(path.join(REPOSITORY, "node_modules"), path.join(this.folder, "node_modules"));
    }

    /** Compiles a program, with its types checked, into what the engine runs. */
    compile(source: string): PulumiFn {
        this.programs += 1;
        const file = path.join(this.folder, `program${this.programs}.ts`);
        writeFileSync(file, source);
        const program = ts.createProgram([file], OPTIONS);
        const errors = ts.getPreEmitDiagnostics(program);
        const host = { getCanonicalFileName: String, getCurrentDirectory: () => this.folder, getNewLine: () => "\n" };
        assert.equal(ts.formatDiagnostics(errors, host), "", "the program compiles");
        program.emit();
        const compiled = file.replace(/ts$/, "js");
        return async () => {
            // A module is run once; the engine runs a program in each preview and each update.
            // eslint-disable-next-line @typescript-eslint/no-require-imports
            const exported = require(compiled) as Record<string, unknown>;
            delete require.cache[compiled];
            return Promise.resolve({ ...exported });
        };
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

/** Makes a change to a source that is given as a diff of whole lines with their surroundings. */
export function applyDiff(source: string, diff: string): string {
    const lines = diff.trimEnd().split("\n");
    const side = (sign: string): string =>
        lines
            .filter((line) => line.startsWith(" ") || line.startsWith(sign))
            .map((line) => `${line.slice(1)}\n`)
            .join("");
    assert.ok(source.includes(side("-")), `the program has the lines that the diff starts from:\n${side("-")}`);
    return source.replace(side("-"), side("+"));
}
