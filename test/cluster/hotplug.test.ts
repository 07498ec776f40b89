import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as k8s from "@kubernetes/client-node";
import { before, describe, it } from "mocha";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { reportStrangeNic } from "../support/strange-status";
import { DenyInstances } from "./deny-instances";
import { Machines } from "./virtual-machines";
import { condition, has, type Instance, interfaceSpec, names, type Nic, podNic, status } from "./vm-objects";

const red: Nic = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };
const blue: Nic = { name: "blue", nad: "blue", macAddress: "02:00:00:00:00:0b" };
const green: Nic = { name: "green", nad: "red", macAddress: "02:00:00:00:00:0c" };

/** KubeVirt's name for a NIC inside the pod (namescheme/networknamescheme.go): "pod" and 11 digits of a SHA-256. */
const podInterface = (nic: string): string => `pod${createHash("sha256").update(nic).digest("hex").slice(0, 11)}`;

describe("hot-plug and unplug of bridge NICs", function () {
    this.timeout(60_000);
    const namespace = useNamespace("hotplug");
    const machines = new Machines(namespace);

    before(async () => {
        await machines.network("red");
        await machines.network("blue");
    });

    it("F1 a NIC appended to a running VM reaches the VMI's spec", async () => {
        await machines.run("f1", [podNic]);
        await machines.plug("f1", red);
        const vmi = await machines.untilVmi("f1", "to have red in its spec", (vmi) => names(vmi.spec).includes("red"));
        assert.deepEqual(
            vmi.spec.networks?.map(({ name }) => name),
            ["default", "red"],
        );
    });

    it("F2 F4 the NIC is attached in place, with the MAC of the VM's spec, and nothing asks for a migration any more", async () => {
        await machines.run("f2", [podNic]);
        await machines.plug("f2", red);
        const vmi = await machines.untilVmi(
            "f2",
            "to have red in its guest, and to ask for no migration any more",
            (vmi) => has(status(vmi, "red"), "guest-agent") && condition(vmi, "MigrationRequired") === undefined,
        );
        assert.deepEqual(status(vmi, "red"), {
            name: "red",
            infoSource: "domain, guest-agent, multus-status",
            interfaceName: "eth1",
            linkState: "up",
            mac: red.macAddress,
            podInterfaceName: podInterface("red"),
            queueCount: 1,
        });
        const vm = await machines.vm("f2");
        assert.equal(interfaceSpec(vm.spec.template.spec, "red")?.macAddress, status(vmi, "red")?.mac);
    });

    it("F4 a NIC without a MAC in the spec gets one, which its status shows", async () => {
        await machines.run("f4", [podNic, { name: "red", nad: "red" }]);
        assert.match(status(await machines.vmi("f4"), "red")?.mac ?? "", /^02(:[0-9a-f]{2}){5}$/);
    });

    it("F7 a NIC plugged with its link down reports that", async () => {
        await machines.run("f7", [podNic, red]);
        await machines.plug("f7", { ...blue, state: "down" });
        const vmi = await machines.attached("f7", "blue");
        assert.equal(vmi.spec.networks?.length, 3);
        assert.equal(status(vmi, "blue")?.linkState, "down");
        assert.equal(status(vmi, "red")?.linkState, "up");
    });

    it("F8 a NIC set absent leaves VM, VMI and status, the others stay", async () => {
        await machines.run("f8", [podNic, red, { ...blue, state: "down" }]);
        await machines.setState("f8", "blue", "absent");
        await machines.gone("f8", "blue");
        assert.deepEqual(names((await machines.vm("f8")).spec.template.spec), ["default", "red", "default", "red"]);
        assert.ok(has(status(await machines.vmi("f8"), "red"), "domain"));
    });

    it("F9 the last secondary NIC can go as well", async () => {
        await machines.run("f9", [podNic, red]);
        await machines.setState("f9", "red", "absent");
        await machines.gone("f9", "red");
        assert.deepEqual(names((await machines.vmi("f9")).spec), ["default", "default"]);
    });

    it("F18 a new NIC that is absent already is not plugged, and leaves the VM's spec", async () => {
        await machines.run("f18", [podNic]);
        await machines.plug("f18", { ...red, state: "absent" });
        await machines.gone("f18", "red");
    });

    it("F19 a new NIC with another binding than bridge and SR-IOV is not plugged, and nothing says so", async () => {
        await machines.run("f19", [podNic]);
        await machines.plug("f19", { ...red, binding: { binding: { name: "elsewhere" } } });
        const vm = await machines.observed("f19");
        assert.ok(names(vm.spec.template.spec).includes("red"));
        assert.deepEqual(names((await machines.vmi("f19")).spec), ["default", "default"]);
        assert.equal(condition(vm, "RestartRequired"), undefined);
    });

    for (const state of ["", "up", "down"]) {
        it(`F20 an unplug under way is not taken back by the state ${JSON.stringify(state)}`, async () => {
            const name = `f20-${state === "" ? "empty" : state}`;
            await machines.run(name, [podNic, red], { modes: { "guest-ejects": "false" } });
            await machines.setState(name, "red", "absent");
            const absent = (vmi: Instance): boolean => interfaceSpec(vmi.spec, "red")?.state === "absent";
            await machines.untilVmi(name, "to have red absent", absent);
            await machines.setState(name, "red", state);
            await machines.observed(name);
            assert.ok(absent(await machines.vmi(name)));
        });
    }

    it("F21 a plug and an unplug in one patch of the VM reach the VMI in one patch", async () => {
        await machines.run("f21", [podNic, red]);
        const { metadata } = await machines.vmi("f21");
        const events: Instance[] = [];
        const watch = await new k8s.Watch(namespace.clients.config).watch(
            `/apis/kubevirt.io/v1/namespaces/${namespace.name}/virtualmachineinstances`,
            { fieldSelector: "metadata.name=f21", resourceVersion: metadata?.resourceVersion },
            (_, vmi: Instance) => events.push(vmi),
            () => undefined,
        );
        try {
            await machines.edit("f21", (interfaces, networks) => ({
                interfaces: [
                    ...interfaces.map((nic) => (nic.name === "red" ? { ...nic, state: "absent" } : nic)),
                    { name: "blue", bridge: {}, model: "virtio", macAddress: blue.macAddress },
                ],
                networks: [...networks, { name: "blue", multus: { networkName: "blue" } }],
            }));
            await machines.attached("f21", "blue");
            await machines.gone("f21", "red");
            const changed = await until("the watch to show the new NIC", async () => {
                const first = events.find(
                    (vmi) => names(vmi.spec).includes("blue") || interfaceSpec(vmi.spec, "red")?.state === "absent",
                );
                return first === undefined ? seen(events.length) : done(first);
            });
            assert.ok(names(changed.spec).includes("blue"));
            assert.equal(interfaceSpec(changed.spec, "red")?.state, "absent");
        } finally {
            watch.abort();
        }
    });

    it("F22 a first hot-plug that is still pending cannot be taken back", async () => {
        await machines.run("f22", [podNic], {
            modes: { "dynamic-networks-controller": "off", "live-migratable": "false" },
        });
        await machines.plug("f22", red);
        await machines.untilVmi("f22", "to have red in its spec", (vmi) => names(vmi.spec).includes("red"));
        await machines.setState("f22", "red", "absent");
        await machines.observed("f22");
        const vmi = await machines.vmi("f22");
        assert.equal(interfaceSpec(vmi.spec, "red")?.state, undefined);
        assert.equal(status(vmi, "red"), undefined);
    });

    it("F23 an absent NIC leaves the spec of a stopped VM", async () => {
        await machines.create("f23", [podNic, red], { runStrategy: "Halted" });
        await machines.untilVm("f23", "to be stopped", (vm) => vm.status?.printableStatus === "Stopped");
        await machines.setState("f23", "red", "absent");
        const vm = await machines.untilVm("f23", "to lose red", (vm) => !names(vm.spec.template.spec).includes("red"));
        assert.deepEqual(names(vm.spec.template.spec), ["default", "default"]);
    });

    it("F27 when the VMI cannot be patched, the VM says so and keeps its spec", async () => {
        await machines.run("f27", [podNic]);
        const policies = new DenyInstances(namespace.name, "refused", namespace.clients.objects);
        try {
            await policies.install(async (manifest) => {
                await namespace.clients.custom.createNamespacedCustomObject({
                    group: "kubevirt.io",
                    version: "v1",
                    namespace: namespace.name,
                    plural: "virtualmachineinstances",
                    body: manifest,
                    dryRun: "All",
                });
            });
            await machines.plug("f27", { ...red, name: "refused" });
            const vm = await machines.untilVm(
                "f27",
                "to report the failure",
                (vm) => condition(vm, "Failure") !== undefined,
            );
            assert.equal(condition(vm, "Failure")?.reason, "HotPlugNetworkInterfaceError");
            assert.ok(names(vm.spec.template.spec).includes("refused"));
            assert.deepEqual(names((await machines.vmi("f27")).spec), ["default", "default"]);
        } finally {
            await policies.remove();
        }
        await machines.attached("f27", "refused");
    });

    it("F28 a status entry whose name is not in the spec changes nothing", async () => {
        await machines.run("f28", [podNic, red]);
        await reportStrangeNic(namespace.name, "f28");
        await machines.setState("f28", "red", "down");
        await machines.untilVmi("f28", "to have red down", (vmi) => status(vmi, "red")?.linkState === "down");
        const vm = await machines.observed("f28");
        assert.deepEqual(names(vm.spec.template.spec), ["default", "red", "default", "red"]);
        assert.deepEqual(names((await machines.vmi("f28")).spec), ["default", "red", "default", "red"]);
        assert.equal(condition(vm, "RestartRequired"), undefined);
    });

    it("keeps the VMI, its start and its pod over plug and unplug", async () => {
        await machines.run("same", [podNic]);
        const before = await machines.vmi("same");
        await machines.plug("same", red, blue);
        await machines.attached("same", "red");
        await machines.attached("same", "blue");
        await machines.setState("same", "red", "absent");
        await machines.gone("same", "red");
        const after = await machines.vmi("same");
        assert.equal(after.metadata?.uid, before.metadata?.uid);
        assert.deepEqual(after.status?.phaseTransitionTimestamps, before.status?.phaseTransitionTimestamps);
        const running = after.status?.phaseTransitionTimestamps?.filter(({ phase }) => phase === "Running");
        assert.equal(running?.length, 1);
    });

    it("attaches a name again after it is gone", async () => {
        await machines.run("again", [podNic, green]);
        await machines.setState("again", "green", "absent");
        await machines.gone("again", "green");
        await machines.plug("again", { ...green, macAddress: "02:00:00:00:00:0d" });
        const vmi = await machines.attached("again", "green");
        assert.equal(status(vmi, "green")?.mac, "02:00:00:00:00:0d");
        assert.equal(condition(await machines.observed("again"), "RestartRequired"), undefined);
    });
});
