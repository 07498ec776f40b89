import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { startKubernetesProvider } from "../test/support/kubernetes-provider";
import { Refusal } from "./command";

/** How the CLI is run. */
export interface PulumiOptions {
    /** The CLI's program. */
    readonly file: string;
    /** The kubeconfig of the cluster that it acts on. */
    readonly kubeconfig: string;
    /** A directory for its state and settings; made when missing. */
    readonly directory: string;
    /** The folder with Pulumi.yaml. */
    readonly project: string;
    /** Ends what runs. */
    readonly signal?: AbortSignal;
}

/** The kubernetes provider that commands of this process get: the plugin, or the stand-in that the tests use. */
export const kubernetesProvider = process.env["WUKONG_KUBERNETES_PROVIDER"] === "plugin" ? "plugin" : "stand-in";

/** The Pulumi CLI with a stack of its own, in a file backend that only this object knows. */
export class Pulumi {
    private constructor(
        private readonly options: PulumiOptions,
        private readonly environment: NodeJS.ProcessEnv,
        private readonly stack: string,
        private readonly stopProvider: () => Promise<void>,
    ) {}

    static async start(options: PulumiOptions): Promise<Pulumi> {
        const { directory, kubeconfig } = options;
        const state = path.join(directory, "state");
        fs.mkdirSync(state, { recursive: true });
        const environment: NodeJS.ProcessEnv = {
            ...process.env,
            PATH: [path.dirname(options.file), path.dirname(process.execPath), process.env["PATH"]].join(
                path.delimiter,
            ),
            KUBECONFIG: kubeconfig,
            PULUMI_BACKEND_URL: `file://${state}`,
            PULUMI_CONFIG_PASSPHRASE: "of a stack that is gone in a minute",
            PULUMI_SKIP_UPDATE_CHECK: "true",
        };
        let stopProvider = (): Promise<void> => Promise.resolve();
        if (kubernetesProvider === "stand-in") {
            const provider = await startKubernetesProvider({ environment: { ...process.env, KUBECONFIG: kubeconfig } });
            stopProvider = provider.stop;
            environment["PULUMI_DEBUG_PROVIDERS"] = `kubernetes:${provider.port}`;
            environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true";
            environment["PULUMI_HOME"] = path.join(directory, "home"); // the plugin would be in the user's own
        }
        // The CLI keeps a stack's configuration in the project: the name is one that nobody has.
        const pulumi = new Pulumi(options, environment, `wukong-${process.pid}`, stopProvider);
        try {
            await pulumi.execute(["stack", "init", pulumi.stack, "--no-select"]);
        } catch (error) {
            await pulumi.stop();
            throw error;
        }
        return pulumi;
    }

    /**
     * Runs a command on the stack and gives what it printed.
     * @throws Refusal with all that it printed, where it fails
     */
    async run(command: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
        return this.execute([...command, "--stack", this.stack], environment);
    }

    /** Stops the provider and removes what the CLI has left in the project. */
    async stop(): Promise<void> {
        await this.stopProvider();
        fs.rmSync(path.join(this.options.project, `Pulumi.${this.stack}.yaml`), { force: true });
    }

    private async execute(command: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
        const { file, project, signal } = this.options;
        signal?.throwIfAborted();
        // In a process group of its own, so that the language host and the program end with it.
        const child = spawn(file, [...command, "--non-interactive", "--color", "never"], {
            cwd: project,
            env: { ...this.environment, ...environment },
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
        const end = (): void => {
            if (child.pid !== undefined) {
                process.kill(-child.pid, "SIGTERM");
            }
        };
        signal?.addEventListener("abort", end);
        let output = "";
        let errors = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
        child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
        try {
            const code = await new Promise<number | null>((resolve, reject) => {
                child.once("error", reject).once("close", resolve);
            });
            signal?.throwIfAborted();
            if (code !== 0) {
                const lines = `${output}\n${errors}`.split("\n").filter((line) => line.trim() && !line.startsWith("@"));
                throw new Refusal(`\`pulumi ${command.join(" ")}\` failed:\n${lines.join("\n")}`);
            }
            return output;
        } finally {
            signal?.removeEventListener("abort", end);
        }
    }
}
