import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";
import { commandLine, type ProgramName } from "./commands";
import { choosePorts } from "./ports";
import { endProcesses, Program } from "./process";
import { ensurePrograms } from "../toolchain";

/** An API server without KubeVirt, Multus or this project's kinds. */
export interface BareApiServer {
    /** The path of the administrator's kubeconfig. */
    readonly kubeconfig: string;
    readonly config: k8s.KubeConfig;
    stop(): Promise<void>;
}

const START_MS = 60_000;

/** Starts etcd and kube-apiserver alone, for a cluster that is not the one under test. */
export async function startBareApiServer(): Promise<BareApiServer> {
    const files = await ensurePrograms(["etcd", "kube-apiserver", "node-side"]);
    const ports = await choosePorts({});
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-bare-"));
    const signal = AbortSignal.timeout(START_MS);
    const programs: Program[] = [];
    const stop = async (): Promise<void> => {
        await endProcesses(directory, programs);
        fs.rmSync(directory, { recursive: true, force: true });
    };
    const start = (name: ProgramName): void => {
        const args = commandLine(name, directory, { ports, release: "1.6" });
        programs.push(Program.start({ name, file: files[name as "etcd"], arguments: args, directory }));
    };
    try {
        const args = ["certificates", `-directory=${directory}`, `-api-server-port=${ports.apiServer}`];
        await Program.start({ name: "certificates", file: files["node-side"], arguments: args, directory }).finish(
            signal,
        );
        start("etcd");
        start("kube-apiserver");
        const kubeconfig = path.join(directory, "kubeconfigs", "admin");
        const config = new k8s.KubeConfig();
        config.loadFromFile(kubeconfig);
        await answers(config, programs, signal);
        return { kubeconfig, config, stop };
    } catch (error) {
        await stop();
        throw error;
    }
}

async function answers(config: k8s.KubeConfig, programs: readonly Program[], signal: AbortSignal): Promise<void> {
    const version = config.makeApiClient(k8s.CoreV1Api);
    let last: unknown;
    while (!signal.aborted) {
        programs.forEach((program) => program.assertRunning());
        try {
            await version.readNamespace({ name: "default" });
            return;
        } catch (error) {
            last = error;
        }
        await delay(50);
    }
    throw new Error(`kube-apiserver was not ready in ${START_MS / 1000} s; last seen: ${String(last)}`);
}
