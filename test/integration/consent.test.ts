import assert from "node:assert/strict";
import {
    Network,
    VirtualMachine,
    type NetworkInterfaceArgs,
    type PlannedChange,
    type VirtualMachineArgs,
} from "../../index";
import { listedNics } from "../support/cluster-view";
import { useRecording, useStack } from "../support/use-stack";

const eth0: NetworkInterfaceArgs = { name: "eth0", type: "bridge" };
const eth1: NetworkInterfaceArgs = { name: "eth1", type: "bridge", model: "e1000" };
const mgmt: NetworkInterfaceArgs = { name: "mgmt", type: "pod" };

const WITH_RESTART = { onRestartRequired: "restart" } as const;

type Consent = Pick<VirtualMachineArgs, "onMigrationRequired" | "onRestartRequired" | "annotations">;

describe("what the owner of a VM agrees to", () => {
    const suite = useStack("consent");
    const { namespace } = suite;
    const recording = useRecording(suite);

    /** A VM with these NICs, on the network "lan" where they are on any. */
    const program =
        (name: string, nics: NetworkInterfaceArgs[], consent: Consent = {}) =>
        async () => {
            const network = new Network("lan", { type: "bridge", namespace: namespace.name });
            const networks = nics.map((nic) => ({ ...nic, ...(nic.type === "bridge" && { network }) }));
            const vm = new VirtualMachine(name, {
                namespace: namespace.name,
                cpu: 1,
                memory: "1Gi",
                guestConfig: "none",
                networks,
                ...consent,
            });
            return Promise.resolve({ changes: vm.powerState.changes });
        };

    /** What an update did, as its plan has it, without the MAC addresses. */
    const done = (outputs: Record<string, unknown>): string[] =>
        (outputs["changes"] as PlannedChange[]).map(({ action, nic, impact }) =>
            [action, ...(nic === undefined ? [] : [nic]), impact].join(" "),
        );

    /** The uids of the instances that a VM had since the recording was begun or forgot. */
    const instances = async (vm: string): Promise<Set<string | undefined>> =>
        new Set((await recording().vmiVersions(vm)).map((vmi) => vmi.metadata?.uid));

    /** The NICs that the VM's instance is made of. */
    const nicsOf = async (vm: string): Promise<string[]> => Object.keys(listedNics(await suite.view.vmi(vm))).sort();

    describe("where a change takes a restart", () => {
        it("is refused at preview, with `refuse`", async () => {
            await suite.stack.up(program("db", [eth0]));
            const written = await suite.view.written();
            await assert.rejects(
                suite.stack.preview(program("db", [eth0, mgmt], { onRestartRequired: "refuse" })),
                /NIC "mgmt" of VM ".*\/db-vm": networks is refused: the change takes a restart of the VM, which onRestartRequired: "refuse" rules out: KubeVirt attaches NICs with bridge or SR-IOV/,
            );
            assert.deepEqual(await suite.view.written(), written);
        });

        it("[F19 F25] is reported, and the VM runs on as it was, by default", async () => {
            const { outputs } = await suite.stack.up(program("db", [eth0, mgmt]));
            assert.deepEqual(done(outputs), ["attach mgmt restart"]);
            assert.equal((await instances("db-vm")).size, 1);
            assert.deepEqual(await nicsOf("db-vm"), ["eth0"]);
        });

        it("is one restart, also for what was only reported before, with `restart`", async () => {
            const { outputs } = await suite.stack.up(program("db", [eth0, mgmt, eth1], WITH_RESTART));
            assert.deepEqual(done(outputs), ["attach eth1 restart", "restart restart"]);
            assert.deepEqual(await nicsOf("db-vm"), ["eth0", "eth1", "mgmt"]);
            assert.equal((await instances("db-vm")).size, 2);
        });

        it("is one restart for a NIC that KubeVirt does not unplug, with `restart`", async () => {
            const { outputs } = await suite.stack.up(program("db", [eth0], WITH_RESTART));
            assert.deepEqual(done(outputs), ["detach eth1 live", "detach mgmt restart", "restart restart"]);
            assert.deepEqual(await nicsOf("db-vm"), ["eth0"]);
            assert.equal((await instances("db-vm")).size, 3);
        });
    });
});
