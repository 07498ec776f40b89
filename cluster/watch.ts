import type { ClusterClient, KubernetesObject } from "./client";
import { pathOf, type ResourceKind } from "./kinds";
import { Watch } from "./kubernetes-client";

/** What happens to an object; `BOOKMARK` tells a version alone. */
export type WatchEvent = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

/** What a watch reports, and from which version on. */
export interface WatchQuery {
    /** All namespaces where it is absent. */
    readonly namespace?: string;
    readonly labelSelector?: string;
    readonly resourceVersion: string;
    /** Versions of which the server tells though nothing has happened, so that a later watch need not begin far back. */
    readonly allowWatchBookmarks?: boolean;
}

/** Why a watch has ended by itself. */
export type WatchEnd =
    /** The connection was closed, or silent for 30 s. */
    | { readonly reason: "closed" }
    /** The server knows no version so old any more: list again. */
    | { readonly reason: "expired" }
    | { readonly reason: "failed"; readonly message: string };

const CONTINUED = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/** Reports what happens to the objects of a kind from a version on, until it ends or is stopped. */
export class ObjectWatch<T extends KubernetesObject> {
    private open = true;
    private connection: AbortController | undefined;

    constructor(
        client: ClusterClient,
        kind: ResourceKind,
        { namespace, ...query }: WatchQuery,
        report: (event: WatchEvent, object: T) => void,
        private readonly ended: (end: WatchEnd) => void,
    ) {
        const onEvent = (type: string, object: T): void => {
            // The library keeps what is thrown in here to itself.
            try {
                if (!this.open) {
                    return;
                }
                if (CONTINUED.includes(type)) {
                    report(type as WatchEvent, object);
                } else {
                    this.end(endOfStatus(object));
                }
            } catch (error) {
                this.end(failure(error));
            }
        };
        new Watch(client.kubeConfig)
            .watch(pathOf(kind, namespace), query, onEvent, (error: unknown) => {
                this.end(endOfConnection(error));
            })
            .then((connection) => {
                this.connection = connection;
                if (!this.open) {
                    connection.abort();
                }
            })
            .catch((error: unknown) => {
                this.end(failure(error));
            });
    }

    /** False once the connection has ended: what happens since is not reported. */
    public isOpen(): boolean {
        return this.open;
    }

    public stop(): void {
        this.open = false;
        this.connection?.abort();
    }

    private end(why: WatchEnd): void {
        if (this.open) {
            this.stop();
            this.ended(why);
        }
    }
}

/** A watch that cannot go on says so by an event of type ERROR, with a Status. */
function endOfStatus(object: object): WatchEnd {
    const { code, message = "the server gave no reason" } = object as { code?: number; message?: string };
    return code === 410 ? { reason: "expired" } : { reason: "failed", message };
}

function endOfConnection(error: unknown): WatchEnd {
    if (error === null || error === undefined || (error instanceof Error && error.name === "TimeoutError")) {
        return { reason: "closed" };
    }
    const status = (error as { statusCode?: unknown }).statusCode;
    return status === 410 ? { reason: "expired" } : failure(error);
}

function failure(error: unknown): WatchEnd {
    return { reason: "failed", message: error instanceof Error ? error.message : String(error) };
}
