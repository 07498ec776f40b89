import * as assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { useNamespace } from "../support/embedded-cluster";
import { expected } from "./kubevirt-releases";
import { Machines } from "./virtual-machines";
import { condition, type Machine, type InterfaceSpec, type NetworkSpec, type Nic, podNic } from "./vm-objects";

type Edit = (
    interfaces: readonly InterfaceSpec[],
    networks: readonly NetworkSpec[],
) => { interfaces: readonly InterfaceSpec[]; networks: readonly NetworkSpec[] };

interface Case {
    readonly title: string;
    readonly nics: readonly Nic[];
    readonly edit: Edit;
}

const red: Nic = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };
const blue: Nic = { name: "blue", nad: "blue", macAddress: "02:00:00:00:00:0b" };
const change =
    (name: string, replacement: object): Edit =>
    (interfaces, networks) => ({
        interfaces: interfaces.map((nic) => (nic.name === name ? { ...nic, ...replacement } : nic)),
        networks,
    });

const podNetworkAdded: Case = {
    title: "a pod network added to a VM without one",
    nics: [red],
    edit: (interfaces, networks) => ({
        interfaces: [
            ...interfaces,
            { name: "default", masquerade: {}, model: "virtio", macAddress: podNic.macAddress },
        ],
        networks: [...networks, { name: "default", pod: {} }],
    }),
};

const live: readonly Case[] = [
    {
        title: "both lists reordered",
        nics: [podNic, red, blue],
        edit: (interfaces, networks) => ({ interfaces: interfaces.toReversed(), networks: networks.toReversed() }),
    },
    { title: "a link set down", nics: [podNic, red], edit: change("red", { state: "down" }) },
    { title: "a link set up", nics: [podNic, { ...red, state: "down" }], edit: change("red", { state: "up" }) },
    { title: "a NIC set absent", nics: [podNic, red], edit: change("red", { state: "absent" }) },
    {
        title: "a secondary NIC added",
        nics: [podNic],
        edit: (interfaces, networks) => ({
            interfaces: [...interfaces, { name: "red", bridge: {}, model: "virtio", macAddress: red.macAddress }],
            networks: [...networks, { name: "red", multus: { networkName: "red" } }],
        }),
    },
    ...(expected.addedPodNetworkNeedsRestart ? [] : [podNetworkAdded]),
];

const restarts: readonly Case[] = [
    ...(expected.addedPodNetworkNeedsRestart ? [podNetworkAdded] : []),
    {
        title: "another binding",
        nics: [podNic],
        edit: (interfaces, networks) => ({
            interfaces: interfaces.map((nic) => ({ ...nic, masquerade: undefined, bridge: {} })),
            networks,
        }),
    },
    { title: "another MAC", nics: [podNic, red], edit: change("red", { macAddress: "02:00:00:00:00:ff" }) },
    {
        title: "the pod network turned into a Multus network",
        nics: [podNic],
        edit: (interfaces) => ({
            interfaces: interfaces.map((nic) => ({ ...nic, masquerade: undefined, bridge: {} })),
            networks: [{ name: "default", multus: { networkName: "red" } }],
        }),
    },
    {
        title: "a Multus network turned into the pod network",
        nics: [red],
        edit: (interfaces) => ({ interfaces, networks: [{ name: "red", pod: {} }] }),
    },
    {
        title: "a NIC and its network removed outright",
        nics: [podNic, red],
        edit: (interfaces, networks) => ({ interfaces: interfaces.slice(0, 1), networks: networks.slice(0, 1) }),
    },
];

describe("RestartRequired", function () {
    this.timeout(60_000);
    const machines = new Machines(useNamespace("restart"));

    before(async () => {
        await machines.network("red");
        await machines.network("blue");
    });

    const untilRequired = async (name: string): Promise<Machine> =>
        await machines.untilVm(
            name,
            "to require a restart",
            (vm) => condition(vm, "RestartRequired")?.status === "True",
        );

    live.forEach(({ title, nics, edit }, index) => {
        it(`F24 is not set by ${title}`, async () => {
            await machines.run(`f24-${index}`, nics);
            await machines.edit(`f24-${index}`, edit);
            assert.equal(condition(await machines.observed(`f24-${index}`), "RestartRequired"), undefined);
        });
    });

    restarts.forEach(({ title, nics, edit }, index) => {
        it(`F25 is set by ${title}`, async () => {
            await machines.run(`f25-${index}`, nics);
            await machines.edit(`f25-${index}`, edit);
            const vm = await untilRequired(`f25-${index}`);
            assert.equal(
                condition(vm, "RestartRequired")?.message,
                "a non-live-updatable field was changed in the template spec",
            );
        });
    });

    it(`${expected.revertClearsRestartRequired ? "goes" : "stays"} when the change is taken back`, async () => {
        await machines.run("revert", [podNic, red]);
        await machines.edit("revert", change("red", { macAddress: "02:00:00:00:00:ff" }));
        await untilRequired("revert");
        await machines.edit("revert", change("red", { macAddress: red.macAddress }));
        const vm = await machines.observed("revert");
        assert.equal(condition(vm, "RestartRequired") === undefined, expected.revertClearsRestartRequired);
    });
});
