import type * as k8s from "@kubernetes/client-node";

/** A NIC of a test VM: the pod network where no NAD is given. */
export interface Nic {
    readonly name: string;
    readonly nad?: string;
    readonly macAddress?: string;
    readonly state?: "up" | "down" | "absent" | "";
    readonly binding?: Record<string, unknown>;
}

export interface InterfaceSpec {
    readonly name: string;
    readonly state?: string;
    readonly macAddress?: string;
    readonly [binding: string]: unknown;
}

export interface NetworkSpec {
    readonly name: string;
    readonly multus?: { readonly networkName: string };
    readonly pod?: object;
}

export interface InterfaceStatus {
    readonly name?: string;
    readonly infoSource?: string;
    readonly mac?: string;
    readonly interfaceName?: string;
    readonly ipAddress?: string;
    readonly ipAddresses?: readonly string[];
    readonly linkState?: string;
    readonly podInterfaceName?: string;
    readonly queueCount?: number;
}

export interface Condition {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
    readonly lastTransitionTime?: string;
}

interface InstanceSpec {
    readonly networks?: readonly NetworkSpec[];
    readonly domain: { readonly devices: { readonly interfaces?: readonly InterfaceSpec[] } };
}

export interface Instance extends k8s.KubernetesObject {
    readonly spec: InstanceSpec;
    readonly status?: {
        readonly phase?: string;
        readonly nodeName?: string;
        readonly interfaces?: readonly InterfaceStatus[];
        readonly conditions?: readonly Condition[];
        readonly phaseTransitionTimestamps?: readonly {
            readonly phase: string;
            readonly phaseTransitionTimestamp: string;
        }[];
        readonly migrationState?: { readonly completed?: boolean; readonly migrationUid?: string };
    };
}

export interface Machine extends k8s.KubernetesObject {
    readonly spec: { readonly template: { readonly spec: InstanceSpec } };
    readonly status?: {
        readonly ready?: boolean;
        readonly printableStatus?: string;
        readonly desiredGeneration?: number;
        readonly conditions?: readonly Condition[];
    };
}

/** The pod network behind masquerade, which every VM of these tests has first. */
export const podNic: Nic = { name: "default", macAddress: "02:00:00:00:00:01" };

/** The prefix of the annotations that choose how the node side behaves for a VM. */
export const modePrefix = "embedded.vm.novasphere.dev/";

export function interfaceOf(nic: Nic): InterfaceSpec {
    const binding = nic.binding ?? (nic.nad === undefined ? { masquerade: {} } : { bridge: {} });
    return {
        name: nic.name,
        model: "virtio",
        ...binding,
        ...(nic.macAddress === undefined ? {} : { macAddress: nic.macAddress }),
        ...(nic.state === undefined ? {} : { state: nic.state }),
    };
}

export function networkOf(nic: Nic): NetworkSpec {
    return nic.nad === undefined ? { name: nic.name, pod: {} } : { name: nic.name, multus: { networkName: nic.nad } };
}

/** What a test VM has besides its NICs. */
export interface MachineOptions {
    /** Of its instance, beside `kubevirt.io/vm`. */
    readonly labels?: Readonly<Record<string, string>>;
    readonly modes?: Readonly<Record<string, string>>;
    readonly runStrategy?: "Always" | "Halted";
    readonly memory?: string;
    readonly volumes?: readonly object[];
    readonly nodeSelector?: Readonly<Record<string, string>>;
}

export function machineManifest(name: string, nics: readonly Nic[], options: MachineOptions = {}): object {
    const modes = Object.entries(options.modes ?? {}).map(([mode, value]) => [modePrefix + mode, value]);
    return {
        apiVersion: "kubevirt.io/v1",
        kind: "VirtualMachine",
        metadata: { name },
        spec: {
            runStrategy: options.runStrategy ?? "Always",
            template: {
                metadata: {
                    labels: { ...options.labels, "kubevirt.io/vm": name },
                    annotations: Object.fromEntries(modes),
                },
                spec: {
                    domain: {
                        resources: { requests: { memory: options.memory ?? "128Mi" } },
                        devices: {
                            interfaces: nics.map(interfaceOf),
                            ...(nics.length === 0 ? { autoattachPodInterface: false } : {}),
                        },
                    },
                    networks: nics.map(networkOf),
                    ...(options.volumes === undefined ? {} : { volumes: options.volumes }),
                    ...(options.nodeSelector === undefined ? {} : { nodeSelector: options.nodeSelector }),
                },
            },
        },
    };
}

export function status(vmi: Instance, nic: string): InterfaceStatus | undefined {
    return vmi.status?.interfaces?.find((each) => each.name === nic);
}

export function has(status: InterfaceStatus | undefined, source: string): boolean {
    return (status?.infoSource ?? "").split(", ").includes(source);
}

/** The names of a spec's interfaces and networks. */
export function names(spec: InstanceSpec): string[] {
    return [...(spec.domain.devices.interfaces ?? []), ...(spec.networks ?? [])].map((each) => each.name);
}

export function interfaceSpec(spec: InstanceSpec, nic: string): InterfaceSpec | undefined {
    return spec.domain.devices.interfaces?.find((each) => each.name === nic);
}

export function condition(object: Instance | Machine, type: string): Condition | undefined {
    return object.status?.conditions?.find((each) => each.type === type);
}
