import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { IPReservation, Network, ServiceExposure, type VirtualMachineArgs } from "../../index";
import { deploy, find, UNKNOWN, virtualMachine, type Loose, type Registered } from "./deploy";

/** Something of another package, whose output a first preview cannot know. */
class Source extends pulumi.CustomResource {
    declare public readonly text: pulumi.Output<Loose>;

    constructor() {
        super("test:index:Source", "source", { text: undefined });
    }
}

async function preview(program: (text: pulumi.Output<Loose>) => unknown): Promise<readonly Registered[]> {
    return (await deploy(() => program(new Source().text), { preview: true })).registered;
}

describe("a preview with inputs that are not known yet", () => {
    it("makes the whole VM in a namespace that is not known", async () => {
        const registered = await preview((namespace) => virtualMachine({ namespace }));
        const nic = find(registered, "NetworkInterface", "web-vm-eth1").inputs;
        assert.deepEqual([nic.namespace, nic.macAddress, nic.nadName], [UNKNOWN, UNKNOWN, UNKNOWN]);
        assert.deepEqual([nic.vm, nic.nic, nic.model], ["web-vm", "eth1", "virtio"]);
    });

    const fields: [string, (text: pulumi.Output<Loose>) => VirtualMachineArgs["networks"][number], string, string][] = [
        [
            "macAddress",
            (macAddress) => ({ name: "eth1", type: "bridge", macAddress }),
            "NetworkInterface",
            "web-vm-eth1",
        ],
        ["nadName", (nadName) => ({ name: "eth1", type: "bridge", nadName }), "NetworkInterface", "web-vm-eth1"],
        ["model", (model) => ({ name: "eth1", type: "bridge", model }), "NetworkInterface", "web-vm-eth1"],
        ["linkState", (linkState) => ({ name: "eth1", type: "bridge", linkState }), "NetworkInterface", "web-vm-eth1"],
        [
            "requested",
            (address) => ({ name: "eth1", type: "bridge", ipConfig: { mode: "static", address } }),
            "IPReservation",
            "web-vm-eth1-address",
        ],
        [
            "pool",
            (ipPool) => ({ name: "eth1", type: "bridge", ipConfig: { mode: "static", ipPool } }),
            "IPReservation",
            "web-vm-eth1-address",
        ],
        [
            "declaredGateway",
            (gateway) => ({
                name: "eth1",
                type: "bridge",
                ipConfig: { mode: "static", address: "10.0.0.7/24", gateway },
            }),
            "IPReservation",
            "web-vm-eth1-address",
        ],
    ];
    for (const [field, nic, noun, name] of fields) {
        it(`leaves ${field} to the update where it is not known`, async () => {
            const registered = await preview((text) => virtualMachine({ networks: [nic(text)] }));
            assert.equal(find(registered, noun, name).inputs[field], UNKNOWN);
            find(registered, "PowerState", "web-vm-power");
        });
    }

    it("leaves the guest's lists to the update where they are not known", async () => {
        const registered = await preview((list) =>
            virtualMachine({
                networks: [
                    {
                        ...{ name: "eth1", type: "bridge" },
                        ipConfig: { mode: "static", address: "10.0.0.7/24", dnsServers: list, routes: list },
                    },
                ],
            }),
        );
        const { stringData } = find(registered, "Secret", "web-vm-cloud-init").inputs;
        assert.equal(JSON.stringify(stringData).includes(UNKNOWN), true);
    });

    it("makes Services, networks and reservations of values that are not known", async () => {
        const registered = await preview((text) => {
            const vm = virtualMachine({ cpu: text, memory: text, userData: text, labels: { tier: text } });
            new ServiceExposure("front", { virtualMachines: [vm], namespace: text, ports: [{ port: 80 }] });
            new ServiceExposure("far", {
                ...{ selector: { tier: text }, namespace: text, network: text, ports: [{ port: 80 }] },
                ...{ type: "LoadBalancer", loadBalancerIP: text, loadBalancerProvider: "metallb" },
            });
            new Network("lan", { type: "bridge", namespace: text });
            new IPReservation("spare", { pool: text, address: text, owner: text, macAddress: text });
        });
        assert.equal(find(registered, "NetworkGuard", "lan-guard").inputs.nadName, UNKNOWN);
        assert.equal(find(registered, "ServiceEndpoints", "front-service-endpoints").inputs.namespace, UNKNOWN);
        const { annotations } = find(registered, "Service", "far-service").inputs.metadata;
        assert.equal(annotations["metallb.io/loadBalancerIPs"], UNKNOWN);
        assert.equal(annotations["vm.novasphere.dev/vm-selector"], UNKNOWN);
        const { owner, requested, pool } = find(registered, "IPReservation", "spare").inputs;
        assert.deepEqual([owner, requested, pool], [UNKNOWN, UNKNOWN, UNKNOWN]);
    });

    it("still refuses what is wrong in what is known", async () => {
        await assert.rejects(
            preview((namespace) =>
                virtualMachine({ namespace, networks: [{ name: "eth1", type: "bridge", macAddress: "02:zz" }] }),
            ),
            /NIC "eth1" of VM "web-vm": macAddress "02:zz" is refused/,
        );
    });
});
