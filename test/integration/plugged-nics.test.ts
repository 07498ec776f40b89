import assert from "node:assert/strict";
import { Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import type { Condition } from "../../core/kubevirt-objects";
import { modePrefix } from "../cluster/vm-objects";
import { listedNics, type ReportedNic } from "../support/cluster-view";
import { done, seen, until } from "../support/embedded-cluster";
import { reportStrangeNic } from "../support/strange-status";
import { useStack } from "../support/use-stack";

const VM = "web-vm";

describe("links and plugged NICs of a running VM, by `pulumi up`", () => {
    const suite = useStack("plugged");
    const { namespace } = suite;
    const mgmt: NetworkInterfaceArgs = { name: "mgmt", type: "pod", primary: true };
    const red: NetworkInterfaceArgs = { name: "red", type: "bridge" };
    const blue: NetworkInterfaceArgs = { name: "blue", type: "bridge" };
    const down = { linkState: "down" } as const;
    let life: object;

    const program = (nics: NetworkInterfaceArgs[]) => async () => {
        const network = new Network("lan", { type: "bridge", namespace: namespace.name });
        const networks = nics.map((nic) => ({ ...nic, ...(nic.type === "bridge" && { network }) }));
        const size = { cpu: 1, memory: "64Mi", guestConfig: "none" } as const;
        new VirtualMachine("web", { namespace: namespace.name, ...size, networks });
        return Promise.resolve();
    };

    async function links(): Promise<Record<string, string>> {
        const plugged = Object.entries(await suite.view.plugged(VM));
        return Object.fromEntries(plugged.map(([name, { link }]) => [name, link]));
    }

    /** Root in the guest changes the MAC address of `red`, and makes an interface: KubeVirt knows neither. */
    async function changeInGuest(): Promise<void> {
        const { interfaceName = "" } = await reportOf("red");
        const macs = JSON.stringify({ [interfaceName]: "be:af:00:00:de:ad", dummy0: "be:af:00:00:be:ef" });
        const path = `/metadata/annotations/${`${modePrefix}guest-interfaces`.replace("/", "~1")}`;
        await suite.view.patchVmi(VM, [{ op: "add", path, value: macs }]);
        await until("the guest agent to miss the NIC", async () => {
            const report = await reportOf("red");
            return report.infoSource?.includes("guest-agent") ? seen(report) : done(true);
        });
    }

    async function reportOf(nic: string): Promise<ReportedNic> {
        const { status } = await suite.view.vmi(VM);
        return status?.interfaces?.find(({ name }) => name === nic) ?? {};
    }

    async function assertRunsOn(): Promise<void> {
        const { status } = await suite.view.vm(VM);
        const conditions = (status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
        assert.deepEqual(
            conditions.filter(({ type }) => type === "RestartRequired"),
            [],
        );
        assert.deepEqual(await suite.view.life(VM), life);
    }

    it("[F12] have the links at boot that the program says", async () => {
        await suite.stack.up(program([mgmt, { ...red, ...down }]));
        assert.deepEqual(await links(), { mgmt: "up", red: "down" });
        life = await suite.view.life(VM);
    });

    it("[F24] may be listed in another order, which is no change", async () => {
        const { steps } = await suite.stack.preview(program([{ ...red, ...down }, mgmt]));
        assert.deepEqual(
            steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`),
            [],
        );
    });

    it("[F7 F13 F28] change links, the primary NIC's too, and one is plugged with its link down, beside a report of a NIC that is nowhere", async () => {
        await reportStrangeNic(namespace.name, VM);
        await suite.stack.up(program([{ ...mgmt, ...down }, { ...blue, ...down }, red]));
        assert.deepEqual(await links(), { mgmt: "down", red: "up", blue: "down" });
        assert.deepEqual(Object.keys(listedNics(await suite.view.vm(VM))).sort(), ["blue", "mgmt", "red"]);
        await assertRunsOn();
    });

    it("[F5 F14] keep NICs and links over a migration, after which nothing is to be done", async () => {
        const instances = { group: "kubevirt.io", version: "v1", namespace: namespace.name };
        const plural = "virtualmachineinstancemigrations";
        const body = {
            apiVersion: "kubevirt.io/v1",
            kind: "VirtualMachineInstanceMigration",
            metadata: { name: "by-hand" },
            spec: { vmiName: VM },
        };
        const { nodeName } = (await suite.view.vmi(VM)).status ?? {};
        await namespace.clients.custom.createNamespacedCustomObject({ ...instances, plural, body });
        await until("the VM to be on the other node, and all its NICs", async () => {
            const { status } = await suite.view.vmi(VM);
            const nics = (status?.interfaces ?? []).filter(({ infoSource }) => infoSource?.includes("domain"));
            return status?.nodeName !== nodeName && nics.length === 3 ? done(true) : seen(status);
        });
        assert.deepEqual(await links(), { mgmt: "down", red: "up", blue: "down" });
        const { steps } = await suite.stack.up(program([{ ...mgmt, ...down }, red, { ...blue, ...down }]));
        assert.deepEqual(
            steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`),
            [],
        );
    });

    it("[F17 F18] stay as they are, whatever the guest does, and where somebody adds one that is absent already", async () => {
        life = await suite.view.life(VM);
        const path = "/spec/template/spec";
        await suite.view.patchVm(VM, [
            { op: "add", path: `${path}/networks/-`, value: { name: "gone", multus: { networkName: "lan" } } },
            {
                op: "add",
                path: `${path}/domain/devices/interfaces/-`,
                value: { name: "gone", bridge: {}, state: "absent" },
            },
        ]);
        await until("KubeVirt to drop the NIC that is absent", async () => {
            const nics = Object.keys(listedNics(await suite.view.vm(VM))).sort();
            return nics.includes("gone") ? seen(nics) : done(true);
        });
        await changeInGuest();
        const before = await suite.view.written();
        await suite.stack.refresh();
        const { steps } = await suite.stack.up(program([{ ...mgmt, ...down }, red, { ...blue, ...down }]));
        assert.deepEqual(
            steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`),
            [],
        );
        assert.deepEqual(await suite.view.written(), before, "nothing is written");
        await assertRunsOn();
    });

    it("[F8 F9] are unplugged, the last secondary one too", async () => {
        await suite.stack.up(program([{ ...mgmt, ...down }]));
        assert.deepEqual(await links(), { mgmt: "down" });
        assert.deepEqual(Object.keys(listedNics(await suite.view.vm(VM))), ["mgmt"]);
        assert.deepEqual(Object.keys(listedNics(await suite.view.vmi(VM))), ["mgmt"]);
        await assertRunsOn();
    });
});
