import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { ClusterError } from "./errors";
import { KubeConfig, type RequestContext } from "./kubernetes-client";

/** Which cluster to talk to, in the terms of a kubeconfig. */
export interface ConnectionArgs {
    /**
     * Contents of a kubeconfig, or the path of one.
     * @default the files of `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod
     */
    kubeconfig?: string;
    /** @default the kubeconfig's current context */
    context?: string;
}

/**
 * The library makes a pool of connections for each request, and so a connection, whose TLS handshake costs more than the
 * request itself. Here requests share a pool as long as they come with the same credentials, which a command or a file may
 * renew at any time.
 */
class PooledKubeConfig extends KubeConfig {
    private pool:
        { readonly key: string; readonly dispatcher: ReturnType<RequestContext["getDispatcher"]> } | undefined;

    public override async applySecurityAuthentication(context: RequestContext): Promise<void> {
        const options: RequestOptions = {};
        await this.applyToHTTPSOptions(options);
        const { ca, cert, key: privateKey, passphrase } = options;
        const key = [this.currentContext, ca, cert, privateKey, passphrase].map(String).join("\n");
        await super.applySecurityAuthentication(context);
        if (this.pool?.key !== key) {
            this.pool = { key, dispatcher: context.getDispatcher() };
        }
        if (this.pool.dispatcher) {
            context.setDispatcher(this.pool.dispatcher);
        }
    }
}

/**
 * Loads the kubeconfig and checks that it names a cluster.
 * @throws ClusterError `invalid` for a mistake in what the program hands over, `no-cluster` for what may be set right
 * where `pulumi` runs
 */
export function loadKubeConfig(args: ConnectionArgs): KubeConfig {
    const config = new PooledKubeConfig();
    try {
        if (args.kubeconfig === undefined || args.kubeconfig === "") {
            config.loadFromDefault();
        } else if (isContents(args.kubeconfig)) {
            config.loadFromString(args.kubeconfig);
        } else {
            config.loadFromFile(args.kubeconfig);
        }
    } catch (cause) {
        throw new ClusterError(
            isHandedOver(args) ? "invalid" : "no-cluster",
            `The kubeconfig${sourceOf(args)} cannot be read. ${remedyFor(args)}`,
            { cause },
        );
    }
    if (args.context !== undefined) {
        const known = config.getContexts().map((context) => context.name);
        if (!known.includes(args.context)) {
            throw new ClusterError(
                "invalid",
                `The kubeconfig${sourceOf(args)} has no context "${args.context}", only: ${known.join(", ") || "none"}. ` +
                    `Name one of these as the context.`,
            );
        }
        config.setCurrentContext(args.context);
    }
    if (!config.getCurrentCluster()) {
        throw new ClusterError(
            isHandedOver(args) ? "invalid" : "no-cluster",
            `The kubeconfig${sourceOf(args)} selects no cluster. ${remedyFor(args)}`,
        );
    }
    return config;
}

/** A key under which clients of the same cluster and user are shared; reveals nothing of the kubeconfig. */
export function connectionKey(args: ConnectionArgs): string {
    const where = args.kubeconfig ?? process.env.KUBECONFIG ?? "";
    return createHash("sha256")
        .update(JSON.stringify([where, args.context]))
        .digest("hex");
}

/** The program has the contents, which are the same wherever it runs. */
function isHandedOver({ kubeconfig }: ConnectionArgs): boolean {
    return kubeconfig !== undefined && isContents(kubeconfig);
}

function remedyFor(args: ConnectionArgs): string {
    return isHandedOver(args)
        ? "Hand over the whole of a kubeconfig, with a current context, or the path of one."
        : "Set KUBECONFIG, or name a kubeconfig (`new Cluster` in a program, `--kubeconfig` on the command line).";
}

/** Contents are YAML or JSON; a path has neither a line break nor a brace. */
function isContents(kubeconfig: string): boolean {
    return /[\n{]/.test(kubeconfig) && !existsSync(kubeconfig);
}

function sourceOf(args: ConnectionArgs): string {
    if (args.kubeconfig !== undefined) {
        return isContents(args.kubeconfig) ? " of the Cluster" : ` ${args.kubeconfig}`;
    }
    return process.env.KUBECONFIG ? ` ${process.env.KUBECONFIG}` : " of this machine (KUBECONFIG is not set)";
}
