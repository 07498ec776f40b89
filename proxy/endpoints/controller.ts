import type { Logger } from "pino";
import type { ClusterClient, KubernetesObject, ObjectMeta } from "../../cluster/client";
import type { PoolObject, Reservation } from "../../cluster/ipam/objects";
import { specOfPool } from "../../cluster/ipam/pools";
import {
    ENDPOINT_SLICE,
    IP_POOL,
    IP_RESERVATION,
    MIGRATION,
    type ResourceKind,
    SERVICE,
    VIRTUAL_MACHINE_INSTANCE,
} from "../../cluster/kinds";
import { follow, type ObjectHandler } from "../../cluster/reflector";
import type { MigrationObject, VmiObject } from "../../core/kubevirt-objects";
import { nicOfOwner } from "../../core/reservation";
import { endpointsOf } from "../../core/service-proxy/endpoints";
import { SLICE_LABEL, SLICE_MANAGER } from "../../core/service-proxy/names";
import { ReservationIndex } from "../../core/service-proxy/nic-addresses";
import { PoolSubnets } from "../../core/service-proxy/pool-subnets";
import { publishedIn, sliceChanges } from "../../core/service-proxy/slices";
import type { ServiceObject as Service } from "../../core/service-proxy/objects";
import { isVmService, targetOf, type VmTarget } from "../../core/service-proxy/vm-service";
import { matches } from "../../core/service/selector";
import { ObjectStore } from "./object-store";
import { WorkQueue } from "./work-queue";
import { type SliceObject, writeSlices } from "./write-slices";

type ServiceObject = Service & KubernetesObject;

/** What an endpoint controller looks after. */
export interface EndpointControllerOptions {
    /** Only the Services of this namespace. @default those of all */
    readonly namespace?: string;
}

/**
 * Keeps the EndpointSlices of Services in front of VMs on secondary networks, until the signal aborts.
 * @param log is told what was written, and what keeps it from being written
 */
export async function runEndpointController(
    client: ClusterClient,
    signal: AbortSignal,
    log: Logger,
    options: EndpointControllerOptions = {},
): Promise<void> {
    await new EndpointController(client, signal, log, options).run();
}

class EndpointController {
    private readonly queue = new WorkQueue();
    private readonly services = new ObjectStore<ServiceObject>(
        ({ metadata }) => {
            this.queue.add(`${metadata.namespace ?? ""}/${metadata.name}`);
        },
        (service) => isVmService(service),
    );
    private readonly slices = new ObjectStore<SliceObject>(({ metadata }) => {
        this.queue.add(`${metadata.namespace ?? ""}/${metadata.labels?.[SLICE_LABEL.service] ?? ""}`);
    });
    private readonly instances = new ObjectStore<VmiObject & KubernetesObject>(({ metadata }) => {
        this.addChoosing(metadata);
    });
    private readonly migrations = new ObjectStore<MigrationObject & KubernetesObject>(({ metadata, spec }) => {
        // An instance that is still to come brings its Services along.
        const instance = this.instances.get(metadata.namespace ?? "", spec?.vmiName ?? "");
        if (instance !== undefined) {
            this.addChoosing(instance.metadata);
        }
    });
    private readonly reservations = new ObjectStore<Reservation>(({ spec }) => {
        this.index = undefined;
        const { namespace } = nicOfOwner(spec.owner.key) ?? {};
        this.addWhere((target, service) =>
            spec.network === undefined ? service.namespace === namespace : spec.network === target.network,
        );
    });
    private readonly pools = new ObjectStore<PoolObject>(() => {
        this.subnets = undefined;
        this.addWhere(() => true);
    });
    /** Of the reservations and pools as they are; made when they are needed. */
    private index: ReservationIndex | undefined;
    private subnets: PoolSubnets | undefined;
    /** What Services choose, read once. */
    private readonly targets = new WeakMap<ServiceObject, VmTarget | undefined>();

    constructor(
        private readonly client: ClusterClient,
        private readonly signal: AbortSignal,
        private readonly log: Logger,
        private readonly options: EndpointControllerOptions,
    ) {}

