/** Where a NIC of a VM stands in this run: not looked at yet, to be written, or in no need of that (any more). */
type Stage = "unseen" | "changes" | "settled";

/** The NICs of each VM that this run is about. */
const runs = new Map<string, Map<string, Stage>>();

/** NICs that are among the `networks` of a VirtualMachine, by VM. */
const declared = new Map<string, Set<string>>();

/** The NICs that the program declares for a VM: one patch is to serve them all, so those that write wait for the rest. */
export function announce(vm: string, nics: readonly string[]): void {
    const stages = stagesOf(vm);
    const names = declared.get(vm) ?? new Set();
    declared.set(vm, names);
    for (const nic of nics) {
        names.add(nic);
        if (!stages.has(nic)) {
            stages.set(nic, "unseen");
        }
    }
}

/** Whether the NIC is one of a VirtualMachine's `networks`, and not one that the program adds to some VM by itself. */
export function isDeclared(vm: string, nic: string): boolean {
    return declared.get(vm)?.has(nic) === true;
}

export function expectChange(vm: string, nic: string): void {
    stagesOf(vm).set(nic, "changes");
}

export function settle(vm: string, nic: string): void {
    stagesOf(vm).set(nic, "settled");
}

/** How many of the VM's NICs may still come to be attached. */
export function outstanding(vm: string): number {
    return [...stagesOf(vm).values()].filter((stage) => stage !== "settled").length;
}

/** How many of them nobody has looked at yet, so that they may still come to be taken off, to be attached anew. */
export function unseen(vm: string): number {
    return [...stagesOf(vm).values()].filter((stage) => stage === "unseen").length;
}

function stagesOf(vm: string): Map<string, Stage> {
    const stages = runs.get(vm) ?? new Map<string, Stage>();
    runs.set(vm, stages);
    return stages;
}
