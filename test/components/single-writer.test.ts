import assert from "node:assert/strict";
import { IPPool, Network } from "../../index";
import { deploy, find, virtualMachine, type Registered } from "./deploy";

const VM_OUTPUTS = { "web-vm": { metadata: { name: "web-vm", namespace: "default", uid: "uid-of-web" } } };

async function machine(args: Parameters<typeof virtualMachine>[0] = {}): Promise<readonly Registered[]> {
    return (await deploy(() => virtualMachine(args), { outputs: VM_OUTPUTS })).registered;
}

describe("one writer for each field of a VM", () => {
    it("declares the VM off and without the lists that its NICs write", async () => {
        const { spec } = find(await machine(), "VirtualMachine", "web-vm").inputs;
        assert.equal(spec.runStrategy, "Halted");
        assert.equal("networks" in spec.template.spec, false);
        assert.equal("interfaces" in spec.template.spec.domain.devices, false);
    });

    it("keeps KubeVirt from adding a pod NIC of its own", async () => {
        const { spec } = find(await machine(), "VirtualMachine", "web-vm").inputs;
        assert.equal(spec.template.spec.domain.devices.autoattachPodInterface, false);
    });

    it("leaves the run strategy to PowerState, and nothing else unwatched", async () => {
        const registered = await machine({ runStrategy: "RerunOnFailure" });
        assert.deepEqual(find(registered, "VirtualMachine", "web-vm").ignoreChanges, ["spec.runStrategy"]);
        assert.equal(find(registered, "VirtualMachine", "web-vm").inputs.spec.runStrategy, "Halted");
        assert.equal(find(registered, "PowerState", "web-vm-power").inputs.runStrategy, "RerunOnFailure");
    });

    it("starts the VM after all its NICs, once it is declared to run", async () => {
        const power = find(await machine(), "PowerState", "web-vm-power");
        assert.equal(power.inputs.runStrategy, "Always");
        for (const nic of ["web-vm-eth0", "web-vm-eth1"]) {
            assert.ok(power.dependencies.includes(nic), `${nic} among ${power.dependencies.join(", ")}`);
        }
    });

    it("ties NICs and PowerState to the uid of the VM, so that a replaced VM replaces them", async () => {
        const registered = await machine();
        for (const [noun, name] of [
            ["NetworkInterface", "web-vm-eth0"],
            ["NetworkInterface", "web-vm-eth1"],
            ["PowerState", "web-vm-power"],
        ] as const) {
            const { inputs, dependencies, deletedWith } = find(registered, noun, name);
            assert.equal(inputs.vmUid, "uid-of-web", name);
            assert.ok(dependencies.includes("web-vm"), name);
            assert.equal(deletedWith, "web-vm", name);
        }
    });

    it("lets reservations and guards be deleted on their own: their delete has work to do", async () => {
        const { registered } = await deploy(() => {
            const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
            const network = new Network("lan", { type: "bridge" });
            return virtualMachine({
                networks: [{ name: "eth1", type: "bridge", network, ipConfig: { mode: "static", ipPool: pool } }],
            });
        });
        assert.equal(find(registered, "IPReservation", "web-vm-eth1-address").deletedWith, "");
        assert.equal(find(registered, "NetworkGuard", "lan-guard").deletedWith, "");
    });

    it("makes the VM after the guard of its network, so that it goes before it", async () => {
        const registered = await machine();
        const guard = find(registered, "NetworkGuard", "web-vm-eth1-guard");
        assert.deepEqual(guard.dependencies, ["web-vm-eth1"]);
        assert.ok(find(registered, "VirtualMachine", "web-vm").dependencies.includes("web-vm-eth1-guard"));
    });

    it("has the kubernetes provider wait for nothing that is ours to wait for", async () => {
        const { registered } = await deploy(() => {
            new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
            return virtualMachine({
                networks: [
                    { name: "eth0", type: "pod", serviceExposure: { type: "LoadBalancer", ports: [{ port: 22 }] } },
                    { name: "eth1", type: "bridge" },
                ],
            });
        });
        for (const [noun, name] of [
            ["VirtualMachine", "web-vm"],
            ["NetworkAttachmentDefinition", "web-vm-eth1"],
            ["Service", "web-vm-service"],
            ["IPPool", "lan-pool"],
        ] as const) {
            const object = registered.filter((each) => each.custom && each.type.endsWith(`:${noun}`));
            assert.deepEqual(
                object.map((each) => [each.name, each.inputs.metadata.annotations?.["pulumi.com/skipAwait"]]),
                [[name, "true"]],
            );
        }
    });

    it("writes no empty labels, which the API server drops and a preview would find again and again", async () => {
        for (const { custom, inputs, name } of await machine()) {
            assert.ok(!custom || inputs.metadata === undefined || !isEmpty(inputs.metadata.labels), name);
        }
    });

    it("names the stack on the VM, so that another stack does not take it for its own", async () => {
        const registered = await machine();
        const { annotations } = find(registered, "VirtualMachine", "web-vm").inputs.metadata;
        assert.equal(annotations["vm.novasphere.dev/managed-by"], "acme/shop/dev");
        assert.equal(find(registered, "PowerState", "web-vm-power").inputs.manager, "acme/shop/dev");
    });
});

function isEmpty(labels: unknown): boolean {
    return typeof labels === "object" && labels !== null && Object.keys(labels).length === 0;
}
