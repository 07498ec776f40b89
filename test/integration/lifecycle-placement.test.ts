import assert from "node:assert/strict";
import { IPPool, Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { ClusterView, listedNics } from "../support/cluster-view";
import { useNamespace } from "../support/embedded-cluster";
import { useStack } from "../support/use-stack";
import { VmRecording } from "../support/vm-recording";

describe("the NICs of a VM that is off, and of one that moves", () => {
    const suite = useStack("placement");
    const { namespace } = suite;
    const elsewhere = useNamespace("placement-to");
    let viewElsewhere: ClusterView;

    before("look into the other namespace", () => {
        viewElsewhere = new ClusterView(elsewhere.clients, elsewhere.name);
    });

    /** A VM that is off, with these NICs, and one that runs, of this name in this namespace. */
    function program(offNics: string[], runs: { name: string; namespace: string }) {
        return async () => {
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name, bridge: "br0" });
            const pool = new IPPool(`pool-${namespace.name}`, { cidr: "10.21.0.0/24" });
            const nic = (name: string): NetworkInterfaceArgs => ({ name, type: "bridge", network: lan });
            new VirtualMachine("off", {
                namespace: namespace.name,
                cpu: 1,
                memory: "64Mi",
                runStrategy: "Halted",
                networks: offNics.map(nic),
            });
            new VirtualMachine(runs.name, {
                namespace: runs.namespace,
                cpu: 1,
                memory: "64Mi",
                networks: [nic("eth0"), { ...nic("eth1"), ipConfig: { mode: "static", ipPool: pool } }],
            });
            return Promise.resolve();
        };
    }

    /** Whoever has an address. */
    async function owners(): Promise<string[]> {
        return (await suite.view.reservations()).map(({ spec }) => spec.owner.key);
    }

    it("are edited in the VM's template while it is off, and go without a trace", async () => {
        const here = { name: "web", namespace: namespace.name };
        await suite.stack.up(program(["eth0", "eth1", "eth2"], here));
        assert.deepEqual(Object.keys(listedNics(await suite.view.vm("off-vm"))).sort(), ["eth0", "eth1", "eth2"]);
        const recording = await VmRecording.start(suite.view);
        await suite.stack.up(program(["eth0", "eth3"], here));
        const versions = (await recording.vmVersions("off-vm")).flatMap((vm) => Object.values(listedNics(vm)));
        recording.stop();
        assert.ok(
            versions.every(({ state }) => state === ""),
            "there is nothing to unplug, so none is marked absent",
        );
        const off = await suite.view.vm("off-vm");
        assert.deepEqual(Object.keys(listedNics(off)).sort(), ["eth0", "eth3"]);
        assert.equal(off.spec.runStrategy, "Halted");
        assert.equal(await suite.view.findVmi("off-vm"), undefined, "it was not started");
    });

    it("go along where the VM is replaced by one in another namespace", async () => {
        const old = await suite.view.vm("web-vm");
        const moving = program(["eth0"], { name: "web", namespace: elsewhere.name });
        const { steps } = await suite.stack.preview(moving);
        await suite.stack.up(moving);
        assert.equal(await suite.view.findVm("web-vm"), undefined);
        assert.equal(await suite.view.findVmi("web-vm"), undefined);
        const moved = await viewElsewhere.vm("web-vm");
        assert.notEqual(moved.metadata?.uid, old.metadata?.uid);
        assert.deepEqual(Object.keys(await viewElsewhere.plugged("web-vm")).sort(), ["eth0", "eth1"]);
        const networks = Object.values(listedNics(moved)).map(({ network }) => network);
        assert.deepEqual(networks, [`${namespace.name}/lan`, `${namespace.name}/lan`]);
        assert.deepEqual(await owners(), [`${elsewhere.name}/web-vm/eth1`]);
        const planned = steps.find(({ name, op }) => name === "web-vm-eth1-address" && op.includes("replace"));
        const held = (await suite.view.reservations()).map(({ spec }) => spec.address);
        assert.deepEqual(held, [planned?.inputs.address], "it has the address that the preview showed");
    });

    it("go along where the VM is replaced by one of another name", async () => {
        await suite.stack.up(program(["eth0"], { name: "shop", namespace: elsewhere.name }));
        assert.equal(await viewElsewhere.findVm("web-vm"), undefined);
        assert.deepEqual(Object.keys(await viewElsewhere.plugged("shop-vm")).sort(), ["eth0", "eth1"]);
        assert.deepEqual(await owners(), [`${elsewhere.name}/shop-vm/eth1`]);
        await suite.stack.destroy();
        assert.deepEqual(Object.keys(await suite.view.everything()), []);
        assert.deepEqual(Object.keys(await viewElsewhere.everything()), []);
    });
});
