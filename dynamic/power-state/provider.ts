import { clientFor, type ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { VIRTUAL_MACHINE } from "../../cluster/kinds";
import { restartVm } from "../../cluster/restart";
import {
    getVm,
    readVm,
    waitForVm,
    type VirtualMachine,
    type VirtualMachineInstance,
} from "../../cluster/virtual-machine";
import { containsUnknown, plainErrors, storedAnew } from "../handler";
import { isInForce, samePlan } from "./check";
import type { PowerStateInputs, PowerStateState, RunStrategy } from "./inputs";
import { removeLeftovers } from "./leftovers";

export { check } from "./check";

export async function diff(
    _id: string,
    olds: PowerStateState,
    news: PowerStateInputs,
): Promise<{ changes: boolean; replaces: string[]; deleteBeforeReplace: boolean }> {
    const replaces: string[] = (["namespace", "vm"] as const).filter((field) => olds[field] !== news[field]);
    if (news.vmUid !== undefined && news.vmUid !== olds.vmUid) {
        replaces.push("vmUid");
    }
    const changes =
        replaces.length > 0 ||
        olds.runStrategy !== news.runStrategy ||
        news.leftovers !== undefined ||
        news.restart !== undefined ||
        containsUnknown(news.networks) ||
        storedAnew(olds, news) ||
        !samePlan(olds.networks, news.networks);
    return Promise.resolve({ changes, replaces, deleteBeforeReplace: true });
}

export async function create(inputs: PowerStateInputs): Promise<{ id: string; outs: PowerStateState }> {
    const id = `${inputs.namespace}/${inputs.vm}`;
    return { id, outs: await inForce(id, inputs, true) };
}

export async function update(
    id: string,
    olds: PowerStateState,
    news: PowerStateInputs,
): Promise<{ outs: PowerStateState }> {
    return { outs: await inForce(id, news, olds.runStrategy !== news.runStrategy) };
}

export const read = plainErrors(async (id: string, props: PowerStateState) => {
    const vm = await clientFor(props.connection).find<VirtualMachine>(VIRTUAL_MACHINE, props.namespace, props.vm);
    if (vm?.metadata.uid !== props.vmUid) {
        return { id: "", props: {} };
    }
    const { status: _status, restartRequired: _restartRequired, ...known } = props;
    const runStrategy = ((vm && runStrategyOf(vm)) ?? props.runStrategy) as RunStrategy;
    const inputs = { ...known, runStrategy };
    return { id, props: { ...inputs, ...observe(vm) }, inputs };
});

/** The run state goes with the VM; taken out of the program alone it stays as it is. */
const remove = async (): Promise<void> => Promise.resolve();
export { remove as delete };

/**
 * Writes the run strategy where the program changes it, and waits until the VM is as it says. A VM that somebody else
 * started or stopped is left so: its preview spoke of NICs.
 */
async function inForce(id: string, news: PowerStateInputs, write: boolean): Promise<PowerStateState> {
    const client = clientFor(news.connection);
    const { namespace, vm: name, vmUid = "", runStrategy } = news;
    const vm = await getVm(client, namespace, name, vmUid);
    await removeLeftovers(client, news);
    // What the check found is mended by this.
    const { leftovers: _leftovers, restart, ...inputs } = news;
    const view = restart && (await readVm(client, namespace, name));
    if (view && restart.some((nic) => !isInForce(view, nic))) {
        await restartVm(client, { namespace, name }, news.timeoutSeconds);
    }
    const present = runStrategyOf(vm);
    if (present !== runStrategy && !write) {
        return { ...inputs, ...observe(vm) };
    }
    if (present !== runStrategy) {
        await client.patch(VIRTUAL_MACHINE, namespace, name, [
            { op: "test", path: "/metadata/uid", value: vmUid },
            ...(vm.spec?.running === undefined ? [] : [{ op: "remove", path: "/spec/running" } as const]),
            { op: "add", path: "/spec/runStrategy", value: runStrategy },
        ]);
    }
    try {
        return { ...inputs, ...(await settled(client, inputs)) };
    } catch (error) {
        if (error instanceof ClusterError) {
            // The strategy is written: the engine keeps the resource, and the next update waits again.
            throw Object.assign(new Error(error.message), {
                id,
                properties: { ...inputs, ...observe(vm) },
                reasons: [error.message],
            });
        }
        throw error;
    }
}

/** A VM that was made by others may still have `running`, which excludes a run strategy. */
function runStrategyOf({ spec }: VirtualMachine): string | undefined {
    const { running, runStrategy } = spec ?? {};
    return runStrategy ?? (running === undefined ? undefined : running ? "Always" : "Halted");
}

type Observation = Pick<PowerStateState, "status" | "restartRequired">;

async function settled(client: ClusterClient, inputs: PowerStateInputs): Promise<Observation> {
    const { namespace, vm: name, runStrategy, timeoutSeconds } = inputs;
    const runs = runStrategy === "Always" || runStrategy === "RerunOnFailure";
    return waitForVm(
        client,
        { namespace, name },
        ({ vm, vmi }) => {
            // With RerunOnFailure a guest that shut itself down stays so.
            const ended = runStrategy === "RerunOnFailure" && vmi?.status?.phase === "Succeeded";
            const done = runs ? vm?.status?.ready === true || ended : runStrategy !== "Halted" || vmi === undefined;
            return done ? { done, result: observe(vm) } : { done, seen: describeVm(vm, vmi) };
        },
        runs ? `VM "${namespace}/${name}" to run and be ready` : `VM "${namespace}/${name}" to stop`,
        timeoutSeconds,
    );
}

function observe(vm: VirtualMachine | undefined): Observation {
    const restart = vm?.status?.conditions?.find((condition) => condition.type === "RestartRequired");
    return { status: vm?.status?.printableStatus ?? "", restartRequired: restart?.status === "True" };
}

/** Status, phase, and each condition that tells of trouble. */
function describeVm(vm: VirtualMachine | undefined, vmi: VirtualMachineInstance | undefined): string {
    const conditions = [...(vm?.status?.conditions ?? []), ...(vmi?.status?.conditions ?? [])];
    const trouble = conditions
        .filter(({ type, status, message }) => message && (type === "Failure" || status === "False"))
        .map(({ type, message }) => `${type}: ${message ?? ""}`);
    const status = `status ${vm?.status?.printableStatus ?? "unknown"}, instance ${vmi?.status?.phase ?? "absent"}`;
    return [status, ...new Set(trouble)].join("; ");
}
