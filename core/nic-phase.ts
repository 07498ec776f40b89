import { isMigrating, migrationObstacle, type MigrationFacts } from "./migration";
import { qualifiedNad } from "./nic";
import {
    condition,
    type InterfaceStatus,
    type PodNetworkStatus,
    type VmiObject,
    type VmObject,
} from "./kubevirt-objects";
import { type InterfaceEntry, listsOf, type NetworkEntry } from "./vm-networks";

export type {
    Condition,
    InterfaceStatus,
    MigrationObject,
    PodNetworkStatus,
    VmiObject,
    VmObject,
} from "./kubevirt-objects";

/** Where a NIC stands between the declaration and the guest. */
export type NicPhase =
    /** In the VM, which is off: plugged at its next start. */
    | "staged"
    /** The VM is starting with it. */
    | "starting"
    /** In the VM, not yet in the running instance. */
    | "syncing"
    | "waiting-for-pod-nic"
    | "pending-migration"
    | "migrating"
    /** Needs a migration that cannot happen. */
    | "blocked"
    /** In the pod, not yet in the guest. */
    | "attaching"
    | "attached"
    /** Attached, and the guest agent reports it. */
    | "guest-visible"
    | "detaching"
    /** Out of the guest, still in the pod. */
    | "guest-detached"
    /** In none of VM, instance and its status. */
    | "gone"
    | "restart-required"
    /** Needs a restart, and KubeVirt does not say so. */
    | "restart-required-silent"
    | "failed-controller"
    | "failed-attach";

/** What is seen of a VM; `vmi` is undefined when it has no instance. */
export interface PhaseFacts extends MigrationFacts {
    /** Undefined when it does not exist. */
    readonly vm: VmObject | undefined;
    /** Of the pod the instance runs in now; without it a changed network is taken for done once KubeVirt took it over. */
    readonly launcherPodInfo?: { readonly networkStatus: readonly PodNetworkStatus[] };
    /** The caller's patience is over: an attach that reports errors counts as failed. */
    readonly pastDeadline?: boolean;
}

export interface PhaseVerdict {
    readonly phase: NicPhase;
    /** A clause for the user with what was seen. */
    readonly message: string;
}

/**
 * Where NIC `name` stands, from what the API shows. The rules are those by which KubeVirt's controllers act
 * (pkg/network/controllers, pkg/network/vmliveupdate, pkg/network/migration).
 */
export function nicPhase(name: string, facts: PhaseFacts): PhaseVerdict {
    const seen = look(name, facts);
    const verdict = isOn(facts.vmi) ? phaseWhenOn(seen) : phaseWhenOff(seen);
    return { ...verdict, message: verdict.message + restartNote(verdict.phase, seen) };
}

/** True when nothing more will happen without somebody's doing. */
export function isStuck(phase: NicPhase): boolean {
    const stuck: readonly NicPhase[] = [
        "blocked",
        "restart-required",
        "restart-required-silent",
        "failed-controller",
        "failed-attach",
    ];
    return stuck.includes(phase);
}

/** A NIC in the VM, in the instance's spec, and in its status. */
interface Seen {
    readonly facts: PhaseFacts;
    readonly namespace: string;
    readonly inVm: InterfaceEntry | undefined;
    readonly vmNetwork: NetworkEntry | undefined;
    readonly inVmi: InterfaceEntry | undefined;
    readonly vmiNetwork: NetworkEntry | undefined;
    readonly status: InterfaceStatus | undefined;
    readonly sources: readonly string[];
}

function look(name: string, facts: PhaseFacts): Seen {
    const byName = <T extends { readonly name?: string }>(list: readonly T[] | undefined): T | undefined =>
        list?.find((entry) => entry.name === name);
    const lists = listsOf(facts.vm ?? {});
    const status = byName(facts.vmi?.status?.interfaces);
    return {
        facts,
        namespace: facts.vm?.metadata?.namespace ?? facts.vmi?.metadata?.namespace ?? "default",
        inVm: byName(lists.interfaces),
        vmNetwork: byName(lists.networks),
        inVmi: byName(facts.vmi?.spec?.domain?.devices?.interfaces),
        vmiNetwork: byName(facts.vmi?.spec?.networks),
        status,
        sources: (status?.infoSource ?? "").split(", "),
    };
}

