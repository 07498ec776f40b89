import * as k8s from "@kubernetes/client-node";

/** A NIC as KubeVirt's lists have it. */
interface ListedInterface {
    readonly name: string;
    readonly macAddress?: string;
    readonly state?: string;
}

/** A NIC as an instance's status has it. */
export interface InterfaceStatus {
    readonly name?: string;
    readonly mac?: string;
    readonly ipAddresses?: readonly string[];
    readonly infoSource?: string;
}

interface Devices {
    readonly domain: { readonly devices: { readonly interfaces?: readonly ListedInterface[] } };
}

export interface VirtualMachine extends k8s.KubernetesObject {
    readonly spec: { readonly template: { readonly spec: Devices & { readonly networks?: readonly object[] } } };
}

export interface VirtualMachineInstance extends k8s.KubernetesObject {
    readonly spec: Devices;
    readonly status?: {
        readonly phase?: string;
        readonly interfaces?: readonly InterfaceStatus[];
        readonly phaseTransitionTimestamps?: readonly {
            readonly phase: string;
            readonly phaseTransitionTimestamp: string;
        }[];
    };
}

/** A version of an object, with the time at which it was seen, in milliseconds. */
export interface Version<T> {
    readonly at: number;
    readonly object: T;
}

/** How long a change that was asked for may take to be seen. */
const DEADLINE_MS = 60_000;

/** All versions of the VMs and instances of a namespace, as a watch shows them that has nothing to do with the package. */
export class VmWatch {
    private readonly vms: Version<VirtualMachine>[] = [];
    private readonly vmis: Version<VirtualMachineInstance>[] = [];
    private readonly open = new Set<AbortController>();
    private readonly listeners = new Set<() => void>();
    private stopped = false;
    private failure: string | undefined;

    private constructor(
        private readonly config: k8s.KubeConfig,
        private readonly namespace: string,
    ) {}

    static async start(config: k8s.KubeConfig, namespace: string): Promise<VmWatch> {
        const watch = new VmWatch(config, namespace);
        await watch.follow("virtualmachines", watch.vms);
        await watch.follow("virtualmachineinstances", watch.vmis);
        return watch;
    }

    stop(): void {
        this.stopped = true;
        this.open.forEach((watch) => watch.abort());
    }

    /** A time from which on `attached` and the like look at what was seen. */
    now(): number {
        return performance.now();
    }

    /** Seconds from the VM version that lists a NIC to the instance whose domain has it. */
    async attached(vm: string, nic: string, since: number): Promise<number> {
        return this.between(
            this.versions(this.vms, vm, since, ({ spec }) => {
                const entry = listed(spec.template.spec, nic);
                return entry !== undefined && entry.state !== "absent";
            }),
            `NIC ${nic} in VM ${vm}`,
            this.versions(this.vmis, vm, since, ({ status }) => isPlugged(status?.interfaces, nic)),
            `NIC ${nic} in the domain of ${vm}`,
        );
    }

    /** Seconds from the VM version that marks a NIC absent to the instance without it. */
    async detached(vm: string, nic: string, since: number): Promise<number> {
        return this.between(
            this.versions(this.vms, vm, since, ({ spec }) => listed(spec.template.spec, nic)?.state === "absent"),
            `NIC ${nic} absent in VM ${vm}`,
            this.versions(
                this.vmis,
                vm,
                since,
                ({ spec, status }) =>
                    listed(spec, nic) === undefined && !status?.interfaces?.some(({ name }) => name === nic),
            ),
            `no NIC ${nic} in ${vm}`,
        );
    }

    /** How often a VM's lists of networks and interfaces have changed. */
    listChanges(vm: string, since: number): number {
        const versions = this.vms.filter(({ object }) => object.metadata?.name === vm);
        const lists = ({ object }: Version<VirtualMachine>): string =>
            JSON.stringify([object.spec.template.spec.networks, object.spec.template.spec.domain.devices.interfaces]);
        return versions.filter((version, index) => {
            const before = versions[index - 1];
            return version.at >= since && before !== undefined && lists(before) !== lists(version);
        }).length;
    }

    private versions<T extends k8s.KubernetesObject>(
        all: readonly Version<T>[],
        name: string,
        since: number,
        accept: (object: T) => boolean,
    ): () => Version<T> | undefined {
        return () => all.find(({ at, object }) => at >= since && object.metadata?.name === name && accept(object));
    }

    private async between(
        from: () => Version<unknown> | undefined,
        fromWhat: string,
        to: () => Version<unknown> | undefined,
        toWhat: string,
    ): Promise<number> {
        const start = await this.seen(from, fromWhat);
        const end = await this.seen(to, toWhat);
        return (end.at - start.at) / 1000;
    }

    private async seen<T>(find: () => T | undefined, what: string): Promise<T> {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.listeners.delete(look);
                reject(new Error(`Waited ${DEADLINE_MS / 1000} s to see ${what}.`));
            }, DEADLINE_MS);
            const look = (): void => {
                const found = find();
                if (found === undefined && this.failure === undefined) {
                    return;
                }
                clearTimeout(timer);
                this.listeners.delete(look);
                if (found === undefined) {
                    reject(new Error(`The watch that was to see ${what} has ended: ${this.failure ?? ""}`));
                } else {
                    resolve(found);
                }
            };
            this.listeners.add(look);
            look();
        });
    }

    /** Fills the list with what there is, and with each version that follows. */
    private async follow<T extends k8s.KubernetesObject>(plural: string, into: Version<T>[]): Promise<void> {
        const place = { group: "kubevirt.io", version: "v1", namespace: this.namespace, plural };
        const list = (await this.config.makeApiClient(k8s.CustomObjectsApi).listNamespacedCustomObject(place)) as {
            metadata: { resourceVersion: string };
            items: T[];
        };
        into.push(...list.items.map((object) => ({ at: performance.now(), object })));
        let { resourceVersion } = list.metadata;
        const open = async (): Promise<void> => {
            const controller = await new k8s.Watch(this.config).watch(
                `/apis/kubevirt.io/v1/namespaces/${this.namespace}/${plural}`,
                { resourceVersion },
                (type, object: T) => {
                    if (type === "ERROR") {
                        this.fail(JSON.stringify(object));
                        return;
                    }
                    into.push({ at: performance.now(), object });
                    resourceVersion = object.metadata?.resourceVersion ?? resourceVersion;
                    this.listeners.forEach((listener) => listener());
                },
                (error: unknown) => {
                    this.open.delete(controller);
                    // A watch without news is closed by and by; the next one begins where it left off.
                    if (!this.stopped) {
                        open().catch(() => this.fail(error instanceof Error ? error.message : "closed by the server"));
                    }
                },
            );
            this.open.add(controller);
        };
        await open();
    }

    private fail(why: string): void {
        this.failure = why;
        this.listeners.forEach((listener) => listener());
    }
}

function listed(spec: Devices, nic: string): ListedInterface | undefined {
    return spec.domain.devices.interfaces?.find(({ name }) => name === nic);
}

function isPlugged(interfaces: readonly InterfaceStatus[] | undefined, nic: string): boolean {
    return interfaces?.some(({ name, infoSource }) => name === nic && infoSource?.includes("domain")) === true;
}
