import * as path from "node:path";
import { after } from "mocha";
import { testKubeconfig, type TestUser } from "./embedded-cluster";
import { startKubernetesProvider, type RunningKubernetesProvider } from "./kubernetes-provider";
import { LITTLE_COLLECTING } from "./pulumi-command";

/** Stand-ins of the kubernetes provider, one for each kubeconfig, shared by all runs of the test process. */
const providers = new Map<string, Promise<RunningKubernetesProvider>>();

after("stop the kubernetes providers of these tests", async () => {
    for (const provider of providers.values()) {
        await (await provider).stop();
    }
});

/** Whom a stack is run as: a user of the cluster under test, or whoever a kubeconfig says. */
export type StackUser = TestUser | { readonly kubeconfig: string };

/**
 * The environment of the Pulumi CLI in tests: the cluster under test as one of its users sees it, and the stand-in for
 * the kubernetes provider (`WUKONG_KUBERNETES_PROVIDER=plugin` leaves the provider to the CLI).
 */
export async function pulumiEnvironment(user: StackUser = "admin"): Promise<Record<string, string>> {
    const kubeconfig = typeof user === "string" ? await testKubeconfig(user) : user.kubeconfig;
    const folders = [process.env.WUKONG_PULUMI_BIN ?? "", path.dirname(process.execPath), process.env.PATH ?? ""];
    // Automation looks for the CLI on the PATH of its own process.
    process.env.PATH = [...new Set(folders.flatMap((folder) => folder.split(path.delimiter)))].join(path.delimiter);
    return {
        KUBECONFIG: kubeconfig,
        PATH: process.env.PATH,
        PULUMI_CONFIG_PASSPHRASE: "test",
        GOGC: LITTLE_COLLECTING,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        ...(process.env.WUKONG_KUBERNETES_PROVIDER !== "plugin" && {
            PULUMI_DEBUG_PROVIDERS: `kubernetes:${String(await standInPort(kubeconfig))}`,
        }),
    };
}

async function standInPort(kubeconfig: string): Promise<number> {
    const running =
        providers.get(kubeconfig) ??
        startKubernetesProvider({ environment: { ...process.env, KUBECONFIG: kubeconfig } });
    providers.set(kubeconfig, running);
    return (await running).port;
}