function isOn(vmi: VmiObject | undefined): boolean {
    const ended = vmi?.status?.phase === "Succeeded" || vmi?.status?.phase === "Failed";
    return vmi !== undefined && vmi.metadata?.deletionTimestamp === undefined && !ended;
}

function phaseWhenOff({ inVm }: Seen): PhaseVerdict {
    if (inVm === undefined) {
        return { phase: "gone", message: "the VM, which is off, does not have it" };
    }
    return inVm.state === "absent"
        ? { phase: "detaching", message: "the VM is off; KubeVirt removes the entry" }
        : { phase: "staged", message: "the VM is off and gets it at its next start" };
}

/**
 * How client-go tells a JSON Patch whose `test` does not hold: the instance changed while KubeVirt patched it, which it
 * tries again.
 */
const CHANGED_MEANWHILE = "the server rejected our request due to an error in our request";

function phaseWhenOn(seen: Seen): PhaseVerdict {
    const { inVm, inVmi, facts } = seen;
    const pending =
        (inVm === undefined) !== (inVmi === undefined) || (inVm?.state === "absent") !== (inVmi?.state === "absent");
    const failure = condition(facts.vm?.status?.conditions, "Failure");
    const failed = failure?.status === "True" && failure.reason === "HotPlugNetworkInterfaceError";
    if (pending && failed && failure.message?.includes(CHANGED_MEANWHILE) !== true) {
        return {
            phase: "failed-controller",
            message: `KubeVirt could not change the running VM: ${failure.message ?? failure.reason}`,
        };
    }
    if (inVm === undefined) {
        return phaseWhenRemoved(seen);
    }
    if (inVm.state === "absent") {
        return phaseWhenAbsent(seen);
    }
    if (inVmi?.state === "absent") {
        return {
            phase: "detaching",
            message: "KubeVirt finishes an unplug of the same name first and plugs the NIC anew then",
        };
    }
    return inVmi === undefined ? phaseBeforeVmi(inVm) : phaseInVmi(seen, inVm, inVmi);
}

function phaseWhenRemoved({ inVmi, status, sources }: Seen): PhaseVerdict {
    if (inVmi === undefined) {
        return status === undefined
            ? { phase: "gone", message: "neither the VM nor its instance has it" }
            : detachPhase(sources);
    }
    return inVmi.state === "absent"
        ? detachPhase(sources)
        : {
              phase: "restart-required-silent",
              message: "its entry was deleted from the VM without an unplug, so it stays plugged until a restart",
          };
}

function phaseWhenAbsent({ facts, inVmi, status, sources }: Seen): PhaseVerdict {
    if (inVmi === undefined || inVmi.state === "absent") {
        return status === undefined
            ? { phase: "guest-detached", message: "it is unplugged; KubeVirt removes the entries" }
            : detachPhase(sources);
    }
    const names = (facts.vmi?.status?.interfaces ?? []).map(({ podInterfaceName }) => podInterfaceName ?? "");
    if (names.some((podName) => /^net[0-9]+$/.test(podName))) {
        return {
            phase: "restart-required-silent",
            message: "the pod names its NICs net1, net2, ...; KubeVirt unplugs only from pods with hashed names",
        };
    }
    return names.some((podName) => podName.startsWith("pod"))
        ? { phase: "syncing", message: "the unplug is asked for; KubeVirt has not taken it over into the instance" }
        : {
              phase: "syncing",
              message: "the unplug is asked for; KubeVirt takes it over once a secondary NIC is in the pod",
          };
}

function detachPhase(sources: readonly string[]): PhaseVerdict {
    return sources.includes("domain")
        ? { phase: "detaching", message: "the guest has not released it" }
        : { phase: "guest-detached", message: "the guest has released it; it is being removed from the pod" };
}

function phaseBeforeVmi(inVm: InterfaceEntry): PhaseVerdict {
    return inVm.bridge !== undefined || inVm.sriov !== undefined
        ? { phase: "syncing", message: "KubeVirt has not taken it over into the running instance" }
        : {
              phase: "restart-required-silent",
              message:
                  "KubeVirt attaches NICs with bridge or SR-IOV binding only to a running VM; this one needs a restart",
          };
}

