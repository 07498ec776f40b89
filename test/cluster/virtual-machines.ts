import * as assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { done, orUndefined, seen, type TestNamespace, until } from "../support/embedded-cluster";
import {
    has,
    type Instance,
    interfaceOf,
    type InterfaceSpec,
    type Machine,
    machineManifest,
    type MachineOptions,
    names,
    networkOf,
    type NetworkSpec,
    type Nic,
    status,
} from "./vm-objects";

export type JsonPatch = readonly { readonly op: string; readonly path: string; readonly value?: unknown }[];

const kubevirt = { group: "kubevirt.io", version: "v1" };

/** The VMs of a test namespace. */
export class Machines {
    constructor(private readonly namespace: TestNamespace) {}

    async create(name: string, nics: readonly Nic[], options: MachineOptions = {}): Promise<Machine> {
        return (await this.namespace.clients.custom.createNamespacedCustomObject({
            ...kubevirt,
            namespace: this.namespace.name,
            plural: "virtualmachines",
            body: machineManifest(name, nics, options),
        })) as Machine;
    }

    /** Creates a VM and waits until it is ready. */
    async run(name: string, nics: readonly Nic[], options: MachineOptions = {}): Promise<void> {
        await this.create(name, nics, options);
        await this.ready(name);
    }

    /** Waits until the VM is ready and its domain has all NICs. */
    async ready(name: string): Promise<Instance> {
        await this.untilVm(name, "to be ready", (vm) => vm.status?.ready === true);
        return await this.untilVmi(name, "to report its domain", (vmi) =>
            (vmi.spec.domain.devices.interfaces ?? []).every((nic) => has(status(vmi, nic.name), "domain")),
        );
    }

    async vm(name: string): Promise<Machine> {
        return (await this.read("virtualmachines", name)) as Machine;
    }

    async vmi(name: string): Promise<Instance> {
        return (await this.read("virtualmachineinstances", name)) as Instance;
    }

    async patch(name: string, patch: JsonPatch): Promise<Machine> {
        return (await this.namespace.clients.custom.patchNamespacedCustomObject(
            { ...kubevirt, namespace: this.namespace.name, plural: "virtualmachines", name, body: patch },
            k8s.setHeaderOptions("Content-Type", "application/json-patch+json"),
        )) as Machine;
    }

    /** Appends NICs to the template, as a client of KubeVirt does: `test` and `replace` of both whole lists. */
    async plug(name: string, ...nics: Nic[]): Promise<Machine> {
        return await this.edit(name, (interfaces, networks) => ({
            interfaces: [...interfaces, ...nics.map(interfaceOf)],
            networks: [...networks, ...nics.map(networkOf)],
        }));
    }

    /** Sets the state of a NIC in the template; `absent` unplugs it. */
    async setState(name: string, nic: string, state: string): Promise<Machine> {
        return await this.edit(name, (interfaces, networks) => ({
            interfaces: interfaces.map((each) => (each.name === nic ? { ...each, state } : each)),
            networks,
        }));
    }

    /** Edits both lists of the template at once; again when somebody else was faster. */
    async edit(
        name: string,
        change: (
            interfaces: readonly InterfaceSpec[],
            networks: readonly NetworkSpec[],
        ) => { interfaces: readonly InterfaceSpec[]; networks: readonly NetworkSpec[] },
    ): Promise<Machine> {
        const { networks = [], domain } = (await this.vm(name)).spec.template.spec;
        const { interfaces = [] } = domain.devices;
        const changed = change(interfaces, networks);
        const base = "/spec/template/spec";
        return await this.patch(name, [
            { op: "test", path: `${base}/networks`, value: networks.length === 0 ? null : networks },
            { op: "add", path: `${base}/networks`, value: changed.networks },
            {
                op: "test",
                path: `${base}/domain/devices/interfaces`,
                value: interfaces.length === 0 ? null : interfaces,
            },
            { op: "add", path: `${base}/domain/devices/interfaces`, value: changed.interfaces },
        ]);
    }

    /** Waits until virt-controller has acted on the VM's current spec. */
    async observed(name: string): Promise<Machine> {
        return await this.untilVm(
            name,
            "to be observed",
            (vm) => vm.status?.desiredGeneration === vm.metadata?.generation,
        );
    }

    async attached(name: string, nic: string, timeoutMs?: number): Promise<Instance> {
        return await this.untilVmi(
            name,
            `to have ${nic} in its domain`,
            (vmi) => has(status(vmi, nic), "domain"),
            timeoutMs,
        );
    }

