import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { Refusal, runCommand } from "./command";
import { kubeconfigPath, releaseIn, runningProcesses, startCluster, stopCluster } from "./embedded-cluster/cluster";
import { type KubeVirtRelease, kubeVirtReleases, programNames } from "./embedded-cluster/commands";
import { withLock } from "./toolchain/lock";

const usage = `usage: npm run cluster -- <command> [--directory <directory>] [--kubevirt <release>]
  start       start the embedded cluster, unless it runs, with KubeVirt ${kubeVirtReleases.join(" or ")} (default: ${kubeVirtReleases[0]})
  stop        stop it; everything in it is lost
  status      say what runs
  kubeconfig  print the path of its kubeconfig`;

interface Command {
    readonly name: string;
    readonly directory: string;
    readonly kubeVirt: KubeVirtRelease | undefined;
}

function defaultDirectory(): string {
    const cache = process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache");
    return path.join(cache, "pulumi-wukong", "cluster");
}

function parse(parameters: string[]): Command {
    const options = { directory: { type: "string" }, kubevirt: { type: "string" } } as const;
    let parsed;
    try {
        parsed = parseArgs({ args: parameters, options, allowPositionals: true });
    } catch (error) {
        throw new Refusal(`${(error as Error).message}\n${usage}`);
    }
    const { positionals, values } = parsed;
    const [name, ...rest] = positionals;
    const kubeVirt = kubeVirtReleases.find((release) => release === values.kubevirt);
    if (name === undefined || rest.length > 0) {
        throw new Refusal(usage);
    }
    if (kubeVirt !== values.kubevirt) {
        throw new Refusal(
            `There is no embedded cluster with KubeVirt ${values.kubevirt}: --kubevirt must be ${kubeVirtReleases.join(" or ")}.`,
        );
    }
    return { name, directory: path.resolve(values.directory ?? defaultDirectory()), kubeVirt };
}

/** A start has to end before another start, or a stop, of the same cluster begins. */
async function alone(directory: string, work: () => Promise<void>): Promise<void> {
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    await withLock(`${directory}.lock`, () => console.log("Another command is at work on the cluster; waiting."), work);
}

async function start({ directory, kubeVirt }: Command): Promise<void> {
    const running = runningProcesses(directory);
    if (running.length === programNames.length) {
        const found = releaseIn(directory);
        if (kubeVirt !== undefined && kubeVirt !== found) {
            throw new Refusal(
                `The cluster in ${directory} runs with KubeVirt ${found}, not ${kubeVirt}: stop it first, or choose another directory with --directory.`,
            );
        }
        console.log(`The cluster runs already; its kubeconfig is ${kubeconfigPath(directory, "admin")}`);
        return;
    }
    await stopCluster(directory);
    const began = Date.now();
    const onProgress = (step: string): void => console.log(`  ${step}`);
    await startCluster({ directory, kubeVirt, detached: true, onProgress });
    console.log(
        `The cluster is ready after ${((Date.now() - began) / 1000).toFixed(1)} s; its kubeconfig is ${kubeconfigPath(directory, "admin")}`,
    );
}

function status(directory: string): number {
    const running = runningProcesses(directory);
    for (const name of programNames) {
        const found = running.find((each) => each.name === name);
        console.log(found === undefined ? `${name}: not running` : `${name}: process ${found.pid}`);
    }
    return running.length === programNames.length ? 0 : 1;
}

function kubeconfig(directory: string): number {
    const file = kubeconfigPath(directory, "admin");
    if (!fs.existsSync(file) || runningProcesses(directory).length === 0) {
        console.error(`No cluster runs in ${directory}; start it with "npm run cluster -- start".`);
        return 1;
    }
    console.log(file);
    return 0;
}

async function main(): Promise<number> {
    const command = parse(process.argv.slice(2));
    const { directory } = command;
    switch (command.name) {
        case "start":
            await alone(directory, () => start(command));
            return 0;
        case "stop":
            await alone(directory, () => stopCluster(directory));
            console.log("The cluster is stopped.");
            return 0;
        case "status":
            return status(directory);
        case "kubeconfig":
            return kubeconfig(directory);
        default:
            throw new Refusal(usage);
    }
}

void runCommand(main);
