import { execFile } from "node:child_process";
import * as path from "node:path";
import { run } from "../../cli/run";
import { testKubeconfig } from "../support/embedded-cluster";

/** The compiled command. */
export const WUKONG = path.resolve(__dirname, "../../cli/main.js");

/** What a call of the command came to. */
export interface Call {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** Runs the compiled `wukong` as a user does, with KUBECONFIG naming the test cluster unless `kubeconfig` is another. */
export async function wukong(args: readonly string[], kubeconfig?: string): Promise<Call> {
    const environment = { ...process.env, KUBECONFIG: kubeconfig ?? (await testKubeconfig()) };
    return new Promise((resolve, reject) => {
        const options = { env: environment, timeout: 60_000, maxBuffer: 2 ** 26 };
        execFile(process.execPath, [WUKONG, ...args], options, (error, stdout, stderr) => {
            if (error !== null && typeof error.code !== "number") {
                reject(
                    new Error(`wukong ${args.join(" ")} did not end by itself: ${error.message}\n${stdout}${stderr}`),
                );
            } else {
                resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
            }
        });
    });
}

/** Does the same within this process, which takes a small part of the time. */
export async function wukongHere(args: readonly string[], kubeconfig?: string): Promise<Call> {
    const call = { stdout: "", stderr: "" };
    const terminal = {
        print: (text: string): void => void (call.stdout += text),
        complain: (text: string): void => void (call.stderr += text),
    };
    const environment = process.env["KUBECONFIG"];
    process.env["KUBECONFIG"] = kubeconfig ?? (await testKubeconfig());
    try {
        const code = await run(args, terminal);
        return { code, ...call };
    } finally {
        if (environment === undefined) {
            delete process.env["KUBECONFIG"];
        } else {
            process.env["KUBECONFIG"] = environment;
        }
    }
}

/** The lines of a table as cells: columns are apart by three spaces or more. */
export function cellsOf(table: string): string[][] {
    return table
        .trimEnd()
        .split("\n")
        .map((line) => line.trim().split(/ {3,}/));
}