    /** Waits until no trace of a NIC is left: VM template, VMI spec, VMI status. */
    async gone(name: string, nic: string, timeoutMs?: number): Promise<void> {
        await until(
            `${nic} of ${name} to be gone`,
            async () => {
                const [vm, vmi] = [await this.vm(name), await this.vmi(name)];
                const traces = [
                    ...names(vm.spec.template.spec),
                    ...names(vmi.spec),
                    ...(vmi.status?.interfaces ?? []).map((each) => each.name),
                ];
                return traces.includes(nic)
                    ? seen({ vm: vm.spec.template.spec, vmi: vmi.spec, status: vmi.status })
                    : done(true);
            },
            timeoutMs,
        );
    }

    async untilVm(name: string, what: string, is: (vm: Machine) => boolean, timeoutMs?: number): Promise<Machine> {
        return await until(
            `the VM ${name} ${what}`,
            async () => {
                const vm = await orUndefined(this.vm(name));
                return vm !== undefined && is(vm)
                    ? done(vm)
                    : seen({ spec: vm?.spec.template.spec, status: vm?.status });
            },
            timeoutMs,
        );
    }

    async untilVmi(name: string, what: string, is: (vmi: Instance) => boolean, timeoutMs?: number): Promise<Instance> {
        return await until(
            `the VMI ${name} ${what}`,
            async () => {
                const vmi = await orUndefined(this.vmi(name));
                return vmi !== undefined && is(vmi) ? done(vmi) : seen({ spec: vmi?.spec, status: vmi?.status });
            },
            timeoutMs,
        );
    }

    /** Starts a live migration and returns its name. */
    async migrate(name: string): Promise<string> {
        const migration = (await this.namespace.clients.custom.createNamespacedCustomObject({
            ...kubevirt,
            namespace: this.namespace.name,
            plural: "virtualmachineinstancemigrations",
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachineInstanceMigration",
                metadata: { generateName: `${name}-` },
                spec: { vmiName: name },
            },
        })) as k8s.KubernetesObject;
        return migration.metadata?.name ?? "";
    }

    /** The migrations of a VM, with their phases. */
    async migrations(name: string): Promise<{ name: string; phase: string }[]> {
        const list = (await this.namespace.clients.custom.listNamespacedCustomObject({
            ...kubevirt,
            namespace: this.namespace.name,
            plural: "virtualmachineinstancemigrations",
        })) as { items: (k8s.KubernetesObject & { spec: { vmiName: string }; status?: { phase?: string } })[] };
        return list.items
            .filter((item) => item.spec.vmiName === name)
            .map((item) => ({ name: item.metadata?.name ?? "", phase: item.status?.phase ?? "" }));
    }

    /** Waits until every migration of a VM, at least one, has succeeded. */
    async migrated(name: string, timeoutMs?: number): Promise<void> {
        await until(
            `a migration of ${name} to succeed`,
            async () => {
                const migrations = await this.migrations(name);
                assert.ok(
                    migrations.every(({ phase }) => phase !== "Failed"),
                    JSON.stringify(migrations),
                );
                return migrations.length > 0 && migrations.every(({ phase }) => phase === "Succeeded")
                    ? done(true)
                    : seen(migrations);
            },
            timeoutMs,
        );
    }

    async delete(name: string): Promise<void> {
        await this.namespace.clients.custom.deleteNamespacedCustomObject({
            ...kubevirt,
            namespace: this.namespace.name,
            plural: "virtualmachines",
            name,
            propagationPolicy: "Foreground",
        });
        await until(`the VM ${name} to be gone`, async () => {
            const vm = await orUndefined(this.vm(name));
            return vm === undefined ? done(true) : seen(vm.metadata);
        });
    }

    /** Makes a NetworkAttachmentDefinition of a CNI plugin. */
    async network(name: string, type = "bridge"): Promise<void> {
        await this.namespace.clients.custom.createNamespacedCustomObject({
            group: "k8s.cni.cncf.io",
            version: "v1",
            namespace: this.namespace.name,
            plural: "network-attachment-definitions",
            body: {
                apiVersion: "k8s.cni.cncf.io/v1",
                kind: "NetworkAttachmentDefinition",
                metadata: {
                    name,
                    annotations: type === "sriov" ? { "k8s.v1.cni.cncf.io/resourceName": "example.com/vf" } : {},
                },
                spec: {
                    config: JSON.stringify({
                        cniVersion: "1.0.0",
                        type,
                        ...(type === "bridge" ? { bridge: `br-${name}` } : {}),
                    }),
                },
            },
        });
    }

    private async read(plural: string, name: string): Promise<unknown> {
        return await this.namespace.clients.custom.getNamespacedCustomObject({
            ...kubevirt,
            namespace: this.namespace.name,
            plural,
            name,
        });
    }
}
