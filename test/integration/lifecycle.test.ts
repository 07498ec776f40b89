import assert from "node:assert/strict";
import { IPPool, Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { useNamespace } from "../support/embedded-cluster";
import { TestStack, type Run } from "../support/stack";

/** A VM with a pod NIC, a bridge NIC with an address of a pool, and further NICs. */
function program(namespace: string, further: NetworkInterfaceArgs[] = []) {
    return async () => {
        const lan = new Network("lan", { type: "bridge", namespace, bridge: "br0" });
        const pool = new IPPool(`pool-${namespace}`, { cidr: "10.20.0.0/24", gateway: "10.20.0.1" });
        const vm = new VirtualMachine("web", {
            namespace,
            cpu: 1,
            memory: "64Mi",
            networks: [
                { name: "eth0", type: "pod" },
                { name: "eth1", type: "bridge", network: lan, ipConfig: { mode: "static", ipPool: pool } },
                ...further.map((nic) => ({ ...nic, network: lan })),
            ],
        });
        return Promise.resolve({
            phases: Object.fromEntries(Object.entries(vm.interfaces).map(([name, nic]) => [name, nic.phase])),
            addresses: vm.interfaces.eth1?.addresses,
        });
    };
}

function nicStep(run: Run, name: string) {
    return run.steps.find((step) => step.type.endsWith("NetworkInterface") && step.name === name);
}

describe("the life of a VM's NICs, by pulumi up", () => {
    const namespace = useNamespace("lifecycle");
    let stack: TestStack;

    beforeEach(async () => {
        stack = await TestStack.create();
    });

    afterEach(async () => {
        await stack.dispose();
    });

    it("boots a VM with its NICs, attaches one to the running VM, and detaches it, without a restart", async () => {
        const eth2: NetworkInterfaceArgs = { name: "eth2", type: "bridge" };
        const planned = await stack.preview(program(namespace.name));
        const made = await stack.up(program(namespace.name));
        assert.deepEqual(made.outputs.phases, { eth0: "staged", eth1: "staged" });
        const plannedNic = nicStep(planned, "web-vm-eth1");
        assert.equal(plannedNic?.inputs.impact, "boot");
        assert.deepEqual(made.outputs.addresses, plannedNic.inputs.addresses);

        const attachPlan = await stack.preview(program(namespace.name, [eth2]));
        assert.equal(nicStep(attachPlan, "web-vm-eth2")?.inputs.impact, "live");
        assert.match(attachPlan.text, /VM .*web-vm: attach eth2: live/);
        const attached = await stack.up(program(namespace.name, [eth2]));
        assert.match(String((attached.outputs.phases as Record<string, string>).eth2), /^(attached|guest-visible)$/);

        const detachPlan = await stack.preview(program(namespace.name));
        assert.match(detachPlan.text, /VM .*web-vm: detach eth2: live/);
        await stack.up(program(namespace.name));
        const idle = await stack.up(program(namespace.name));
        assert.deepEqual(
            idle.steps.filter((step) => step.op !== "same"),
            [],
        );
    });
});
