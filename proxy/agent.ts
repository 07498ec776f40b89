import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterClient, KubernetesObject } from "../cluster/client";
import { ENDPOINT_SLICE, SERVICE, type ResourceKind } from "../cluster/kinds";
import { follow, type ObjectHandler } from "../cluster/reflector";
import type { PortRanges } from "../core/service-proxy/host-ports";
import { ServiceInventory } from "../core/service-proxy/inventory";
import type { ProxyState } from "../core/service-proxy/model";
import { PROXY_NAME, PROXY_NAME_LABEL } from "../core/service-proxy/names";
import type { EndpointSliceObject, ServiceObject } from "../core/service-proxy/objects";
import type { Applied, Dataplane } from "./dataplane";
import { HealthCheckPorts } from "./health-check-ports";

/** What the agent reports of its work. */
export interface AgentObserver {
    /** An apply has ended well. */
    readonly applied: (applied: Applied, state: ProxyState, seconds: number) => void;
    /** One has not; it is tried again. */
    readonly failed: (sentence: string) => void;
    /** Something keeps the agent from its work for the moment, in a sentence. */
    readonly trouble: (sentence: string) => void;
    /** The rules were not as they were left, or that could not be told any more: they are written anew. */
    readonly drifted: () => void;
}

/** One time that the rules were to be brought to the cluster's state. */
export interface Sync {
    readonly at: Date;
    /** What kept it from being done, as a sentence; absent where it was. */
    readonly error?: string;
}

export interface AgentOptions {
    /** The node as EndpointSlices name it. */
    readonly nodeName: string;
    /** Ports of the node that Services may take. @default DEFAULT_HOST_PORTS */
    readonly hostPorts?: PortRanges;
    readonly observer: AgentObserver;
}

/** Changes that come within this time of an apply are applied together, as are those that come while one is under way. */
const SETTLE_MS = 10;
/** How often the kernel's rules are looked at: they are to be repaired within a second. */
const DRIFT_CHECK_MS = 500;
/** Longer than a program that writes rules is given. */
const LONGEST_TURN_MS = 330_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** The Services that `service.kubernetes.io/service-proxy-name` gives to us, and not to kube-proxy. */
const OUR_SERVICES = `${PROXY_NAME_LABEL}=${PROXY_NAME}`;

/**
 * Follows Services and EndpointSlices, and keeps the node's rules as they ask. The rules stay when the agent ends, so that
 * no connection breaks while another takes its place; `Dataplane.remove` takes them away.
 */
export class Agent {
    private readonly inventory: ServiceInventory;
    private readonly missing = new Set<ResourceKind>([SERVICE, ENDPOINT_SLICE]);
    private readonly healthChecks: HealthCheckPorts;
    private isStale = true;
    /** Called at the next change. */
    private readonly waiters = new Set<() => void>();
    /** The look at the kernel's rules that is under way. */
    private look: Promise<boolean> | undefined;
    private sync: Sync | undefined;
    private turnedAt = Date.now();
    private noteFirstSync: () => void = () => undefined;
    /** Done once the rules have been, or could not be, brought to the cluster's state for the first time. */
    public readonly hasSynced = new Promise<void>((resolve) => {
        this.noteFirstSync = resolve;
    });

    /** @param dataplane made while the cluster is read */
    constructor(
        private readonly client: ClusterClient,
        private readonly dataplane: Promise<Dataplane>,
        private readonly options: AgentOptions,
    ) {
        this.inventory = new ServiceInventory(options.nodeName, options.hostPorts);
        this.healthChecks = new HealthCheckPorts(options.observer.trouble);
    }

    /** What keeps the rules from being what the cluster asks for; undefined where they are. */
    public get unhealthy(): string | undefined {
        return this.missing.size > 0
            ? `not yet read: ${[...this.missing].map(({ plural }) => plural).join(", ")}`
            : this.sync?.error;
    }

    /** The last time the rules were to be brought to the cluster's state. */
    public get lastSync(): Sync | undefined {
        return this.sync;
    }

    /** Whether the agent still works: what it waits for at most is one run of a program that writes rules. */
    public isTurning(): boolean {
        return Date.now() - this.turnedAt < LONGEST_TURN_MS;
    }

    /** The Services, with what of them cannot be served. */
    public proxied(): ReturnType<ServiceInventory["proxied"]> {
        return this.inventory.proxied();
    }

