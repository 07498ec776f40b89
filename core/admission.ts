import type { NicType } from "./nic";
import type { Place, Problem } from "./problem";
import type { VmLists } from "./vm-networks";

/** What KubeVirt's admission (virt-api) says of a VM as a whole; what it says of single NICs is in `validateNics`. */

/** The strategies of vms-admitter.go, but for `WaitAsReceiver`, which takes a feature gate. */
const RUN_STRATEGIES: readonly string[] = ["Always", "RerunOnFailure", "Once", "Manual", "Halted"];

export function runStrategyProblems(vm: string, runStrategy: string): Problem[] {
    return RUN_STRATEGIES.includes(runStrategy)
        ? []
        : [
              {
                  vm,
                  field: "runStrategy",
                  value: runStrategy,
                  rule: `KubeVirt knows the run strategies ${RUN_STRATEGIES.join(", ")}`,
                  remedy: "choose one of them",
              },
          ];
}

/** A VM without a NIC on the pod network may have no probe that takes the network (vmi-create-admitter.go). */
export function probeProblems(
    vm: string,
    templateSpec: Readonly<Record<string, unknown>>,
    nics: readonly { readonly type: NicType }[],
): Problem[] {
    return nics.some(({ type }) => type === "pod")
        ? []
        : podNetworkProbes(templateSpec).map((probe) => ({
              vm,
              field: `template.spec.${probe}`,
              rule: "KubeVirt probes a guest by the pod network, and the VM has no NIC of type pod",
              remedy: "declare one in networks, or probe by guestAgentPing or exec",
          }));
}

/** A NIC on the pod network that is taken off to be attached anew leaves its VM without that network in between. */
export function probeProblemsOfReplacement(
    place: Omit<Place, "field">,
    templateSpec: Readonly<Record<string, unknown>> | undefined,
): Problem[] {
    return podNetworkProbes(templateSpec ?? {}).map((probe) => ({
        ...place,
        field: "networks",
        rule: `the change takes the NIC off the VM to attach it anew, and KubeVirt refuses a VM with ${probe} without pod network in between`,
        remedy: "take the probe out of the template in an update before this one, or leave the NIC as it is",
    }));
}

/** The probes, as `readinessProbe.httpGet`, that KubeVirt's admission takes with a pod network only. */
function podNetworkProbes(templateSpec: Readonly<Record<string, unknown>>): string[] {
    return ["readinessProbe", "livenessProbe"].flatMap((probe) => {
        const handlers = (templateSpec[probe] ?? {}) as Readonly<Record<string, unknown>>;
        return ["httpGet", "tcpSocket"]
            .filter((handler) => handlers[handler] !== undefined)
            .map((handler) => `${probe}.${handler}`);
    });
}

/**
 * A VM has one NIC on the pod network (pkg/network/admitter/netsource.go), also while one is about to take the other's
 * place: what the program no longer has goes after what is new has come.
 * @param declared the NICs that the program has for the VM: of those another that was on the pod network changes as well
 */
export function podNetworkProblems(
    place: Omit<Place, "field">,
    nic: { readonly name: string; readonly type: NicType },
    { networks }: VmLists,
    declared: readonly string[],
): Problem[] {
    const holder = networks?.find(
        ({ name, pod }) => pod !== undefined && name !== nic.name && !declared.includes(name),
    )?.name;
    return nic.type !== "pod" || holder === undefined
        ? []
        : [
              {
                  ...place,
                  field: "type",
                  value: nic.type,
                  rule: "KubeVirt admits one NIC on the pod network, and the VM has it already",
                  holder: `NIC "${holder}" of the VM in the cluster`,
                  remedy: `keep the name "${holder}", or remove that NIC in an update before this one`,
              },
          ];
}

/** A NIC that is not on the pod network is on one that it names. */
export function networkNameProblems(
    place: Omit<Place, "field">,
    { type, nadName }: { readonly type: NicType; readonly nadName?: string },
): Problem[] {
    return type === "pod" || nadName !== undefined
        ? []
        : [
              {
                  ...place,
                  field: "nadName",
                  rule: `a NIC of type ${type} is on the network of a NetworkAttachmentDefinition, and names none`,
                  remedy: "name one, or write type: pod",
              },
          ];
}
