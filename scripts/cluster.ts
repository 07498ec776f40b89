import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Refusal, runCommand } from "./command";
import { kubeconfigPath, runningProcesses, startCluster, stopCluster } from "./embedded-cluster/cluster";
import { programNames } from "./embedded-cluster/commands";
import { withLock } from "./toolchain/lock";

const usage = `usage: npm run cluster -- <command> [--directory <directory>]
  start       start the embedded cluster, unless it runs
  stop        stop it; everything in it is lost
  status      say what runs
  kubeconfig  print the path of its kubeconfig`;

function defaultDirectory(): string {
    const cache = process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache");
    return path.join(cache, "pulumi-wukong", "cluster");
}

function parse(parameters: readonly string[]): { command: string; directory: string } {
    const [command, flag, value, ...rest] = parameters;
    if (
        command === undefined ||
        rest.length > 0 ||
        (flag !== undefined && (flag !== "--directory" || value === undefined))
    ) {
        throw new Refusal(usage);
    }
    return { command, directory: path.resolve(value ?? defaultDirectory()) };
}

/** A start has to end before another start, or a stop, of the same cluster begins. */
async function alone(directory: string, work: () => Promise<void>): Promise<void> {
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    await withLock(`${directory}.lock`, () => console.log("Another command is at work on the cluster; waiting."), work);
}

async function start(directory: string): Promise<void> {
    const running = runningProcesses(directory);
    if (running.length === programNames.length) {
        console.log(`The cluster runs already; its kubeconfig is ${kubeconfigPath(directory, "admin")}`);
        return;
    }
    await stopCluster(directory);
    const began = Date.now();
    await startCluster({ directory, detached: true, onProgress: (step) => console.log(`  ${step}`) });
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
    const { command, directory } = parse(process.argv.slice(2));
    switch (command) {
        case "start":
            await alone(directory, () => start(directory));
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
