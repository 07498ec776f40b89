import type { ClusterClient } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import { VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../../cluster/kinds";
import { getVm, powerOf, type VirtualMachine, type VirtualMachineInstance } from "../../cluster/virtual-machine";
import { journalPatch, type WrittenNic } from "../../core/nic-journal";
import { listsOf, listsPatch, type ListEdit, type VmLists } from "../../core/vm-networks";
import { outstanding, settle, unseen } from "./siblings";

/** An edit of a VM's two lists, made anew on the lists as they are whenever it is tried. */
export interface Edit {
    /** Edits of one kind share a patch; an unplug and a plug never do, as older dynamic-networks controllers lose one of them (multus-dynamic-networks-controller issue 157). */
    readonly kind: "attach" | "detach";
    readonly nic: string;
    /** For an attach, what the VM's journal is to say of it; absent for a NIC that no VirtualMachine declares. */
    readonly journaled?: WrittenNic;
    /** The VM does not run, so that a further patch costs it nothing: there is no need to wait long for other NICs. */
    readonly isOff?: boolean;
    readonly apply: (lists: VmLists, running: boolean) => ListEdit;
}

/** The VM that is edited. */
export interface EditedVm {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
}

/**
 * The engine hands over the NICs of a VM one by one; who comes this soon after another shares its patch. Unplugs come
 * last in a run and together, but nothing announces them.
 */
const QUIET_MS = { attach: 150, detach: 400 };

/** NICs that the program declares are waited for this long from the last that came: one may wait for its address, or fail. */
const OVERDUE_MS = 2_000;

/** How often it is looked whether all have come. */
const TICK_MS = 50;

/** How often the lists may change between reading and writing them. */
const MAX_TRIES = 12;

interface Waiting {
    readonly edit: Edit;
    /** When it came, in milliseconds. */
    readonly since: number;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
}

/** Edits of one VM, one patch at a time. */
class EditQueue {
    private waiting: Waiting[] = [];
    private timer: NodeJS.Timeout | undefined;
    private isBusy = false;
    private latest = { left: 0, at: 0 };

    constructor(
        private readonly client: ClusterClient,
        private readonly vm: EditedVm,
    ) {}

    async add(edit: Edit): Promise<void> {
        return new Promise<void>((resolve, reject) => {
            this.waiting.push({ edit, since: Date.now(), resolve, reject });
            if (!this.isBusy) {
                this.schedule(0);
            }
        });
    }

    private schedule(delayMs: number): void {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.look(), delayMs);
    }

    private async look(): Promise<void> {
        const kind = (["detach", "attach"] as const).find((each) => this.isComplete(each));
        if (kind !== undefined) {
            this.isBusy = true;
            await this.flush(kind);
            this.isBusy = false;
        }
        if (this.waiting.length > 0) {
            this.schedule(TICK_MS);
        }
    }

    /** Whether all edits of the kind have come that are going to, as far as can be told. */
    private isComplete(kind: Edit["kind"]): boolean {
        const come = this.waiting.filter(({ edit }) => edit.kind === kind);
        if (come.length === 0) {
            return false;
        }
        const vm = `${this.vm.namespace}/${this.vm.name}`;
        const left = outstanding(vm);
        // Those that no VirtualMachine declares are in nobody's count.
        if (left === 0 && come.every(({ edit }) => edit.journaled !== undefined)) {
            return true;
        }
        const last = Math.max(...come.map(({ since }) => since));
        if (Date.now() - last < QUIET_MS[kind]) {
            return false;
        }
        if (come.every(({ edit }) => edit.isOff)) {
            return true;
        }
        if (left !== this.latest.left) {
            this.latest = { left, at: Date.now() };
        }
        const overdue = Date.now() - Math.max(last, this.latest.at) > OVERDUE_MS;
        // A NIC that is taken off to be attached anew comes to be attached only when it is off.
        return overdue || (kind === "detach" ? unseen(vm) : left) === 0;
    }

    private async flush(kind: Edit["kind"]): Promise<void> {
        const batch = this.waiting.filter(({ edit }) => edit.kind === kind);
        this.waiting = this.waiting.filter(({ edit }) => edit.kind !== kind);
        try {
            await writeBatch(this.client, this.vm, batch);
        } catch (error) {
            for (const each of batch) {
                each.reject(error);
            }
        }
    }
}

const queues = new Map<string, EditQueue>();

/**
 * Makes an edit of a VM's lists, in one patch with others of its kind that come at the same time.
 * @throws ClusterError where an entry of the NIC's name is not as it must be, or the cluster refuses
 */
export async function editVm(client: ClusterClient, vm: EditedVm, edit: Edit): Promise<void> {
    if (edit.kind === "attach") {
        settle(`${vm.namespace}/${vm.name}`, edit.nic);
    }
    const key = `${client.server} ${vm.uid}`;
    const queue = queues.get(key) ?? new EditQueue(client, vm);
    queues.set(key, queue);
    return queue.add(edit);
}

async function writeBatch(
    client: ClusterClient,
    { namespace, name, uid }: EditedVm,
    batch: readonly Waiting[],
): Promise<void> {
    const open = new Set(batch);
    let vm = await getVm(client, namespace, name, uid);
    for (let attempt = 1; open.size > 0; attempt += 1) {
        const vmi = await client.find<VirtualMachineInstance>(VIRTUAL_MACHINE_INSTANCE, namespace, name);
        const before = listsOf(vm);
        const after = fold(vm, before, powerOf({ vm, vmi }) === "running", open);
        const edits = listsPatch(before, after);
        if (edits.length > 0) {
            const added = [...open].flatMap(({ edit }) => edit.journaled ?? []);
            const patch = [...edits, ...journalPatch(vm, added, after)];
            try {
                await client.patch<VirtualMachine>(VIRTUAL_MACHINE, namespace, name, patch);
            } catch (error) {
                // The lists changed after they were read: the patch's `test` failed. Otherwise it was refused for good.
                vm = await getVm(client, namespace, name, uid);
                const unchanged = JSON.stringify(listsOf(vm)) === JSON.stringify(before);
                if (attempt === MAX_TRIES || (unchanged && !hasReason(error, "conflict"))) {
                    throw error;
                }
                continue;
            }
        }
        for (const each of open) {
            each.resolve();
        }
        return;
    }
}

/** The lists after all edits; one that meets a conflict is told so and drops out. */
function fold(vm: VirtualMachine, before: VmLists, running: boolean, open: Set<Waiting>): VmLists {
    let lists = before;
    for (const each of open) {
        const edited = each.edit.apply(lists, running);
        const [conflict] = edited.conflicts;
        if (conflict) {
            open.delete(each);
            const where = `NIC "${each.edit.nic}" of VM "${vm.metadata.namespace ?? ""}/${vm.metadata.name}"`;
            each.reject(new ClusterError("conflict", `${where} cannot be written: ${conflict.message}.`));
        } else {
            lists = edited.lists;
        }
    }
    return lists;
}
