import { Watch } from "@kubernetes/client-node";
import { done, seen, until } from "./embedded-cluster";
import { listedNics, type ClusterView, type SeenNic, type Vm, type Vmi } from "./cluster-view";

/** Every version of the VMs of a namespace, and of their instances, from the start of the recording on. */
export class VmRecording {
    private readonly versions: { type: string; object: Vm }[] = [];
    private readonly instances: { type: string; object: Vmi }[] = [];
    private readonly open = new Set<AbortController>();
    private stopped = false;
    private failure: unknown;

    private constructor(private readonly view: ClusterView) {}

    static async start(view: ClusterView): Promise<VmRecording> {
        const recording = new VmRecording(view);
        await recording.follow("virtualmachines", recording.versions);
        await recording.follow("virtualmachineinstances", recording.instances);
        return recording;
    }

    stop(): void {
        this.stopped = true;
        this.open.forEach((stop) => {
            stop.abort();
        });
    }

    /**
     * The edits of a VM's NICs by anybody but KubeVirt, each with the NICs it left. KubeVirt's own edit takes NICs out
     * that are marked absent, and does no more.
     */
    async edits(name: string): Promise<Record<string, SeenNic>[]> {
        const versions = await this.vmVersions(name);
        const lists = versions.map(listedNics);
        return lists.filter((after, index) => {
            const before = lists[index - 1] ?? {};
            return index > 0 && !isSame(before, after) && !isKubeVirts(before, after);
        });
    }

    /** The versions of a VM, up to the one that the cluster has now. */
    async vmVersions(name: string): Promise<Vm[]> {
        const now = await this.view.findVm(name);
        return this.upTo(now, this.versions, name);
    }

    /** The versions of the VM's instances, up to the one that the cluster has now. */
    async vmiVersions(name: string): Promise<Vmi[]> {
        const now = await this.view.findVmi(name);
        return this.upTo(now, this.instances, name);
    }

    /** Goes on from now: what was recorded before is forgotten, but for the last version of each VM. */
    async forget(name: string): Promise<void> {
        const last = (await this.vmVersions(name)).at(-1);
        const others = this.versions.filter(({ object }) => object.metadata?.name !== name);
        this.versions.splice(0, this.versions.length, ...others, ...(last ? [{ type: "ADDED", object: last }] : []));
    }

    private async upTo<T extends Vm | Vmi>(
        now: T | undefined,
        recorded: readonly { type: string; object: T }[],
        name: string,
    ): Promise<T[]> {
        return until(`the recording of ${name} to be up to date`, async () => {
            if (this.failure !== undefined) {
                throw new Error("The watch of the recording ended.", { cause: this.failure });
            }
            const mine = recorded.filter(({ object }) => object.metadata?.name === name);
            const version = now?.metadata?.resourceVersion;
            const complete = mine.some(({ type, object }) =>
                now === undefined ? type === "DELETED" : object.metadata?.resourceVersion === version,
            );
            const probe = complete || (now === undefined && mine.length === 0);
            return Promise.resolve(probe ? done(mine.map(({ object }) => object)) : seen(mine.length));
        });
    }

    private async follow(plural: string, into: { type: string; object: Vm | Vmi }[]): Promise<void> {
        const { clients, namespace } = this.view;
        const place = { group: "kubevirt.io", version: "v1", namespace, plural };
        const list = (await clients.custom.listNamespacedCustomObject(place)) as {
            metadata: { resourceVersion: string };
            items: (Vm | Vmi)[];
        };
        into.push(...list.items.map((object) => ({ type: "ADDED", object })));
        let { resourceVersion } = list.metadata;
        const watch = async (): Promise<void> => {
            const stop = await new Watch(clients.config).watch(
                `/apis/kubevirt.io/v1/namespaces/${namespace}/${plural}`,
                { resourceVersion },
                (type, object: Vm | Vmi) => {
                    if (type === "ERROR") {
                        this.failure = object;
                        return;
                    }
                    into.push({ type, object });
                    resourceVersion = object.metadata?.resourceVersion ?? resourceVersion;
                },
                (error) => {
                    this.open.delete(stop);
                    if (!this.stopped) {
                        // A watch without news ends by and by; the next begins where this one left off.
                        watch().catch(() => (this.failure = error));
                    }
                },
            );
            this.open.add(stop);
        };
        await watch();
    }
}

/** Whether nothing happened but that NICs marked absent went. */
function isKubeVirts(before: Record<string, SeenNic>, after: Record<string, SeenNic>): boolean {
    const kept = Object.entries(before).filter(([name, nic]) => name in after || nic.state !== "absent");
    return isSame(Object.fromEntries(kept), after);
}

function isSame(one: Record<string, SeenNic>, other: Record<string, SeenNic>): boolean {
    const sorted = (nics: Record<string, SeenNic>): string =>
        JSON.stringify(Object.entries(nics).sort(([a], [b]) => (a < b ? -1 : 1)));
    return sorted(one) === sorted(other);
}
