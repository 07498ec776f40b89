import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** How long a program of the kernel's rules may take: cold loads of ten thousand Services take a minute at worst. */
const PATIENCE_MS = 300_000;

/**
 * Runs a program of the kernel's rules with its arguments and its input, without a shell.
 * @returns what it printed
 * @throws Error with what it said, where it failed or is not there
 */
export async function run(program: string, args: readonly string[], input = ""): Promise<string> {
    // A `timeout` of spawn itself would keep this process for as long where the program cannot be started.
    const child = spawn(program, args, { signal: AbortSignal.timeout(PATIENCE_MS), killSignal: "SIGKILL" });
    child.stdin.on("error", () => undefined); // it has ended before it has read all: its exit code says why
    child.stdin.end(input);
    const ended = new Promise<string>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code, signal) => {
            resolve(signal ?? String(code));
        });
    });
    const [end, stdout, stderr] = await Promise.all([
        ended.catch((cause: unknown) => {
            throw new Error(failedStart(program, cause as NodeJS.ErrnoException), { cause });
        }),
        text(child.stdout),
        text(child.stderr),
    ]);
    if (end !== "0") {
        const said = stderr.trim().split("\n").slice(0, 5).join("\n");
        throw new Error(`${[program, ...args].join(" ")} ended with ${end}: ${said === "" ? "it said nothing" : said}`);
    }
    return stdout;
}

/** Where a package of it is found; the node agent's image has them all. */
const PACKAGES: Readonly<Record<string, string>> = { nft: "nftables", conntrack: "conntrack or conntrack-tools" };

function failedStart(program: string, { code, message }: NodeJS.ErrnoException): string {
    const name = PACKAGES[program] ?? "iptables";
    if (code === "ABORT_ERR") {
        return `${program} did not end within ${String(PATIENCE_MS / 1000)} s.`;
    }
    return code === "ENOENT"
        ? `There is no \`${program}\` on the PATH, without which the node agent cannot serve: install the package ${name}.`
        : `${program} cannot be started: ${message}.`;
}
