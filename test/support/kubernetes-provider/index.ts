import * as grpc from "@grpc/grpc-js";

import { makeServer } from "./server";

export interface KubernetesProviderOptions {
    /**
     * The environment in place of this process's, for `KUBECONFIG` of the default provider and the `PULUMI_K8S_*` options.
     *
     * @default process.env
     */
    environment?: NodeJS.ProcessEnv;
}

export interface RunningKubernetesProvider {
    /** The port for `PULUMI_DEBUG_PROVIDERS=kubernetes:<port>`. */
    port: number;
    /** Cancels what is under way and closes the port. */
    stop: () => Promise<void>;
}

/**
 * Serves a stand-in for the kubernetes provider plugin on loopback, for tests where the plugin cannot be installed. It acts on
 * a real API server and behaves like pulumi-kubernetes 4.34 for plain resources and custom resources; Helm, YAML and Patch
 * resources are not part of it, and of the built-in kinds only Service, Ingress and DaemonSet are waited for.
 */
export async function startKubernetesProvider(
    options: KubernetesProviderOptions = {},
): Promise<RunningKubernetesProvider> {
    const { server, close } = makeServer(options.environment ?? process.env);
    const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
            error ? reject(error) : resolve(bound),
        );
    });
    return {
        port,
        stop: () => {
            close();
            return Promise.resolve();
        },
    };
}
