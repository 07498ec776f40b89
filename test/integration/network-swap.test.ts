import assert from "node:assert/strict";
import { Network, type PlannedChange, VirtualMachine, type VirtualMachineArgs } from "../../index";
import { listedNics } from "../support/cluster-view";
import { kubeVirtRelease } from "../support/embedded-cluster";
import { useRecording, useStack } from "../support/use-stack";

/** KubeVirt moves a plugged NIC from 1.8 on. */
const MOVES = kubeVirtRelease === "1.9";

describe("another network for the NIC of a running VM", function () {
    this.timeout(180_000);
    const suite = useStack("network-swap");
    const { namespace } = suite;
    const recording = useRecording(suite);

    /** A VM with a NIC on one of the networks "red" and "blue". */
    const program =
        (name: string, on: "red" | "blue", more: Partial<VirtualMachineArgs> = {}) =>
        () => {
            const [red, blue] = ["red", "blue"].map(
                (name) => new Network(name, { type: "bridge", namespace: namespace.name, bridge: `br-${name}` }),
            );
            const vm = new VirtualMachine(name, {
                namespace: namespace.name,
                cpu: 1,
                memory: "1Gi",
                guestConfig: "none",
                onMigrationRequired: "request",
                networks: [
                    { name: "mgmt", type: "pod" },
                    { name: "eth1", type: "bridge", network: (on === "red" ? red : blue)! },
                ],
                ...more,
            });
            return Promise.resolve({ changes: vm.powerState.changes });
        };

    /** The networks that the pod in which the VM runs is on, besides the cluster's own. */
    async function podNetworks(vm: string): Promise<string[]> {
        return suite.view.podNetworks(vm, (await suite.view.vmi(vm)).status?.nodeName);
    }

    /** Whether KubeVirt was asked to unplug the NIC at any time since the last call. */
    async function wasUnplugged(vm: string): Promise<boolean> {
        const versions = await recording().vmVersions(vm);
        await recording().forget(vm);
        return versions.some((version) => Object.values(listedNics(version)).some(({ state }) => state === "absent"));
    }

    /** Makes the change, and says what it cost by its plan. */
    async function moved(name: string, to: "red" | "blue", more?: Partial<VirtualMachineArgs>): Promise<string[]> {
        const vm = `${name}-vm`;
        const { uid } = (await suite.view.vmi(vm)).metadata ?? {};
        const before = (await suite.view.plugged(vm))["eth1"];
        await wasUnplugged(vm);
        const { text } = await suite.stack.preview(program(name, to, more));
        const { outputs } = await suite.stack.up(program(name, to, more));
        const changes = outputs["changes"] as PlannedChange[];
        for (const { impact } of changes) {
            assert.match(
                text,
                new RegExp(`change eth1 \\(${namespace.name}/${to}, .*\\): ${impact}, `),
                "as previewed",
            );
        }
        assert.deepEqual(await podNetworks(vm), [`${namespace.name}/${to}`]);
        assert.deepEqual((await suite.view.plugged(vm))["eth1"], before);
        assert.equal((await suite.view.vmi(vm)).metadata?.uid, uid, "it was not restarted");
        return changes.map(({ action, nic = "", impact }) => `${action} ${nic} ${impact}`);
    }

    it(`[F15] is ${MOVES ? "a migration, over which the guest keeps the NIC" : "an unplug and a plug"}`, async () => {
        await suite.stack.up(program("web", "red"));
        assert.deepEqual(await moved("web", "blue"), [`change eth1 ${MOVES ? "live-migration" : "live"}`]);
        assert.equal(await wasUnplugged("web-vm"), !MOVES);
        assert.equal((await suite.view.migrations("web-vm")).length, MOVES ? 1 : 0);
    });

    it("comes to nothing the second time", async () => {
        const { steps } = await suite.stack.preview(program("web", "blue"));
        assert.deepEqual(
            steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`),
            [],
        );
    });

    it("is an unplug and a plug where the VM's owner refuses migrations", async () => {
        assert.deepEqual(await moved("web", "red", { onMigrationRequired: "refuse" }), ["change eth1 live"]);
        assert.equal(await wasUnplugged("web-vm"), true);
    });

    // KubeVirt 1.9.0 would wait for a migration that never comes (kubevirt #18194).
    it("[F16] is an unplug and a plug where the VM cannot migrate", async () => {
        const fixed = { annotations: { "embedded.vm.novasphere.dev/live-migratable": "false" } };
        await suite.stack.up(program("fixed", "red", fixed));
        assert.deepEqual(await moved("fixed", "blue", fixed), ["change eth1 live"]);
        assert.equal(await wasUnplugged("fixed-vm"), true);
        assert.deepEqual(await suite.view.migrations("fixed-vm"), []);
    });

    if (MOVES) {
        it("ends in a deadline that says what was seen, and the next update goes on from there", async () => {
            const impatient = { onMigrationRequired: "wait", timeoutSeconds: 2 } as const;
            await suite.stack.up(program("late", "red"));
            await assert.rejects(
                suite.stack.up(program("late", "blue", impatient)),
                new RegExp(
                    `Waited 2 s for NIC "eth1" of VM "${namespace.name}/late-vm" to be on ${namespace.name}/blue\\. ` +
                        `Last seen: [a-z-]+: the pod's NIC is still on ${namespace.name}/red`,
                ),
            );
            assert.deepEqual(await podNetworks("late-vm"), [`${namespace.name}/red`]);
            await suite.stack.up(program("late", "blue"));
            assert.deepEqual(await podNetworks("late-vm"), [`${namespace.name}/blue`]);
        });
    }
});
