import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as k8s from "@kubernetes/client-node";
import { startCluster } from "../embedded-cluster/cluster";
import { programNames } from "../embedded-cluster/commands";
import { REPOSITORY } from "../paths";
import { Pulumi } from "../pulumi";
import { ensurePrograms } from "../toolchain";
import { type BenchmarkStack, VARIABLE } from "./program";

/** Where benchmarks are run. */
export interface Setting {
    readonly kubeconfig: string;
    readonly config: k8s.KubeConfig;
    /** Makes a namespace and a stack of its own that `up` puts there, by way of another kubeconfig where one is named. */
    readonly stack: (namespace: string, kubeconfig?: string) => Promise<Stack>;
}

/** A stack of the benchmark program. */
export interface Stack {
    up(stack: Omit<BenchmarkStack, "namespace">, saves?: Saves): Promise<void>;
    preview(stack: Omit<BenchmarkStack, "namespace">): Promise<void>;
    /** The resources that the state holds. */
    resources(): Promise<StoredResource[]>;
}

/**
 * When the state is written. The file backend writes the whole of it twice for each resource, so that the time of an update
 * grows with the square of their number, whatever they are; backends that keep a journal do not.
 */
export type Saves = "at each step" | "at the end";

export interface StoredResource {
    readonly type: string;
    readonly urn: string;
}

/** Does the work with an embedded cluster and the Pulumi CLI; whatever happens, nothing is left running. */
export async function withSetting<T>(work: (setting: Setting) => Promise<T>): Promise<T> {
    const { pulumi: file } = await ensurePrograms(["pulumi", ...programNames]);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-bench-"));
    const stops: (() => Promise<void>)[] = [];
    try {
        const cluster = await startCluster({ directory: path.join(directory, "cluster") });
        stops.push(() => cluster.stop());
        const { kubeconfig } = cluster;
        const config = new k8s.KubeConfig();
        config.loadFromFile(kubeconfig);
        const stack = async (namespace: string, way = kubeconfig): Promise<Stack> => {
            await config.makeApiClient(k8s.CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } });
            const own = path.join(directory, namespace);
            const project = writeProject(path.join(own, "project"));
            const pulumi = await Pulumi.start({ file, kubeconfig: way, project, directory: own });
            stops.push(() => pulumi.stop());
            const run = async (
                command: string[],
                declared: Omit<BenchmarkStack, "namespace">,
                saves: Saves = "at each step",
            ): Promise<void> => {
                const value: BenchmarkStack = { ...declared, namespace };
                await pulumi.run(command, {
                    [VARIABLE]: JSON.stringify(value),
                    ...(saves === "at the end" && { PULUMI_SKIP_CHECKPOINTS: "true" }),
                });
            };
            return {
                up: async (declared, saves) => run(["up", "--yes", "--skip-preview"], declared, saves),
                preview: async (declared) => run(["preview"], declared),
                resources: async () => {
                    const state = JSON.parse(await pulumi.run(["stack", "export"])) as {
                        deployment: { resources: StoredResource[] };
                    };
                    return state.deployment.resources;
                },
            };
        };
        return await work({ kubeconfig, config, stack });
    } finally {
        for (const stop of stops.reverse()) {
            await stop();
        }
        fs.rmSync(directory, { recursive: true, force: true });
    }
}

/** A project whose program is that of the benchmarks. */
function writeProject(folder: string): string {
    fs.mkdirSync(folder, { recursive: true });
    fs.symlinkSync(path.join(REPOSITORY, "node_modules"), path.join(folder, "node_modules"));
    fs.writeFileSync(
        path.join(folder, "Pulumi.yaml"),
        "name: benchmark\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
    );
    const program = JSON.stringify(path.join(__dirname, "program.js"));
    fs.writeFileSync(path.join(folder, "index.js"), `require(${program}).benchmarkProgram();\n`);
    fs.writeFileSync(path.join(folder, "package.json"), '{ "main": "index.js" }\n');
    return folder;
}