    public async run(): Promise<void> {
        const managed = `${SLICE_LABEL.managedBy}=${SLICE_MANAGER}`;
        await Promise.all([
            this.follow(SERVICE, this.services),
            this.follow(ENDPOINT_SLICE, this.slices, managed),
            this.follow(VIRTUAL_MACHINE_INSTANCE, this.instances),
            this.follow(MIGRATION, this.migrations),
            this.follow(IP_RESERVATION, this.reservations),
            this.follow(IP_POOL, this.pools),
            this.queue.run(
                this.signal,
                // Until all is known, what looks like a VM without an address may be one whose reservation is still to come.
                () => this.knowsAll(),
                async (key) => this.reconcile(key),
                (service, error) => {
                    this.log.warn({ service, error: messageOf(error) }, "the endpoints were not written; trying again");
                },
            ),
        ]);
    }

    private knowsAll(): boolean {
        const stores = [this.services, this.slices, this.instances, this.migrations, this.reservations, this.pools];
        return stores.every(({ isListed }) => isListed);
    }

    private async follow<T extends KubernetesObject>(
        kind: ResourceKind,
        store: ObjectStore<T>,
        labelSelector?: string,
    ): Promise<void> {
        const handler: ObjectHandler<T> = {
            replaced: (objects) => {
                const knewAll = this.knowsAll();
                store.replaced(objects);
                if (!knewAll && this.knowsAll()) {
                    this.log.info("all is known of the cluster; the endpoints are kept from now on");
                    this.queue.recheck(); // Nobody else is told of an empty list.
                }
            },
            changed: (object) => {
                store.changed(object);
            },
            removed: (object) => {
                store.removed(object);
            },
        };
        await follow(this.client, kind, handler, {
            signal: this.signal,
            ...(kind.namespaced && this.options),
            ...(labelSelector !== undefined && { labelSelector }),
            onTrouble: (sentence) => {
                this.log.warn({ kind: kind.kind }, sentence);
            },
        });
    }

    /** Brings the slices of a Service to what they should be; of one that is gone, or no longer in front of VMs, to none. */
    private async reconcile(key: string): Promise<void> {
        const [namespace = "", name = ""] = key.split("/");
        const slices = this.slices
            .in(namespace)
            .filter(({ metadata }) => metadata.labels?.[SLICE_LABEL.service] === name);
        const service = this.services.get(namespace, name);
        const changes =
            service === undefined
                ? { create: [], update: [], remove: slices }
                : sliceChanges(
                      service,
                      endpointsOf(service, {
                          instances: this.instances.in(namespace),
                          migrations: this.migrations.in(namespace),
                          reservations: (this.index ??= this.indexed()),
                          subnets: (this.subnets ??= new PoolSubnets(this.pools.in("").map(specOfPool))),
                          published: publishedIn(slices),
                      }),
                      slices,
                  );
        const written = await writeSlices(this.client, changes, this.slices);
        if (written.created + written.updated + written.removed > 0) {
            this.log.info({ service: key, ...written }, "the endpoints were written");
        }
    }

    private indexed(): ReservationIndex {
        return new ReservationIndex([...this.reservations.all()].map(({ spec }) => spec));
    }

    /** Has the Services looked at that choose an instance. */
    private addChoosing({ namespace, labels }: ObjectMeta): void {
        this.addWhere((target, service) => service.namespace === namespace && matches(target.labels, labels));
    }

    private addWhere(isConcerned: (target: VmTarget, service: ObjectMeta) => boolean): void {
        for (const service of this.services.all()) {
            const { metadata } = service;
            const target = this.targetOf(service);
            if (target !== undefined && isConcerned(target, metadata)) {
                this.queue.add(`${metadata.namespace ?? ""}/${metadata.name}`);
            }
        }
    }

    private targetOf(service: ServiceObject): VmTarget | undefined {
        if (!this.targets.has(service)) {
            this.targets.set(service, targetOf(service).target);
        }
        return this.targets.get(service);
    }
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
