import { spawn } from "node:child_process";
import { ClusterError } from "../../cluster/errors";

/** What a run of the Pulumi CLI came to. */
export interface PulumiRun {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** How long a run that is over its time may take to end by itself. */
const ENDING_MS = 10_000;

/**
 * Runs `pulumi preview --json` in the current folder.
 * @param options further options of the command
 * @throws ClusterError `failed` where there is no such program, `deadline` where it is not done in time
 */
export async function pulumiPreview(options: readonly string[], timeoutSeconds: number): Promise<PulumiRun> {
    const child = spawn("pulumi", ["preview", "--json", "--non-interactive", ...options], {
        stdio: ["ignore", "pipe", "pipe"],
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    const late = new AbortController();
    let impatience: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => {
        late.abort();
        // As Ctrl-C: the engine ends its providers and gives the stack free.
        child.kill("SIGINT");
        impatience = setTimeout(() => child.kill("SIGKILL"), ENDING_MS);
    }, timeoutSeconds * 1000);
    try {
        const code = await new Promise<number>((resolve, reject) => {
            child.once("error", reject).once("close", (exitCode) => {
                resolve(exitCode ?? 1);
            });
        });
        if (late.signal.aborted) {
            const last = said.stderr.trimEnd().split("\n").at(-1) ?? "";
            const seen = last === "" ? "it had said nothing" : `its last words were: ${last}`;
            throw new ClusterError(
                "deadline",
                `pulumi preview was not done within ${String(timeoutSeconds)} s; ${seen}. Give it more with --timeout.`,
            );
        }
        return { code, ...said };
    } catch (cause) {
        if (cause instanceof ClusterError) {
            throw cause;
        }
        const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
        throw new ClusterError(
            "failed",
            isMissing
                ? "There is no `pulumi` on the PATH. Install the Pulumi CLI: https://www.pulumi.com/docs/install/."
                : `pulumi cannot be started: ${(cause as Error).message}.`,
            { cause },
        );
    } finally {
        clearTimeout(deadline);
        clearTimeout(impatience);
    }
}
