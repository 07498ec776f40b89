import * as assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { before, describe, it } from "mocha";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { Machines } from "./virtual-machines";
import { condition, has, modePrefix, names, type Nic, podNic, status } from "./vm-objects";

const nic = (number: number): Nic => ({ name: `nic${number}`, nad: "red", macAddress: `02:00:00:00:01:0${number}` });

describe("modes of the node side", function () {
    this.timeout(60_000);
    const namespace = useNamespace("modes");
    const machines = new Machines(namespace);

    before(async () => {
        await machines.network("red");
    });

    async function events(name: string, kind: string): Promise<string[]> {
        const list = await namespace.clients.core.listNamespacedEvent({ namespace: namespace.name });
        return list.items
            .filter(({ involvedObject }) => involvedObject.kind === kind && (involvedObject.name ?? "").includes(name))
            .map(({ reason, message }) => `${reason}: ${message}`);
    }

    async function event(name: string, kind: string, text: RegExp): Promise<void> {
        await until(`an event ${text} on ${kind} ${name}`, async () => {
            const found = await events(name, kind);
            return found.some((each) => text.test(each)) ? done(true) : seen(found);
        });
    }

    async function setMode(name: string, mode: string, value: string): Promise<void> {
        await namespace.clients.custom.patchNamespacedCustomObject(
            {
                group: "kubevirt.io",
                version: "v1",
                namespace: namespace.name,
                plural: "virtualmachineinstances",
                name,
                body: { metadata: { annotations: { [modePrefix + mode]: value } } },
            },
            k8s.setHeaderOptions("Content-Type", "application/merge-patch+json"),
        );
    }

    it("dynamic-networks-controller=on attaches with an event on the pod", async () => {
        await machines.run("on", [podNic], { modes: { "dynamic-networks-controller": "on" } });
        await machines.plug("on", nic(1));
        await machines.attached("on", "nic1");
        await event("on-", "Pod", /^AddedInterface: pod \[.*\]: added interface pod[0-9a-f]{11} to network: red/);
    });

    it("dynamic-networks-controller=broken fails with an event on the pod, until it is mended", async () => {
        await machines.run("broken", [podNic], { modes: { "dynamic-networks-controller": "broken" } });
        await machines.plug("broken", nic(1));
        await event(
            "broken",
            "Pod",
            /^FailedAddingInterface: pod \[.*\]: failed adding interface pod[0-9a-f]{11} to network: red/,
        );
        await machines.untilVmi(
            "broken",
            "to wait for the NIC",
            (vmi) => condition(vmi, "MigrationRequired")?.reason === "AutoMigrationPending",
        );
        assert.equal(status(await machines.vmi("broken"), "nic1"), undefined);
        await setMode("broken", "dynamic-networks-controller", "on");
        await machines.attached("broken", "nic1");
    });

    it("dynamic-networks-controller=off says nothing at all, until it is there", async () => {
        await machines.run("off", [podNic], { modes: { "dynamic-networks-controller": "off" } });
        await machines.plug("off", nic(1));
        await machines.untilVmi(
            "off",
            "to wait for the NIC",
            (vmi) => condition(vmi, "MigrationRequired")?.reason === "AutoMigrationPending",
        );
        assert.deepEqual(
            (await events("off", "Pod")).filter((each) => each.includes("Interface")),
            [],
        );
        await setMode("off", "dynamic-networks-controller", "on");
        await machines.attached("off", "nic1");
    });

    it("guest-agent=off leaves only what the domain and Multus know", async () => {
        await machines.run("agentless", [podNic, nic(1)], { modes: { "guest-agent": "off" } });
        const vmi = await machines.untilVmi("agentless", "to report both NICs", (vmi) =>
            has(status(vmi, "nic1"), "multus-status"),
        );
        assert.equal(status(vmi, "default")?.infoSource, "domain");
        assert.equal(status(vmi, "nic1")?.infoSource, "domain, multus-status");
        assert.equal(status(vmi, "nic1")?.interfaceName, undefined);
        assert.equal(condition(vmi, "AgentConnected"), undefined);
        await setMode("agentless", "guest-agent", "on");
        await machines.untilVmi(
            "agentless",
            "to connect its agent",
            (vmi) => condition(vmi, "AgentConnected")?.status === "True" && has(status(vmi, "nic1"), "guest-agent"),
        );
    });

    it("live-migratable=false shows in the condition, with a reason; a pod network without masquerade does too", async () => {
        await machines.run("fixed", [podNic], { modes: { "live-migratable": "false" } });
        const fixed = condition(await machines.vmi("fixed"), "LiveMigratable");
        assert.deepEqual([fixed?.status, fixed?.reason], ["False", "DisksNotLiveMigratable"]);
        await machines.run("bridged", [{ ...podNic, binding: { bridge: {} } }]);
        const bridged = condition(await machines.vmi("bridged"), "LiveMigratable");
        assert.deepEqual([bridged?.status, bridged?.reason], ["False", "InterfaceNotLiveMigratable"]);
    });

    it("guest-ejects=false keeps the NIC in the domain while the pod has lost it, and nothing says so", async () => {
        await machines.run("keeps", [podNic, nic(1)], { modes: { "guest-ejects": "false" } });
        await machines.setState("keeps", "nic1", "absent");
        const vmi = await machines.untilVmi("keeps", "to have lost the pod's interface", (vmi) => {
            const left = status(vmi, "nic1");
            return has(left, "domain") && !has(left, "multus-status");
        });
        assert.deepEqual(names(vmi.spec), ["default", "nic1", "default", "nic1"]);
        assert.equal(condition(vmi, "Synchronized"), undefined);
        await setMode("keeps", "guest-ejects", "true");
        await machines.gone("keeps", "nic1");
    });

    it("hotplug-ports is the number of NICs that can be added; one more fails, and fits after one is gone", async () => {
        await machines.run("full", [podNic], { modes: { "hotplug-ports": "1" } });
        await machines.plug("full", nic(1));
        await machines.attached("full", "nic1");
        await machines.plug("full", nic(2));
        const vmi = await machines.untilVmi(
            "full",
            "to fail",
            (vmi) => condition(vmi, "Synchronized")?.status === "False",
        );
        assert.equal(condition(vmi, "Synchronized")?.reason, "Synchronizing with the Domain failed.");
        assert.match(condition(vmi, "Synchronized")?.message ?? "", /No more available PCI slots/);
        assert.equal(status(vmi, "nic2")?.infoSource, "multus-status");
        await event("full", "VirtualMachineInstance", /^SyncFailed: .*No more available PCI slots/);
        await machines.setState("full", "nic1", "absent");
        await machines.gone("full", "nic1");
        await machines.attached("full", "nic2");
        await machines.untilVmi("full", "to be in order again", (vmi) => condition(vmi, "Synchronized") === undefined);
    });

    // USB, SCSI and serial controller, balloon and the pod NIC take five ports: KubeVirt fills up to 8, or to 16 above 2 GiB.
    for (const { memory, ports } of [
        { memory: "128Mi", ports: 3 },
        { memory: "3Gi", ports: 11 },
    ]) {
        it(`a VM with ${memory} has ${ports} ports by KubeVirt's own count`, async () => {
            const name = `ports-${memory.toLowerCase()}`;
            await machines.run(name, [podNic], { memory });
            const nics = Array.from({ length: ports + 1 }, (_, index) => ({
                name: `nic${index}`,
                nad: "red",
                macAddress: `02:00:00:00:02:${index.toString(16).padStart(2, "0")}`,
            }));
            await machines.plug(name, ...nics);
            const vmi = await machines.untilVmi(
                name,
                "to run out of ports",
                (vmi) => condition(vmi, "Synchronized")?.status === "False",
            );
            assert.equal(nics.filter((each) => has(status(vmi, each.name), "domain")).length, ports);
        });
    }

    it("guest-addresses are what the agent reports", async () => {
        await machines.run("addressed", [podNic, nic(1)], {
            modes: { "guest-addresses": '{"nic1": ["192.0.2.10", "2001:db8::10"]}' },
        });
        const reported = status(await machines.vmi("addressed"), "nic1");
        assert.equal(reported?.ipAddress, "192.0.2.10");
        assert.deepEqual(reported.ipAddresses, ["192.0.2.10", "2001:db8::10"]);
    });

    it("guest-interfaces are what root in the guest changed and made, by MAC of no NIC", async () => {
        await machines.run("rooted", [podNic, nic(1)]);
        const { interfaceName = "" } = status(await machines.vmi("rooted"), "nic1") ?? {};
        const changed = { [interfaceName]: "be:af:00:00:de:ad", dummy0: "be:af:00:00:be:ef" };
        await setMode("rooted", "guest-interfaces", JSON.stringify(changed));
        const vmi = await machines.untilVmi(
            "rooted",
            "to have nic1 in its domain alone",
            (vmi) =>
                ["domain", "multus-status"].every((source) => has(status(vmi, "nic1"), source)) &&
                !has(status(vmi, "nic1"), "guest-agent"),
        );
        // As in KubeVirt's tests/network/vmi_infosource.go: what has no NIC's MAC address has no name.
        const strange = vmi.status?.interfaces?.filter(({ name }) => name === undefined);
        assert.deepEqual(
            strange?.map(({ mac, interfaceName, infoSource }) => [mac, interfaceName, infoSource]).sort(),
            [
                ["be:af:00:00:be:ef", "dummy0", "guest-agent"],
                ["be:af:00:00:de:ad", interfaceName, "guest-agent"],
            ],
        );
    });

    it("without them the agent reports what cloud-init configured at boot, by MAC, and nothing for a NIC plugged later", async () => {
        const networkdata = [
            "version: 2",
            "ethernets:",
            "  first:",
            "    match:",
            '      macaddress: "02:00:00:00:01:01"',
            "    set-name: lan0",
            "    addresses: [192.0.2.21/24]",
            "  second:",
            "    match:",
            '      macaddress: "02:00:00:00:01:02"',
            "    addresses: [192.0.2.22/24]",
        ].join("\n");
        await namespace.clients.core.createNamespacedSecret({
            namespace: namespace.name,
            body: { metadata: { name: "network" }, stringData: { networkdata } },
        });
        const volumes = [
            {
                name: "cloudinit",
                cloudInitNoCloud: { userData: "#cloud-config\n", networkDataSecretRef: { name: "network" } },
            },
        ];
        await machines.run("configured", [podNic, nic(1)], { volumes });
        const booted = status(await machines.vmi("configured"), "nic1");
        assert.deepEqual([booted?.interfaceName, booted?.ipAddress], ["lan0", "192.0.2.21"]);
        await machines.plug("configured", nic(3));
        const vmi = await machines.untilVmi("configured", "to have nic3 in its guest", (vmi) =>
            has(status(vmi, "nic3"), "guest-agent"),
        );
        assert.equal(status(vmi, "nic3")?.ipAddress, undefined);
    });

    for (const [mode, value] of [
        ["dynamic-networks-controller", "sometimes"],
        ["guest-agent", "yes"],
        ["live-migratable", "no"],
        ["guest-ejects", "never"],
        ["hotplug-ports", "-1"],
        ["guest-addresses", '{"nic1": ["192.0.2.300"]}'],
        ["guest-interfaces", '{"dummy0": "02:00"}'],
        ["quest-agent", "on"],
    ] as const) {
        it(`${mode}=${value} is refused with an event, and the VM does not start`, async () => {
            const name = `bogus-${mode}`;
            await machines.create(name, [podNic], { modes: { [mode]: value } });
            await event(
                name,
                "VirtualMachineInstance",
                new RegExp(`^SyncFailed: the annotation ${modePrefix}${mode}: .* is refused: `),
            );
            // The event comes first, then the condition.
            const vmi = await machines.untilVmi(
                name,
                "to be said not to be synchronized",
                (each) => condition(each, "Synchronized")?.status === "False",
            );
            assert.equal(vmi.status?.phase, "Scheduled");
        });
    }
});