    /**
     * Works until the signal aborts.
     * @throws Error where the dataplane cannot be made; the signal then has to be aborted, too
     */
    public async run(signal: AbortSignal): Promise<void> {
        await Promise.all([
            this.followServices(signal),
            this.followSlices(signal),
            this.dataplane.then(async (dataplane) => this.keepRules(dataplane, signal)),
        ]);
        await this.healthChecks.close();
    }

    private async followServices(signal: AbortSignal): Promise<void> {
        const handler: ObjectHandler<ServiceObject & KubernetesObject> = {
            replaced: (services) => {
                this.inventory.replaceServices(services);
                this.missing.delete(SERVICE);
                this.touch();
            },
            changed: (service) => {
                this.inventory.setService(service);
                this.touch();
            },
            removed: (service) => {
                this.inventory.removeService(service);
                this.touch();
            },
        };
        await follow(this.client, SERVICE, handler, {
            signal,
            labelSelector: OUR_SERVICES,
            onTrouble: this.options.observer.trouble,
        });
    }

    private async followSlices(signal: AbortSignal): Promise<void> {
        const handler: ObjectHandler<EndpointSliceObject & KubernetesObject> = {
            replaced: (slices) => {
                this.inventory.replaceSlices(slices);
                this.missing.delete(ENDPOINT_SLICE);
                this.touch();
            },
            changed: (slice) => {
                this.inventory.setSlice(slice);
                this.touch();
            },
            removed: (slice) => {
                this.inventory.removeSlice(slice);
                this.touch();
            },
        };
        await follow(this.client, ENDPOINT_SLICE, handler, { signal, onTrouble: this.options.observer.trouble });
    }

    private touch(): void {
        this.isStale = true;
        this.wake();
    }

    private async keepRules(dataplane: Dataplane, signal: AbortSignal): Promise<void> {
        let failures = 0;
        signal.addEventListener("abort", () => {
            this.wake();
        });
        while (!signal.aborted) {
            this.turnedAt = Date.now();
            // Rules made of half of what there is would break connections: nothing is applied before all has been read.
            if (this.missing.size > 0 || (!this.isStale && (await this.isIntact(dataplane)))) {
                await this.woken(DRIFT_CHECK_MS, signal);
                continue;
            }
            this.isStale = false;
            try {
                await this.apply(dataplane);
                failures = 0;
                await pause(SETTLE_MS, signal);
            } catch (error) {
                this.isStale = true;
                failures += 1;
                this.sync = { at: new Date(), error: messageOf(error) };
                this.noteFirstSync();
                this.options.observer.failed(messageOf(error));
                await pause(Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS), signal);
            }
        }
    }

    private async apply(dataplane: Dataplane): Promise<void> {
        const begun = performance.now();
        const state = this.inventory.state();
        const applied = await dataplane.apply(state);
        this.sync = { at: new Date() };
        this.noteFirstSync();
        this.healthChecks.serve([...this.inventory.proxied()]);
        this.options.observer.applied(applied, state, (performance.now() - begun) / 1000);
    }

    /** A dataplane may take seconds to know (`nft monitor` reads all tables first): a change does not wait for that. */
    private async isIntact(dataplane: Dataplane): Promise<boolean> {
        this.look ??= dataplane
            .isIntact()
            .then(
                (intact) => {
                    if (!intact) {
                        this.options.observer.drifted();
                    }
                    return intact;
                },
                (error: unknown) => {
                    this.options.observer.trouble(messageOf(error));
                    return false;
                },
            )
            .finally(() => {
                this.look = undefined;
            });
        const change = this.nextChange();
        try {
            return await Promise.race([this.look, change.happened.then(() => true)]);
        } finally {
            change.forget();
        }
    }

    /** Until something has changed, or the time is over. */
    private async woken(ms: number, signal: AbortSignal): Promise<void> {
        if ((!this.isStale || this.missing.size > 0) && !signal.aborted) {
            const waiting = new AbortController();
            const change = this.nextChange();
            await Promise.race([pause(ms, waiting.signal), change.happened]);
            change.forget();
            waiting.abort();
        }
    }

    /** The next change; to be forgotten by who does not wait for it any more, as it may be long in coming. */
    private nextChange(): { readonly happened: Promise<void>; readonly forget: () => void } {
        let waiter: () => void = () => undefined;
        const happened = new Promise<void>((resolve) => {
            waiter = resolve;
        });
        this.waiters.add(waiter);
        return { happened, forget: () => this.waiters.delete(waiter) };
    }

    private wake(): void {
        this.waiters.forEach((waiter) => {
            waiter();
        });
        this.waiters.clear();
    }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