function phaseInVmi(seen: Seen, inVm: InterfaceEntry, inVmi: InterfaceEntry): PhaseVerdict {
    const { facts, status, sources, namespace } = seen;
    const restart = condition(facts.vm?.status?.conditions, "RestartRequired")?.status === "True";
    const changed = changedFields(inVm, inVmi, seen.vmNetwork, seen.vmiNetwork, namespace);
    if (changed.length > 0) {
        const what = changed.join(", ");
        return restart
            ? { phase: "restart-required", message: `${what} differs from the running instance until a restart` }
            : { phase: "syncing", message: `KubeVirt has not taken over the change of ${what}` };
    }
    if (facts.vmi?.status?.phase !== "Running") {
        return { phase: "starting", message: `the instance is ${facts.vmi?.status?.phase ?? "new"}` };
    }
    if (sources.includes("domain")) {
        const network = podNetwork(seen);
        if (network !== undefined && network !== nadOf(seen.vmiNetwork, namespace)) {
            return migrationPhase(facts, "syncing", `the pod's NIC is still on ${network}`);
        }
        return sources.includes("guest-agent")
            ? { phase: "guest-visible", message: `the guest has it${addressNote(status)}` }
            : { phase: "attached", message: "the guest has it" };
    }
    if (sources.includes("multus-status") || seen.vmiNetwork?.pod !== undefined) {
        return attachingPhase(facts);
    }
    return migrationPhase(facts, "waiting-for-pod-nic", "the pod does not have it");
}

function attachingPhase(facts: PhaseFacts): PhaseVerdict {
    const synchronized = condition(facts.vmi?.status?.conditions, "Synchronized");
    const error = synchronized?.status === "False" ? (synchronized.message ?? synchronized.reason) : undefined;
    return {
        phase: error !== undefined && facts.pastDeadline === true ? "failed-attach" : "attaching",
        message: `the pod has it, the guest does not${error === undefined ? "" : `: ${error}`}`,
    };
}

/** What a NIC waits for that only a migration brings, or its own phase while no migration is asked for. */
function migrationPhase(facts: PhaseFacts, otherwise: NicPhase, what: string): PhaseVerdict {
    const conditions = facts.vmi?.status?.conditions;
    if (isMigrating(facts)) {
        return { phase: "migrating", message: `${what}; the VM is migrating` };
    }
    if (condition(conditions, "MigrationRequired")?.status !== "True") {
        return { phase: otherwise, message: what };
    }
    const obstacle = migrationObstacle(facts);
    if (obstacle !== undefined) {
        return { phase: "blocked", message: `${what}; it needs a live migration, ${obstacle}` };
    }
    return { phase: "pending-migration", message: `${what}; KubeVirt is about to migrate the VM` };
}

/** Fields of the VM's entries that the instance has otherwise; what only the instance has comes from its defaults. */
function changedFields(
    inVm: InterfaceEntry,
    inVmi: InterfaceEntry,
    vmNetwork: NetworkEntry | undefined,
    vmiNetwork: NetworkEntry | undefined,
    namespace: string,
): string[] {
    const fields = Object.keys(inVm).filter(
        (field) => field !== "state" && stable(inVm[field]) !== stable(inVmi[field]),
    );
    return nadOf(vmNetwork, namespace) === nadOf(vmiNetwork, namespace) ? fields : [...fields, "its network"];
}

function podNetwork({ facts, status }: Seen): string | undefined {
    const podName = status?.podInterfaceName;
    return podName === undefined
        ? undefined
        : facts.launcherPodInfo?.networkStatus.find(
              (entry) => entry.interface === podName && entry.name?.includes("/") === true,
          )?.name;
}

function nadOf(network: NetworkEntry | undefined, namespace: string): string | undefined {
    return network?.multus === undefined ? undefined : qualifiedNad(namespace, network.multus.networkName);
}

function restartNote(phase: NicPhase, { facts }: Seen): string {
    const restart = condition(facts.vm?.status?.conditions, "RestartRequired");
    const attached = phase === "attached" || phase === "guest-visible";
    return restart?.status === "True" && attached
        ? `; KubeVirt asks for a restart of the VM (${restart.message ?? "RestartRequired"}), which this NIC does not need`
        : "";
}

function addressNote(status: InterfaceStatus | undefined): string {
    const addresses = status?.ipAddresses ?? (status?.ipAddress === undefined ? [] : [status.ipAddress]);
    return addresses.length === 0 ? "" : ` with ${addresses.join(", ")}`;
}

/** JSON with sorted keys. */
function stable(value: unknown): string {
    return JSON.stringify(value, (_key, inner: unknown) =>
        typeof inner === "object" && inner !== null && !Array.isArray(inner)
            ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
            : inner,
    );
}
