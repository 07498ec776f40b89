import { type ChildProcess, spawn } from "node:child_process";
import { delimiter } from "node:path";
import { createInterface } from "node:readline";

import { startKubernetesProvider } from "../../support/kubernetes-provider";

/** Whom the suite runs against: a real `pulumi-resource-kubernetes` on PATH, or the stand-in. */
export const SUBJECT = process.env.WUKONG_KUBERNETES_PROVIDER === "plugin" ? "plugin" : "stand-in";

export interface Subject {
    /** Where the provider answers, for tests that speak to it directly. */
    port: number;
    stop: () => Promise<void>;
}

/** Starts the provider under test as the engine would, with the given environment. */
export async function startSubject(environment: NodeJS.ProcessEnv): Promise<Subject> {
    if (SUBJECT === "stand-in") {
        return startKubernetesProvider({ environment });
    }
    // The engine's address is only for log messages; nobody listens to those here.
    const plugin = spawn("pulumi-resource-kubernetes", ["127.0.0.1:1"], {
        env: environment,
        stdio: ["ignore", "pipe", "inherit"],
    });
    const port = Number(await firstLine(plugin));
    return {
        port,
        stop: () =>
            new Promise((resolve) => {
                plugin.once("exit", () => resolve());
                plugin.kill();
            }),
    };
}

async function firstLine(plugin: ChildProcess): Promise<string> {
    const lines = createInterface(plugin.stdout!);
    for await (const line of lines) {
        return line;
    }
    throw new Error("pulumi-resource-kubernetes printed no port");
}

/** Puts the folder that WUKONG_PULUMI_BIN names first on PATH. */
export function usePulumiBinary(): void {
    const folder = process.env.WUKONG_PULUMI_BIN;
    if (folder && !process.env.PATH!.split(delimiter).includes(folder)) {
        process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
    }
}
