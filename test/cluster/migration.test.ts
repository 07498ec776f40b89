import * as assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { before, describe, it } from "mocha";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { Machines } from "./virtual-machines";
import { type Condition, condition, has, type Instance, interfaceSpec, podNic, status } from "./vm-objects";

const red = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };
const withoutController = { modes: { "dynamic-networks-controller": "off" } };

/** KubeVirt waits 15 s for an attachment in place, looks again each 10 s, and then starts the migration within 30 s. */
const automaticMigrationMs = 90_000;

describe("migrations for the sake of NICs", function () {
    this.timeout(automaticMigrationMs + 30_000);
    const namespace = useNamespace("migration");
    const machines = new Machines(namespace);
    let plugged: Promise<Instance>;
    let unplugged: Promise<Instance>;

    before(async () => {
        await machines.network("red");
        await machines.network("vf", "sriov");
        // Both wait for the same timer of KubeVirt's, so they wait together.
        plugged = plugWithoutController();
        unplugged = unplugWithoutController();
        // A failure belongs to the test that awaits it, not to whatever test runs at that moment.
        plugged.catch(() => undefined);
        unplugged.catch(() => undefined);
    });

    const pending: Condition[] = [];
    const required: Condition[] = [];

    async function plugWithoutController(): Promise<Instance> {
        await machines.run("f3", [podNic], withoutController);
        await machines.plug("f3", red);
        pending.push(await untilRequired("f3", "False"));
        required.push(await untilRequired("f3", "True"));
        await machines.migrated("f3", automaticMigrationMs);
        return await machines.untilVmi(
            "f3",
            "to have red in pod and domain",
            (vmi) => has(status(vmi, "red"), "domain") && has(status(vmi, "red"), "multus-status"),
        );
    }

    async function unplugWithoutController(): Promise<Instance> {
        await machines.run("f10", [podNic, red], withoutController);
        await machines.setState("f10", "red", "absent");
        await untilRequired("f10", "True");
        await machines.migrated("f10", automaticMigrationMs);
        await machines.gone("f10", "red");
        return await machines.vmi("f10");
    }

    async function untilRequired(name: string, wanted: string): Promise<Condition> {
        const vmi = await machines.untilVmi(
            name,
            `to have MigrationRequired=${wanted}`,
            (vmi) => condition(vmi, "MigrationRequired")?.status === wanted,
            automaticMigrationMs,
        );
        return condition(vmi, "MigrationRequired") as Condition;
    }

    it("F3 without a dynamic-networks controller a NIC is attached by migration", async () => {
        const vmi = await plugged;
        assert.equal(status(vmi, "red")?.mac, red.macAddress);
        assert.equal(condition(vmi, "MigrationRequired"), undefined);
        const [migration, ...others] = await machines.migrations("f3");
        assert.match(migration?.name ?? "", /^kubevirt-workload-update-/);
        assert.deepEqual(others, []);
    });

    it("F26 the migration is pending for at least 15 s before it is required", async () => {
        await plugged;
        assert.equal(pending[0]?.reason, "AutoMigrationPending");
        assert.equal(required[0]?.reason, "AutoMigrationDueToLiveUpdate");
        const [from, to] = [pending[0].lastTransitionTime ?? "", required[0].lastTransitionTime ?? ""];
        assert.ok(Date.parse(to) - Date.parse(from) >= 15_000, `${from} .. ${to}`);
    });

    it("F10 without a dynamic-networks controller a NIC is detached by migration", async () => {
        const vmi = await unplugged;
        assert.equal(condition(vmi, "MigrationRequired"), undefined);
        assert.equal(vmi.status?.migrationState?.completed, true);
    });

    it("F5 a hot-plugged NIC survives a migration", async () => {
        await machines.run("f5", [podNic]);
        await machines.plug("f5", red);
        const before = await machines.attached("f5", "red");
        await machines.migrate("f5");
        await machines.migrated("f5");
        const after = await machines.untilVmi(
            "f5",
            "to report from its new pod",
            (vmi) =>
                has(status(vmi, "red"), "multus-status") &&
                status(vmi, "default")?.ipAddress !== status(before, "default")?.ipAddress,
        );
        assert.notEqual(after.status?.nodeName, before.status?.nodeName);
        assert.deepEqual(status(after, "red"), status(before, "red"));
        assert.equal(status(after, "default")?.mac, podNic.macAddress);
        assert.deepEqual(after.status?.phaseTransitionTimestamps, before.status?.phaseTransitionTimestamps);
        const pods = await namespace.clients.core.listNamespacedPod({
            namespace: namespace.name,
            labelSelector: "kubevirt.io/vm=f5",
        });
        assert.deepEqual(pods.items.map((pod) => pod.status?.phase).sort(), ["Running", "Succeeded"]);
    });

    it("F11 an SR-IOV NIC requires its migration at once", async () => {
        await machines.run("f11", [podNic]);
        const { metadata } = await machines.vmi("f11");
        const seenConditions: string[] = [];
        const watch = await new k8s.Watch(namespace.clients.config).watch(
            `/apis/kubevirt.io/v1/namespaces/${namespace.name}/virtualmachineinstances`,
            { fieldSelector: "metadata.name=f11", resourceVersion: metadata?.resourceVersion },
            (_, vmi: Instance) => {
                const required = condition(vmi, "MigrationRequired");
                seenConditions.push(...(required === undefined ? [] : [`${required.status} ${required.reason}`]));
            },
            () => undefined,
        );
        try {
            await machines.plug("f11", {
                name: "vf",
                nad: "vf",
                macAddress: "02:00:00:00:00:0f",
                binding: { sriov: {} },
            });
            await machines.migrated("f11", automaticMigrationMs);
        } finally {
            watch.abort();
        }
        assert.equal(seenConditions[0], "True AutoMigrationDueToLiveUpdate");
        const vmi = await machines.attached("f11", "vf");
        const { queueCount, linkState, mac } = status(vmi, "vf") ?? {};
        assert.deepEqual(
            { queueCount: queueCount ?? 0, linkState, mac },
            { queueCount: 0, linkState: undefined, mac: "02:00:00:00:00:0f" },
        );
        assert.equal(interfaceSpec((await machines.vm("f11")).spec.template.spec, "vf")?.macAddress, mac);
        assert.equal(condition(vmi, "MigrationRequired"), undefined);
    });

    it("is refused for a VM that cannot migrate, with the reason", async () => {
        await machines.run("stays", [podNic], { modes: { "live-migratable": "false" } });
        await assert.rejects(
            machines.migrate("stays"),
            /Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: cannot migrate VMI: /,
        );
    });

    it("stays required for ever where the VM cannot migrate and no controller attaches", async () => {
        await machines.run("stuck", [podNic], {
            modes: { "dynamic-networks-controller": "off", "live-migratable": "false" },
        });
        await machines.plug("stuck", { name: "vf", nad: "vf", binding: { sriov: {} } });
        await machines.untilVmi(
            "stuck",
            "to require a migration",
            (vmi) => condition(vmi, "MigrationRequired")?.status === "True",
        );
        assert.equal(condition(await machines.vmi("stuck"), "LiveMigratable")?.status, "False");
        assert.deepEqual(await machines.migrations("stuck"), []);
    });

    it("goes to the other node only: with that one cordoned the target waits", async () => {
        await machines.run("cordon", [podNic]);
        const node = (await machines.vmi("cordon")).status?.nodeName === "node-1" ? "node-2" : "node-1";
        await cordon(node, true);
        try {
            await machines.migrate("cordon");
            await until("the target pod to be unschedulable", async () => {
                const pods = await namespace.clients.core.listNamespacedPod({
                    namespace: namespace.name,
                    labelSelector: "kubevirt.io/vm=cordon",
                });
                const reasons = pods.items.flatMap((pod) => (pod.status?.conditions ?? []).map(({ reason }) => reason));
                return reasons.includes("Unschedulable") ? done(true) : seen(reasons);
            });
        } finally {
            await cordon(node, false);
        }
        await machines.migrated("cordon", automaticMigrationMs);
        assert.equal((await machines.vmi("cordon")).status?.nodeName, node);
    });

    async function cordon(name: string, unschedulable: boolean): Promise<void> {
        await namespace.clients.core.patchNode(
            { name, body: { spec: { unschedulable } } },
            k8s.setHeaderOptions("Content-Type", "application/merge-patch+json"),
        );
    }
});
