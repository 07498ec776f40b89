import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { Network } from "../../index";
import { deploy, find, namesOf, virtualMachine, type Loose } from "./deploy";

describe("the guest configuration of a VirtualMachine", () => {
    const userData = "#cloud-config\npassword: hunter2\n";

    it("keeps the user data secret, also where the program does not say that it is", async () => {
        for (const given of [userData, pulumi.secret(userData)]) {
            const { registered } = await deploy(() => virtualMachine({ userData: given }));
            const { stringData } = find(registered, "Secret", "web-vm-cloud-init").inputs;
            assert.equal(stringData.secret.userdata, userData);
        }
    });

    it("reaches the guest through the Secret alone, as user data and network data of a NoCloud disk", async () => {
        const { registered } = await deploy(() => virtualMachine({ userData }));
        const { volumes, domain } = find(registered, "VirtualMachine", "web-vm").inputs.spec.template.spec;
        const name = "web-vm-cloud-init";
        assert.deepEqual(volumes, [
            { name: "cloud-init", cloudInitNoCloud: { secretRef: { name }, networkDataSecretRef: { name } } },
        ]);
        assert.deepEqual(domain.devices.disks, [{ name: "cloud-init", disk: { bus: "virtio" } }]);
        for (const resource of registered.filter(({ type }) => !type.endsWith(":Secret"))) {
            assert.ok(!JSON.stringify(resource.inputs).includes("hunter2"), resource.name);
        }
    });

    it("is version 2 of cloud-init's network configuration, matched by MAC, with routes instead of gateway4", async () => {
        const { registered } = await deploy(
            () =>
                virtualMachine({
                    networks: [
                        {
                            name: "eth1",
                            type: "bridge",
                            network: new Network("lan", { type: "bridge", mtu: 9000 }),
                            macAddress: "02:00:00:00:00:11",
                            ipConfig: {
                                mode: "static",
                                address: "192.168.1.100/24",
                                gateway: "192.168.1.1",
                                dnsServers: ["9.9.9.9"],
                                routes: [{ to: "10.0.0.0/8", via: "192.168.1.254" }],
                            },
                        },
                    ],
                }),
            // As `check` fills it in.
            { outputs: { "web-vm-eth1-address": { cidr: "192.168.1.100/24" } } },
        );
        const { stringData } = find(registered, "Secret", "web-vm-cloud-init").inputs;
        const config = parse(stringData.secret.networkdata);
        assert.equal(config.version, 2);
        const [nic] = Object.values<Loose>(config.ethernets);
        assert.deepEqual(nic.match, { macaddress: "02:00:00:00:00:11" });
        assert.deepEqual(nic.addresses, ["192.168.1.100/24"]);
        assert.deepEqual(nic.nameservers.addresses, ["9.9.9.9"]);
        assert.equal(nic.mtu, 9000);
        assert.equal("gateway4" in nic, false);
        assert.deepEqual(
            nic.routes.map(({ via }: { via: string }) => via),
            ["192.168.1.1", "192.168.1.254"],
        );
    });

    it("is left out where the guest is configured otherwise", async () => {
        const { registered, value } = await deploy(() => virtualMachine({ guestConfig: "none" }));
        assert.deepEqual(namesOf(registered, "Secret"), []);
        assert.equal(value.secret, undefined);
        const { volumes, domain } = find(registered, "VirtualMachine", "web-vm").inputs.spec.template.spec;
        // Not empty lists either: the API server drops those, and the next preview would show them as added.
        assert.deepEqual([volumes, domain.devices.disks], [undefined, undefined]);
    });

    it("comes beside the volumes of the program, each with a virtio disk", async () => {
        const { registered } = await deploy(() =>
            virtualMachine({ volumes: [{ name: "root", containerDisk: { image: "quay.io/example/disk:1" } }] }),
        );
        const { volumes, domain } = find(registered, "VirtualMachine", "web-vm").inputs.spec.template.spec;
        assert.deepEqual(
            volumes.map(({ name }: { name: string }) => name),
            ["root", "cloud-init"],
        );
        assert.deepEqual(domain.devices.disks[0], { name: "root", disk: { bus: "virtio" } });
        assert.deepEqual(domain.cpu, { cores: 2 });
        assert.deepEqual(domain.memory, { guest: "4Gi" });
    });
});
