import * as assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { expected } from "./kubevirt-releases";
import { Machines } from "./virtual-machines";
import { condition, has, type Nic, podNic, status } from "./vm-objects";

const red: Nic = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };

/** KubeVirt looks for VMs to migrate each 30 s. */
const automaticMigrationMs = 90_000;

interface NetworkStatus {
    readonly name: string;
    readonly default?: boolean;
}

describe("another NetworkAttachmentDefinition for a NIC", function () {
    this.timeout(automaticMigrationMs + 30_000);
    const namespace = useNamespace("nad");
    const machines = new Machines(namespace);

    before(async () => {
        await machines.network("red");
        await machines.network("blue");
    });

    async function change(name: string): Promise<void> {
        await machines.edit(name, (interfaces, networks) => ({
            interfaces,
            networks: networks.map((network) =>
                network.name === "red" ? { name: "red", multus: { networkName: "blue" } } : network,
            ),
        }));
    }

    async function untilRestartRequired(name: string): Promise<void> {
        const vm = await machines.untilVm(
            name,
            "to require a restart",
            (vm) => condition(vm, "RestartRequired")?.status === "True",
        );
        assert.equal(
            condition(vm, "RestartRequired")?.message,
            "a non-live-updatable field was changed in the template spec",
        );
        assert.deepEqual(await secondaryNetworks(name), [`${namespace.name}/red`]);
    }

    /** The networks that Multus says the VM's running pod has, besides the cluster's own. */
    async function secondaryNetworks(name: string): Promise<string[]> {
        const { items } = await namespace.clients.core.listNamespacedPod({
            namespace: namespace.name,
            labelSelector: `kubevirt.io/vm=${name}`,
        });
        const node = (await machines.vmi(name)).status?.nodeName;
        const pod = items.find(({ spec, status }) => spec?.nodeName === node && status?.phase === "Running");
        const text = pod?.metadata?.annotations?.["k8s.v1.cni.cncf.io/network-status"] ?? "[]";
        return (JSON.parse(text) as NetworkStatus[])
            .filter((network) => network.default !== true)
            .map(({ name }) => name);
    }

    it(`F15 asks for ${expected.changedNad === "MigrationRequired" ? "a live migration, which brings it" : "a restart"}`, async () => {
        await machines.run("f15", [podNic, red]);
        const before = await machines.vmi("f15");
        await change("f15");
        if (expected.changedNad === "RestartRequired") {
            await untilRestartRequired("f15");
            return;
        }
        await machines.migrated("f15", automaticMigrationMs);
        await until("the new pod to have the other network", async () => {
            const found = await secondaryNetworks("f15");
            return found.includes(`${namespace.name}/blue`) && found.length === 1 ? done(true) : seen(found);
        });
        const after = await machines.untilVmi(
            "f15",
            "to be content",
            (vmi) =>
                has(status(vmi, "red"), "domain") &&
                has(status(vmi, "red"), "multus-status") &&
                condition(vmi, "MigrationRequired") === undefined,
        );
        assert.equal(after.metadata?.uid, before.metadata?.uid);
        assert.notEqual(after.status?.nodeName, before.status?.nodeName);
        assert.equal(status(after, "red")?.mac, red.macAddress);
        const [migration, ...others] = await machines.migrations("f15");
        assert.match(migration?.name ?? "", /^kubevirt-workload-update-/);
        assert.deepEqual(others, []);
        assert.equal(condition(await machines.observed("f15"), "RestartRequired"), undefined);
    });

    it(`F16 asks for ${expected.changedNadOfImmobile === "MigrationRequired" ? "a migration that never comes" : "a restart"} where the VM cannot migrate`, async () => {
        await machines.run("f16", [podNic, red], { modes: { "live-migratable": "false" } });
        await change("f16");
        if (expected.changedNadOfImmobile === "RestartRequired") {
            await untilRestartRequired("f16");
            return;
        }
        const vmi = await machines.untilVmi(
            "f16",
            "to require a migration",
            (vmi) => condition(vmi, "MigrationRequired")?.status === "True",
        );
        assert.equal(condition(vmi, "LiveMigratable")?.status, "False");
        assert.deepEqual(await secondaryNetworks("f16"), [`${namespace.name}/red`]);
        assert.deepEqual(await machines.migrations("f16"), []);
        assert.equal(condition(await machines.observed("f16"), "RestartRequired"), undefined);
    });
});
