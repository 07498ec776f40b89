import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { KubeConfig } from "@kubernetes/client-node";

export interface KubeconfigChoice {
    /** Contents or path of a kubeconfig; without it, the files that KUBECONFIG names, else ~/.kube/config. */
    kubeconfig?: string;
    context?: string;
    cluster?: string;
    namespace?: string;
}

export interface ResolvedKubeconfig {
    config: KubeConfig;
    defaultNamespace: string;
}

/** The cluster a provider instance talks to. Throws where there is none to be found. */
export function resolveKubeconfig(choice: KubeconfigChoice, environment: NodeJS.ProcessEnv): ResolvedKubeconfig {
    const config = choice.kubeconfig ? parseKubeconfig(choice.kubeconfig) : ambientKubeconfig(environment);
    if (choice.context) {
        config.setCurrentContext(choice.context);
    }
    const name = config.getCurrentContext();
    const context = config.getContextObject(name);
    if (!context) {
        throw new Error(name ? `context "${name}" does not exist` : "no configuration has been provided");
    }
    const cluster = choice.cluster || context.cluster;
    config.contexts = config.contexts.map((other) => (other === context ? { ...context, cluster } : other));
    if (!config.getCurrentCluster()) {
        throw new Error(`cluster "${cluster}" does not exist`);
    }
    return { config, defaultNamespace: choice.namespace || context.namespace || "default" };
}

export function parseKubeconfig(pathOrContents: string): KubeConfig {
    const path = pathOrContents.startsWith("~/") ? join(homedir(), pathOrContents.slice(2)) : pathOrContents;
    const config = new KubeConfig();
    try {
        if (isFile(path)) {
            config.loadFromFile(path);
        } else {
            config.loadFromString(pathOrContents);
        }
    } catch {
        // The parser's own message quotes the lines around the mistake, and with them credentials.
        throw new Error("error converting YAML to JSON");
    }
    return config;
}

function isFile(path: string): boolean {
    // Contents are longer than any path; asking the file system about them fails with ENAMETOOLONG.
    return !path.includes("\n") && existsSync(path) && statSync(path).isFile();
}

function ambientKubeconfig(environment: NodeJS.ProcessEnv): KubeConfig {
    const named = (environment.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
    const paths = (named.length > 0 ? named : [join(homedir(), ".kube", "config")]).filter(isFile);
    const config = new KubeConfig();
    const [first, ...others] = paths;
    if (first) {
        config.loadFromFile(first);
    }
    for (const path of others) {
        config.mergeConfig(parseKubeconfig(path));
    }
    return config;
}
