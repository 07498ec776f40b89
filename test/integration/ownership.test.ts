import assert from "node:assert/strict";
import { IPPool, IPReservation, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { assertSays, refusalOf } from "../support/refusal";
import type { Run } from "../support/stack";
import { useStack } from "../support/use-stack";

describe("what belongs to one owner", () => {
    const suite = useStack("ownership", { handmade: ["VirtualMachine handmade-vm"] });
    const { namespace } = suite;

    /** Reservations of one pool, each with its owner. */
    function reservations(owners: Record<string, string>) {
        return async () => {
            const pool = new IPPool(`pool-${namespace.name}`, { cidr: "10.40.0.0/28" });
            const made = Object.entries(owners).map(([name, owner]) => [
                name,
                new IPReservation(name, { pool, owner }).address,
            ]);
            return Promise.resolve(Object.fromEntries(made) as Record<string, unknown>);
        };
    }

    function ops(run: Run, type: string): string[] {
        return run.steps.filter((step) => step.type.endsWith(type)).map((step) => step.op);
    }

    it("is an address: two reservations of an owner do not share one, and nothing is written", async () => {
        const text = await refusalOf(suite.stack.preview(reservations({ a: "vip", b: "vip" })));
        assertSays(text, "owner", "vip", "an owner has one address", "b");
        assert.deepEqual(await suite.view.reservations(), []);
    });

    it("is made again where it was removed from the cluster, and refused where another has taken it", async () => {
        const pool = `pool-${namespace.name}`;
        const made = await suite.stack.up(reservations({ a: "vip" }));
        const address = String(made.outputs.a);

        await suite.view.deleteReservation(pool, address);
        const planned = await suite.stack.preview(reservations({ a: "vip" }));
        assert.deepEqual(ops(planned, "IPReservation"), ["update"]);
        await suite.stack.up(reservations({ a: "vip" }));
        assert.deepEqual(
            (await suite.view.reservationsOfSpace(pool)).map(({ spec }) => [spec.address, spec.owner.key]),
            [[address, "owner:vip"]],
        );

        await suite.view.deleteReservation(pool, address);
        await suite.view.makeReservation(pool, address, { key: "owner:another", manager: "organization/other/dev" });
        try {
            const text = await refusalOf(suite.stack.preview(reservations({ a: "vip" })));
            assertSays(text, address, "given to another", "another", "organization/other/dev", "pulumi refresh");
        } finally {
            await suite.view.deleteReservation(pool, address);
        }
    });

    /** A VM with a NIC on a network of its own, and without. */
    function vm(name: string, further: NetworkInterfaceArgs[] = []) {
        return async () => {
            const networks: NetworkInterfaceArgs[] = [{ name: "eth0", type: "pod" }, ...further];
            const made = new VirtualMachine(name, { namespace: namespace.name, cpu: 1, memory: "64Mi", networks });
            return Promise.resolve({
                impacts: Object.fromEntries(Object.entries(made.interfaces).map(([nic, { impact }]) => [nic, impact])),
            });
        };
    }

    it("is a network made for one NIC: it goes with the NIC", async () => {
        const own: NetworkInterfaceArgs = {
            name: "eth1",
            type: "bridge",
            ipConfig: { mode: "static", address: "10.41.0.5/24" },
        };
        const made = await suite.stack.up(vm("alone", [own]));
        assert.deepEqual(made.outputs.impacts, { eth0: "boot", eth1: "boot" }, "as a preview says of a new VM");
        assert.deepEqual(Object.keys(await suite.view.plugged("alone-vm")).sort(), ["eth0", "eth1"]);
        const removed = await suite.stack.up(vm("alone"));
        assert.deepEqual(ops(removed, "NetworkAttachmentDefinition"), ["delete"]);
        assert.deepEqual(Object.keys(await suite.view.plugged("alone-vm")), ["eth0"]);
        assert.deepEqual(await suite.view.reservations(), []);
    });

    it("is a VM: one of the same name that was made by hand is refused at preview", async () => {
        await namespace.clients.custom.createNamespacedCustomObject({
            group: "kubevirt.io",
            version: "v1",
            namespace: namespace.name,
            plural: "virtualmachines",
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachine",
                metadata: { name: "handmade-vm" },
                spec: {
                    runStrategy: "Halted",
                    template: {
                        metadata: { labels: { "kubevirt.io/vm": "handmade-vm" } },
                        spec: { domain: { devices: {}, memory: { guest: "64Mi" } } },
                    },
                },
            },
        });
        const text = await refusalOf(suite.stack.preview(vm("handmade")));
        assertSays(text, `${namespace.name}/handmade-vm`, "already", "made by hand", "choose another name");
    });
});
