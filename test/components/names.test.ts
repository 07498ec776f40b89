import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { deploy, find, namesOf, virtualMachine } from "./deploy";

describe("the names of what a VirtualMachine makes", () => {
    const ports = [{ port: 80 }];

    it("calls the VM of web web-vm, and its NICs <vm>-<nic>", async () => {
        const { registered, value } = await deploy(() => virtualMachine());
        const vm = registered.find(({ type }) => type === "kubernetes:kubevirt.io/v1:VirtualMachine");
        assert.equal(vm?.name, "web-vm");
        assert.equal(vm.inputs.metadata.name, "web-vm");
        assert.equal(value.vmName, "web-vm");
        assert.deepEqual(namesOf(registered, "NetworkInterface"), ["web-vm-eth0", "web-vm-eth1"]);
    });

    it("gives its components the types wukong:index:<noun>", async () => {
        const { registered } = await deploy(() => virtualMachine());
        const components = registered.filter(({ custom, parent }) => !custom && parent !== "");
        assert.deepEqual(components.map(({ type }) => type).sort(), [
            "wukong:index:Cluster",
            "wukong:index:Network",
            "wukong:index:VirtualMachine",
        ]);
    });

    it("labels every pod of the VM with kubevirt.io/vm, beside the labels asked for", async () => {
        const { registered } = await deploy(() => virtualMachine({ labels: { tier: "front" } }));
        const { template } = find(registered, "VirtualMachine", "web-vm").inputs.spec;
        assert.deepEqual(template.metadata.labels, { tier: "front", "kubevirt.io/vm": "web-vm" });
    });

    it("lets no label of the user's take the place of kubevirt.io/vm, by which Services find the pods", async () => {
        const { registered } = await deploy(() => virtualMachine({ labels: { "kubevirt.io/vm": "other" } }));
        const { template } = find(registered, "VirtualMachine", "web-vm").inputs.spec;
        assert.deepEqual(template.metadata.labels, { "kubevirt.io/vm": "web-vm" });
    });

    for (const [type, name] of [
        ["NodePort", "web-vm-nodeport"],
        ["ClusterIP", "web-vm-service"],
        ["LoadBalancer", "web-vm-service"],
    ] as const) {
        it(`calls the Service of a NIC that is exposed by ${type} ${name}`, async () => {
            const { registered, value } = await deploy(() =>
                virtualMachine({ networks: [{ name: "eth0", type: "pod", serviceExposure: { type, ports } }] }),
            );
            assert.equal(find(registered, "Service", name).inputs.metadata.name, name);
            assert.deepEqual(Object.keys(value.services), ["eth0"]);
        });
    }

    it("makes no Service of an exposure that is not enabled", async () => {
        const { registered, value } = await deploy(() =>
            virtualMachine({ networks: [{ name: "eth0", type: "pod", serviceExposure: { enabled: false, ports } }] }),
        );
        assert.deepEqual(namesOf(registered, "Service"), []);
        assert.deepEqual(value.services, {});
    });

    it("parents everything to the component, and shows each part as a field", async () => {
        const { registered, value } = await deploy(() => virtualMachine());
        for (const [noun, name] of [
            ["VirtualMachine", "web-vm"],
            ["Secret", "web-vm-cloud-init"],
            ["NetworkInterface", "web-vm-eth0"],
            ["PowerState", "web-vm-power"],
        ] as const) {
            assert.equal(find(registered, noun, name).parent, "web", name);
        }
        assert.deepEqual(Object.keys(value.interfaces), ["eth0", "eth1"]);
        const parts = [value.object, value.secret, value.powerState];
        assert.ok(parts.every((part) => pulumi.CustomResource.isInstance(part)));
    });
});
