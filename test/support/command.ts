import { execFile } from "node:child_process";

/** What a command did. */
export interface Finished {
    readonly code: number;
    /** All it printed. */
    readonly text: string;
}

/** Runs a program with its arguments, without a shell, and without standing in the way of what this process serves. */
export async function command(
    file: string,
    args: readonly string[],
    options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Finished> {
    return new Promise((resolve, reject) => {
        execFile(file, args, { ...options, maxBuffer: 2 ** 26, timeout: 180_000 }, (error, stdout, stderr) => {
            if (error !== null && typeof error.code !== "number") {
                reject(
                    new Error(`${file} ${args.join(" ")} did not end by itself: ${error.message}\n${stdout}${stderr}`),
                );
            } else {
                resolve({ code: typeof error?.code === "number" ? error.code : 0, text: stdout + stderr });
            }
        });
    });
}
