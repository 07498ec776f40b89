import { clientFor, type ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { kubevirtFacts, powerOf, readVm, waitForVm, type VmView } from "../../cluster/virtual-machine";
import { poll, type Verdict } from "../../cluster/wait";
import { impactFacts } from "../../cluster/impact-facts";
import { launcherPodNetworks } from "../../cluster/launcher-pod";
import { classifyChange } from "../../core/impact";
import { condition, type PodNetworkStatus } from "../../core/kubevirt-objects";
import { normalizeMac } from "../../core/mac";
import { missingAddresses, type NicObservation, observeNic } from "../../core/nic-observation";
import type { NicSpec } from "../../core/nic";
import { isAsWritten, journaledNics } from "../../core/nic-journal";
import { nicPhase, type PhaseFacts } from "../../core/nic-phase";
import { attachNics, changeNetwork, listsOf, specInLists } from "../../core/vm-networks";
import { differs, plainErrors, storedAnew } from "../handler";
import { IDENTITY, MUTABLE } from "./check";
import { detachNic, takeOff } from "./detach";
import { MigrationRequest } from "./migration-request";
import { inputsOf, specOf, type NetworkInterfaceInputs, type NetworkInterfaceState } from "./inputs";
import { expectChange, isDeclared, settle } from "./siblings";
import { editVm, type EditedVm } from "./vm-edits";
import { factsOf, notStarting } from "./vm-state";

export { check } from "./check";

/** VMs that this run replaces: the engine takes their NICs away first, which the VM's own end will do. */
const replacedVms = new Set<string>();

/** NICs that this run takes off to attach them anew: a primary one, too. */
const replacedNics = new Set<string>();

export async function diff(
    id: string,
    olds: NetworkInterfaceState,
    news: NetworkInterfaceInputs,
): Promise<{ changes: boolean; replaces: string[]; deleteBeforeReplace: boolean }> {
    const changed = (field: keyof NetworkInterfaceInputs): boolean => differs(olds[field], news[field]);
    const replaces: string[] = IDENTITY.filter((field) => changed(field) && !(field === "nadName" && news.swap));
    if (replaces.length > 0) {
        replacedNics.add(id);
    }
    // In a preview the uid may be absent, of a VM that is not replaced too; unknown it is only where the VM is.
    if (news.vmUid !== undefined && changed("vmUid")) {
        replaces.push("vmUid");
        replacedVms.add(olds.vmUid ?? "");
    }
    const changes =
        replaces.length > 0 ||
        changed("nadName") ||
        MUTABLE.some(changed) ||
        news.lost === true ||
        news.interrupted === true ||
        storedAnew(olds, news);
    (changes ? expectChange : settle)(`${news.namespace}/${news.vm}`, news.nic);
    return Promise.resolve({ changes, replaces, deleteBeforeReplace: true });
}

export async function create(inputs: NetworkInterfaceInputs): Promise<{ id: string; outs: NetworkInterfaceState }> {
    const id = `${inputs.namespace}/${inputs.vm}/${inputs.nic}`;
    return { id, outs: await attached(id, inputs) };
}

/** Also the continuation of an attach whose end was not seen. */
export async function update(
    id: string,
    _olds: NetworkInterfaceState,
    news: NetworkInterfaceInputs,
): Promise<{ outs: NetworkInterfaceState }> {
    return { outs: await attached(id, news) };
}

/** What refresh finds: the NIC as it is in the VM; gone, where the VM is another or has it no longer. */
export const read = plainErrors(async (id: string, props: NetworkInterfaceState) => {
    const client = clientFor(props.connection);
    const view = await readVm(client, props.namespace, props.vm);
    const entry = listsOf(view.vm ?? {}).interfaces?.find((each) => each.name === props.nic);
    if (view.vm?.metadata.uid !== props.vmUid || !entry || entry.state === "absent") {
        return { id: "", props: {} };
    }
    const network = listsOf(view.vm ?? {}).networks?.find((each) => each.name === props.nic);
    const mac = normalizeMac(entry.macAddress ?? "");
    const nadName = network?.multus?.networkName;
    const inputs: NetworkInterfaceInputs = {
        ...inputsOf(props),
        ...(mac.ok && { macAddress: mac.value }),
        ...(nadName !== undefined && { nadName: nadName.includes("/") ? nadName : `${props.namespace}/${nadName}` }),
        model: entry.model ?? props.model,
        linkState: entry.state === "down" ? "down" : "up",
    };
    return { id, props: { ...inputs, ...observe(props, view, await kubevirtFacts(client)) }, inputs };
});

/** Unplugs the NIC and waits until nothing of it is left; only the NIC that this resource made. */
const remove = plainErrors(async (id: string, props: NetworkInterfaceState): Promise<void> => {
    const client = clientFor(props.connection);
    const { namespace, vm: name, nic, vmUid = "" } = props;
    const view = await readVm(client, namespace, name);
    const vmGoes = view.vm?.metadata.uid !== vmUid || view.vm.metadata.deletionTimestamp !== undefined;
    if (vmGoes || replacedVms.has(vmUid)) {
        return;
    }
    if (props.primary && !replacedNics.has(id)) {
        throw new ClusterError(
            "failed",
            `NIC "${nic}" of VM "${namespace}/${name}" is its primary NIC and cannot be removed while the VM exists. ` +
                `Put it back into the program, or remove the VM as well.`,
        );
    }
    await unplugged(client, view, specOf(props), { ...props, comesBack: replacedNics.has(id) });
});
export { remove as delete };

/** Rids the VM of the NIC; by a restart where only that does, and the VM's owner agrees to it. */
async function unplugged(
    client: ClusterClient,
    view: VmView,
    nic: NicSpec,
    inputs: NetworkInterfaceInputs & { comesBack: boolean },
): Promise<void> {
    const vm = { namespace: inputs.namespace, name: inputs.vm, uid: inputs.vmUid ?? "" };
    if (inputs.onRestartRequired === "restart" && (await needsRestart(client, view, nic))) {
        // One that comes back with this run is in force with the restart that comes last.
        await takeOff(client, vm, nic, inputs.comesBack ? undefined : inputs.timeoutSeconds);
    } else {
        await detachNic(client, vm, nic, inputs);
    }
}

/** Whether only a restart rids the VM of the NIC. */
async function needsRestart(client: ClusterClient, view: VmView, nic: NicSpec): Promise<boolean> {
    const facts = { ...(await impactFacts(client, view)), isPrimary: false };
    return classifyChange({ kind: "detach", nic }, facts).impact === "restart";
}

/**
 * Unplugs a NIC of the name that an interrupted update has attached otherwise than it is to be now: what the engine does
 * not know of it does not replace.
 */
async function ridOfLeftover(client: ClusterClient, view: VmView, inputs: NetworkInterfaceInputs): Promise<void> {
    const { namespace, vm, nic } = inputs;
    const lists = listsOf(view.vm ?? {});
    const { conflicts } = attachNics(lists, [specOf(inputs)], { namespace });
    const found = journaledNics(view.vm ?? {}, lists).find(({ name }) => name === nic);
    const isOurs = isDeclared(`${namespace}/${vm}`, nic) && isAsWritten(view.vm ?? {}, lists, nic, namespace);
    if (conflicts.length > 0 && found && isOurs) {
        await unplugged(client, view, specInLists(lists, found, namespace), { ...inputs, comesBack: true });
    }
}

/** Writes the NIC into the VM and waits until it is where it can be: in the guest, or in the template of a VM that is off. */
async function attached(id: string, inputs: NetworkInterfaceInputs): Promise<NetworkInterfaceState> {
    const client = clientFor(inputs.connection);
    // What the check found is mended by this.
    const { lost: _lost, interrupted: _interrupted, swap, ...known } = inputs;
    const vm: EditedVm = { namespace: inputs.namespace, name: inputs.vm, uid: inputs.vmUid ?? "" };
    const spec = specOf(inputs);
    const ready = await whileNotReady(client, vm, inputs);
    if (swap !== true) {
        await ridOfLeftover(client, ready, inputs);
    }
    await editVm(client, vm, {
        kind: "attach",
        nic: spec.name,
        isOff: powerOf(ready) !== "running",
        ...(isDeclared(`${vm.namespace}/${vm.name}`, spec.name) && { journaled: spec }),
        apply: (lists) => {
            const moved = swap ? changeNetwork(lists, { ...spec, nadName: spec.nadName ?? "" }) : undefined;
            return moved && moved.conflicts.length > 0
                ? moved
                : attachNics(moved?.lists ?? lists, [spec], {
                      namespace: vm.namespace,
                      ...(inputs.primary && { first: spec.name }),
                  });
        },
    });
    // Who asks for the migration does not depend on KubeVirt to begin one.
    const kubevirt = inputs.onMigrationRequired === "request" ? {} : await kubevirtFacts(client);
    const migration = new MigrationRequest(client, vm, inputs.onMigrationRequired);
    let last: Observation = { phase: "syncing", message: "", ...observeNic(undefined) };
    let isMigrationRequired = swap === true;
    let observeLate: (() => Observation) | undefined;
    const look = (view: VmView, podNetworks?: readonly PodNetworkStatus[]): Verdict<Observation> => {
        observeLate = () => observe(inputs, view, { ...kubevirt, pastDeadline: true }, podNetworks);
        last = observe(inputs, view, kubevirt, podNetworks);
        migration.see(view);
        isMigrationRequired ||= condition(view.vmi?.status?.conditions, "MigrationRequired")?.status === "True";
        return judge(inputs, last);
    };
    try {
        if (swap !== true) {
            const goal = `NIC "${inputs.nic}" to be attached to VM "${vm.namespace}/${vm.name}"`;
            last = await waitForVm(client, vm, look, goal, inputs.timeoutSeconds);
        }
        if (isMigrationRequired) {
            // Neither VM nor instance show on which network the pod has the NIC.
            last = await poll(
                async () => {
                    const view = await readVm(client, vm.namespace, vm.name);
                    return look(view, view.vmi && (await launcherPodNetworks(client, view.vmi)));
                },
                `NIC "${inputs.nic}" of VM "${vm.namespace}/${vm.name}" to be on ${spec.nadName ?? "its network"}`,
                inputs.timeoutSeconds,
            );
        }
    } catch (error) {
        if (error instanceof ClusterError) {
            if (error.reason === "deadline") {
                last = observeLate?.() ?? last;
            }
            // The NIC is in the VM: the engine keeps it, and the next update goes on from here.
            throw Object.assign(new Error(error.message), {
                id,
                properties: { ...known, ...last },
                reasons: [error.message],
            });
        }
        throw error;
    }
    return { ...known, ...last };
}

/**
 * Waits while the VM cannot take the NIC: a NIC written while a VM starts is missed by its pod but expected by its
 * domain (kubevirt issue 9658); one of a name that is being unplugged would be unplugged with it.
 * @returns the VM as it is then
 */
async function whileNotReady(client: ClusterClient, vm: EditedVm, inputs: NetworkInterfaceInputs): Promise<VmView> {
    return waitForVm(
        client,
        vm,
        (view): Verdict<VmView> => {
            const starting = notStarting(view);
            if (starting) {
                return starting;
            }
            const { phase, message } = nicPhase(inputs.nic, factsOf(view, {}));
            return phase === "detaching" || phase === "guest-detached" || isMarkedAbsent(view, inputs.nic)
                ? { done: false, seen: `${phase}: ${message}` }
                : { done: true, result: view };
        },
        `VM "${vm.namespace}/${vm.name}" to be ready for NIC "${inputs.nic}"`,
        inputs.timeoutSeconds,
    );
}

function isMarkedAbsent({ vm }: VmView, nic: string): boolean {
    return listsOf(vm ?? {}).interfaces?.find((entry) => entry.name === nic)?.state === "absent";
}

type Observation = NicObservation & Pick<NetworkInterfaceState, "phase" | "message">;

function observe(
    { nic, addresses }: NetworkInterfaceInputs,
    view: VmView,
    kubevirt: Pick<PhaseFacts, "workloadUpdateMethods" | "pastDeadline">,
    podNetworks?: readonly PodNetworkStatus[],
): Observation {
    const observed = observeNic(view.vmi?.status?.interfaces?.find((each) => each.name === nic));
    const { phase, message } = nicPhase(nic, {
        ...factsOf(view, kubevirt),
        ...(kubevirt.pastDeadline === true && { pastDeadline: true }),
        ...(podNetworks && { launcherPodInfo: { networkStatus: podNetworks } }),
    });
    const missing = missingAddresses(addresses, observed.observedAddresses);
    return { phase, message: missing === undefined ? message : `${message}; ${missing}`, ...observed };
}

/** Whether the attach has come to an end: also one that only a restart completes, which is no failure. */
function judge(inputs: NetworkInterfaceInputs, now: Observation): Verdict<Observation> {
    switch (now.phase) {
        case "staged":
        case "restart-required":
        case "restart-required-silent":
            return { done: true, result: now };
        case "attached":
        case "guest-visible":
            return now.observedLinkState === "" || now.observedLinkState === inputs.linkState
                ? { done: true, result: now }
                : { done: false, seen: `attached, with its link ${now.observedLinkState}` };
        case "blocked":
        case "failed-controller":
            throw new ClusterError(
                "failed",
                `NIC "${inputs.nic}" of VM "${inputs.namespace}/${inputs.vm}": ${now.message}`,
            );
        default:
            // What only a restart brings is not waited for.
            return inputs.impact === "restart"
                ? { done: true, result: { ...now, phase: "restart-required", message: inputs.reason ?? now.message } }
                : { done: false, seen: `${now.phase}: ${now.message}` };
    }
}
