import { MANAGER_ANNOTATION } from "../../core/manager";
import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../../cluster/kinds";
import type { Problem } from "../../core/problem";
import type { Subject } from "../../core/service/claims";
import { matches } from "../../core/service/selector";
import type { ClaimedVm, ServiceClaimInputs } from "./inputs";
import { listedOf } from "./listing";

/** A VM as far as it is looked at here. */
interface Machine extends KubernetesObject {
    readonly spec?: { readonly template?: MachineTemplate };
}

interface MachineTemplate {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec?: {
        readonly networks?: readonly { readonly name: string; readonly pod?: object }[];
        readonly domain?: { readonly devices?: { readonly interfaces?: readonly MachineInterface[] } };
    };
}

interface MachineInterface {
    readonly name: string;
    readonly ports?: readonly { readonly protocol?: string; readonly port: number }[];
}

/** Whether the VMs behind a Service, and no others, can be reached as it says. */
export async function machineProblems(
    client: ClusterClient,
    inputs: ServiceClaimInputs,
    at: Subject,
): Promise<Problem[]> {
    const { namespace, vms } = inputs;
    if (!vms) {
        return [];
    }
    const elsewhere = vms.filter((vm) => vm.namespace !== namespace);
    if (elsewhere.length > 0) {
        return elsewhere.map((vm) => ({
            ...at,
            field: "virtualMachines",
            value: `${vm.namespace}/${vm.name}`,
            rule: `a Service finds VMs of its own namespace, ${namespace}`,
            remedy: "expose VMs of one namespace, in that namespace",
        }));
    }
    const found = (await listedOf<Machine>(client, VIRTUAL_MACHINE, namespace)) ?? [];
    const instances = (await listedOf(client, VIRTUAL_MACHINE_INSTANCE, namespace)) ?? [];
    return [
        ...unlabelledInstances(inputs, vms, instances, at),
        ...detachedProblems(inputs, vms, at),
        ...(inputs.isSelectorGiven ? [] : strangerProblems(inputs, vms, found, at)),
        ...closedPorts(inputs, vms, found, at),
    ];
}

function detachedProblems({ network }: ServiceClaimInputs, vms: readonly ClaimedVm[], at: Subject): Problem[] {
    return vms
        .filter(({ nadNames }) => network !== undefined && !nadNames.includes(network))
        .map(({ namespace, name, nadNames }) => ({
            ...at,
            field: "network",
            value: network ?? "",
            rule: `VM ${namespace}/${name} has no NIC on it; its networks are ${nadNames.join(", ") || "none"}`,
            remedy: "declare a NIC of the VM on that network, or expose it on another",
        }));
}

/** A label that a VM's template gets while the VM runs reaches its instance and pods at the next start (KubeVirt). */
function unlabelledInstances(
    { selector }: ServiceClaimInputs,
    vms: readonly ClaimedVm[],
    instances: readonly KubernetesObject[],
    at: Subject,
): Problem[] {
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    return instances
        .filter(({ metadata }) => vms.some(({ name }) => name === metadata.name) && !matches(selector, metadata.labels))
        .map(({ metadata }) => ({
            ...at,
            field: "virtualMachines",
            value: `${metadata.namespace ?? ""}/${metadata.name}`,
            rule: `the VM runs without ${labels.join(", ")}, by which the Service finds it, and gets that at its next start`,
            remedy: "restart it for traffic to reach it",
            severity: "warning",
        }));
}

/** VMs that have the labels which several VMs are found by, and are none of them. */
function strangerProblems(
    { selector, manager }: ServiceClaimInputs,
    vms: readonly ClaimedVm[],
    found: readonly Machine[],
    at: Subject,
): Problem[] {
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    return found
        .filter(({ metadata, spec }) => {
            const isMember = vms.some(({ name }) => name === metadata.name);
            const isLeaving = metadata.deletionTimestamp !== undefined;
            return !isMember && !isLeaving && matches(selector, spec?.template?.metadata?.labels);
        })
        .map(({ metadata }) => ({
            ...at,
            field: "virtualMachines",
            rule: `the VMs are found by the labels that they share, ${labels.join(", ")}`,
            holder: `VM ${metadata.namespace ?? ""}/${metadata.name} as well`,
            remedy: "give the VMs that are meant a label of their own",
            // One of the stack's own may be about to go with this very update.
            ...(metadata.annotations?.[MANAGER_ANNOTATION] === manager && { severity: "warning" as const }),
        }));
}

/**
 * With masquerade KubeVirt forwards only the `ports` of an interface where there are any (KubeVirt, "Interfaces and
 * networks: ports"). A NIC that is made here has none; one that was taken over may.
 */
function closedPorts(
    { ports, network }: ServiceClaimInputs,
    vms: readonly ClaimedVm[],
    found: readonly Machine[],
    at: Subject,
): Problem[] {
    return found.flatMap(({ metadata, spec }) => {
        const template = spec?.template?.spec;
        const pod = template?.networks?.find((each) => each.pod);
        const nic = template?.domain?.devices?.interfaces?.find(({ name }) => name === pod?.name);
        const open = nic?.ports ?? [];
        if (network !== undefined || open.length === 0 || !vms.some(({ name }) => name === metadata.name)) {
            return [];
        }
        const isOpen = (protocol: string, port: number): boolean =>
            open.some((each) => (each.protocol ?? "TCP") === protocol && each.port === port);
        const listed = open.map(({ protocol, port }) => `${protocol ?? "TCP"} ${String(port)}`).join(", ");
        return ports.flatMap(({ protocol, targetPort }, index) =>
            isOpen(protocol, targetPort)
                ? []
                : [
                      {
                          ...at,
                          field: `ports[${String(index)}].targetPort`,
                          value: targetPort,
                          rule:
                              `NIC ${nic?.name ?? ""} of VM ${metadata.namespace ?? ""}/${metadata.name} lets ${listed} ` +
                              `through and nothing else (interfaces[].ports)`,
                          remedy: "add the port to the VM's interface, or remove that list from it",
                      },
                  ],
        );
    });
}
