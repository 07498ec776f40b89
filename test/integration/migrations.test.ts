import assert from "node:assert/strict";
import { Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import type { Condition } from "../../core/kubevirt-objects";
import { listedNics } from "../support/cluster-view";
import { useRecording, useStack, type StackFixture } from "../support/use-stack";
import type { VmRecording } from "../support/vm-recording";

const eth0: NetworkInterfaceArgs = { name: "eth0", type: "bridge" };
const eth1: NetworkInterfaceArgs = { name: "eth1", type: "bridge" };

/** A VM with these NICs, whose migration the update asks for where it takes one. */
const program = (namespace: string, nics: NetworkInterfaceArgs[]) => async () => {
    const network = new Network("lan", { type: "bridge", namespace });
    new VirtualMachine("web", {
        namespace,
        cpu: 1,
        memory: "1Gi",
        guestConfig: "none",
        // The controller is there, as far as a preview can see, and does not serve this VM.
        annotations: { "embedded.vm.novasphere.dev/dynamic-networks-controller": "off" },
        onMigrationRequired: "request",
        networks: nics.map((nic) => ({ ...nic, network })),
    });
    return Promise.resolve();
};

describe("a change that takes a live migration, which the update asks for", () => {
    const attaching = useStack("migrations");
    const detaching = useStack("migrations-detach");
    const recordings = [useRecording(attaching), useRecording(detaching)];
    let attached: Promise<unknown>;
    let detached: Promise<unknown>;

    before("begin both changes: they wait for the same timer of KubeVirt's", async () => {
        await Promise.all([
            attaching.stack.up(program(attaching.namespace.name, [eth0])),
            detaching.stack.up(program(detaching.namespace.name, [eth0, eth1])),
        ]);
        attached = attaching.stack.up(program(attaching.namespace.name, [eth0, eth1]));
        detached = detaching.stack.up(program(detaching.namespace.name, [eth0]));
        // A failure belongs to the test that awaits it.
        attached.catch(() => undefined);
        detached.catch(() => undefined);
    });

    async function assertMigratedOnce({ view }: StackFixture, recording: VmRecording): Promise<void> {
        const migrations = await view.migrations("web-vm");
        // KubeVirt's own updater of workloads may add one, where it has not yet seen that ours is done.
        const asked = migrations.filter((name) => name.startsWith("web-vm-network-"));
        assert.equal(asked.length, 1, `asked for once: ${migrations.join(", ")}`);
        const versions = await recording.vmiVersions("web-vm");
        assert.equal(new Set(versions.map(({ metadata }) => metadata?.uid)).size, 1, "it was not restarted");
        const required = versions.flatMap(({ status }) =>
            ((status as { conditions?: Condition[] } | undefined)?.conditions ?? [])
                .filter(({ type }) => type === "MigrationRequired")
                .map((each) => `${each.status} ${each.reason ?? ""}`),
        );
        assert.deepEqual([...new Set(required)], ["False AutoMigrationPending", "True AutoMigrationDueToLiveUpdate"]);
    }

    it("[F3 F26] attaches a NIC where no controller does", async () => {
        await attached;
        assert.deepEqual(Object.keys(await attaching.view.plugged("web-vm")).sort(), ["eth0", "eth1"]);
        await assertMigratedOnce(attaching, recordings[0]!());
    });

    it("[F10] detaches a NIC where no controller does", async () => {
        await detached;
        assert.deepEqual(Object.keys(await detaching.view.plugged("web-vm")), ["eth0"]);
        assert.deepEqual(Object.keys(listedNics(await detaching.view.vm("web-vm"))), ["eth0"]);
        await assertMigratedOnce(detaching, recordings[1]!());
    });
});
