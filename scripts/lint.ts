import { spawn } from "node:child_process";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { Refusal, runCommand } from "./command";
import { inParallel } from "./parallel";
import { REPOSITORY } from "./paths";

/** One tool that judges the sources: it objects by its exit code, or by printing anything where it `isSilent`. */
interface Check {
    name: string;
    program: string;
    args: string[];
    /** Where it runs, from the root of the repository. */
    folder?: string;
    isSilent?: boolean | undefined;
}

const GO_MODULES = ["scripts/embedded-cluster", "scripts/kubevirt-1.9"];

/** A check of each Go module. */
const ofGo = (name: string, program: string, args: string[], isSilent?: boolean): Check[] =>
    GO_MODULES.map((folder) => ({ name: `${name} ${path.basename(folder)}`, program, args, folder, isSilent }));

const CHECKS: Check[] = [
    { name: "eslint", program: "eslint", args: ["--max-warnings=0", "."] },
    { name: "prettier", program: "prettier", args: ["--check", "--log-level=warn", "."] },
    { name: "imports", program: "depcruise", args: ["--config", ".dependency-cruiser.cjs", "."] },
    { name: "doc comments", program: "typedoc", args: ["--emit", "none"] },
    ...ofGo("go vet", "go", ["vet", "-mod=readonly", "./..."]),
    ...ofGo("gofmt", "gofmt", ["-l", "."], true),
];

/** What mends by itself, in an order in which the next works on what the last has written. */
const REPAIRS: Check[] = [
    { name: "eslint --fix", program: "eslint", args: ["--max-warnings=0", "--fix", "."] },
    { name: "prettier --write", program: "prettier", args: ["--write", "--log-level=warn", "."] },
    ...ofGo("gofmt -w", "gofmt", ["-w", "."]),
];

async function main(): Promise<number> {
    const args = process.argv.slice(2);
    if (args.some((arg) => arg !== "--fix")) {
        throw new Refusal("Usage: npm run lint [-- --fix]");
    }
    const failed: string[] = [];
    const run = async (check: Check): Promise<void> => {
        if (!(await isPassed(check))) {
            failed.push(check.name);
        }
    };
    await (args.length > 0 ? inParallel(1, REPAIRS, run) : inParallel(2, CHECKS, run));
    console.log(failed.length === 0 ? "lint: ok" : `lint: ${failed.join(", ")} failed`);
    return failed.length === 0 ? 0 : 1;
}

/** Runs one check, and shows what it printed when it objects. */
async function isPassed({ name, program, args, folder = ".", isSilent }: Check): Promise<boolean> {
    const start = performance.now();
    const child = spawn(program, args, {
        cwd: path.join(REPOSITORY, folder),
        env: { ...process.env, GOWORK: "off" },
        stdio: ["ignore", "pipe", "pipe"],
    });
    const ending = new Promise<number | null>((resolve, reject) => {
        child.once("close", resolve).once("error", (error: NodeJS.ErrnoException) => {
            reject(
                error.code === "ENOENT" ? new Refusal(`\`${program}\` is not on PATH, and ${name} needs it.`) : error,
            );
        });
    });
    const [code, printed, complaints] = await Promise.all([ending, text(child.stdout), text(child.stderr)]);
    const passed = code === 0 && !(isSilent && printed !== "");
    const verdict = passed ? "ok" : `failed\n${printed}${complaints}`;
    console.log(`${name} (${((performance.now() - start) / 1000).toFixed(1)} s): ${verdict}`);
    return passed;
}

void runCommand(main);
