import assert from "node:assert/strict";
import { IPPool, Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { listedNics } from "../support/cluster-view";
import { done, seen, until } from "../support/embedded-cluster";
import { useRecording, useStack } from "../support/use-stack";

const VM = "web-vm";

/** NICs on the network "lan", by name. */
function lanNics(...names: string[]): NetworkInterfaceArgs[] {
    return names.map((name) => ({ name, type: "bridge" }));
}

/** A VM with an exposed pod NIC, a NIC with an address of a pool, and further NICs, those of VLAN 2 on another network. */
function program(namespace: string, further: NetworkInterfaceArgs[] = []) {
    return async () => {
        const lan = new Network("lan", { type: "bridge", namespace, bridge: "br0" });
        const dmz = new Network("dmz", { type: "bridge", namespace, bridge: "br1" });
        const pool = new IPPool(`pool-${namespace}`, { cidr: "10.20.0.0/24", gateway: "10.20.0.1" });
        const vm = new VirtualMachine("web", {
            namespace,
            cpu: 1,
            memory: "4Gi",
            annotations: { "embedded.vm.novasphere.dev/hotplug-ports": "12" },
            networks: [
                { name: "eth0", type: "pod", serviceExposure: { enabled: true, ports: [{ port: 80 }] } },
                { name: "eth1", type: "bridge", network: lan, ipConfig: { mode: "static", ipPool: pool } },
                ...further.map(({ vlanId, ...nic }) => ({ ...nic, network: vlanId === 2 ? dmz : lan })),
            ],
        });
        return Promise.resolve({
            phases: Object.fromEntries(Object.entries(vm.interfaces).map(([name, nic]) => [name, nic.phase])),
        });
    };
}

describe("the NICs of a running VM, by one `pulumi up` after the other", () => {
    const suite = useStack("lifecycle");
    const { namespace } = suite;
    const recording = useRecording(suite);
    /** What a restart would change, once the VM runs. */
    let life: object;

    it("are in the template before the VM starts for the first time", async () => {
        await suite.stack.up(program(namespace.name));
        const versions = await recording().vmVersions(VM);
        const started = versions.find((vm) => vm.spec.runStrategy !== "Halted");
        assert.ok(started, "the VM was started");
        assert.deepEqual(Object.keys(listedNics(started)).sort(), ["eth0", "eth1"]);
        const [first] = await recording().vmiVersions(VM);
        assert.ok(first, "there was an instance");
        assert.deepEqual(Object.keys(listedNics(first)).sort(), ["eth0", "eth1"]);
        assert.deepEqual(Object.keys(await suite.view.plugged(VM)).sort(), ["eth0", "eth1"]);
        assert.equal((await recording().edits(VM)).length, 1, "boot NICs are written in one patch");
        life = await suite.view.life(VM);
    });

    it("stay as they are, and nothing is written, where the program is the same", async () => {
        const before = await suite.view.written();
        const run = await suite.stack.up(program(namespace.name));
        assert.deepEqual(await suite.view.written(), before);
        assert.deepEqual(
            run.steps.filter(({ op }) => op !== "same"),
            [],
        );
    });

    it("[F1 F2 F4] become ten when eight are attached at once, by at most two patches and without a restart", async () => {
        await recording().forget(VM);
        const names = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"];
        const { outputs } = await suite.stack.up(program(namespace.name, lanNics(...names)));
        const plugged = await suite.view.plugged(VM);
        assert.deepEqual(Object.keys(plugged).sort(), ["eth0", "eth1", ...names]);
        const vm = listedNics(await suite.view.vm(VM));
        for (const name of names) {
            assert.equal((outputs.phases as Record<string, string>)[name], "guest-visible");
            assert.deepEqual(plugged[name], { mac: vm[name]?.mac, link: "up" });
        }
        const edits = await recording().edits(VM);
        assert.ok(edits.length <= 2, `the VM was edited ${edits.length} times: ${JSON.stringify(edits)}`);
        assert.deepEqual(await suite.view.life(VM), life);
    });

    it("[F21] are exchanged, three for two, by at most two patches, and somebody else's NIC is left alone", async () => {
        await suite.view.patchVm(VM, [
            {
                op: "add",
                path: "/spec/template/spec/networks/-",
                value: { name: "other", multus: { networkName: `${namespace.name}/lan` } },
            },
            {
                op: "add",
                path: "/spec/template/spec/domain/devices/interfaces/-",
                value: { name: "other", bridge: {}, model: "virtio", macAddress: "02:aa:bb:cc:dd:01" },
            },
        ]);
        const others = await until("the other NIC to be attached", async () => {
            const { other, ...rest } = await suite.view.plugged(VM);
            return other ? done(other) : seen(rest);
        });
        await recording().forget(VM);
        await suite.stack.up(program(namespace.name, lanNics("n3", "n4", "n5", "n6", "n7", "n8", "m1", "m2", "m3")));
        const plugged = await suite.view.plugged(VM);
        const expected = ["eth0", "eth1", "m1", "m2", "m3", "n3", "n4", "n5", "n6", "n7", "n8", "other"];
        assert.deepEqual(Object.keys(plugged).sort(), expected);
        assert.deepEqual(
            Object.keys(listedNics(await suite.view.vm(VM))).sort(),
            expected,
            "no trace of what was removed",
        );
        assert.deepEqual(plugged.other, others);
        const edits = await recording().edits(VM);
        assert.ok(edits.length <= 2, `the VM was edited ${edits.length} times: ${JSON.stringify(edits)}`);
        assert.deepEqual(await suite.view.life(VM), life);
    });

    it("change link, MAC address and network without a restart", async () => {
        const before = await suite.view.plugged(VM);
        await suite.stack.up(
            program(namespace.name, [
                { name: "n3", type: "bridge", macAddress: "02:AA:BB:CC:DD:33" },
                { name: "n4", type: "bridge", vlanId: 2 },
                { name: "n5", type: "bridge", linkState: "down" },
            ]),
        );
        const after = await suite.view.plugged(VM);
        assert.equal(after.n3?.mac, "02:aa:bb:cc:dd:33");
        assert.equal(listedNics(await suite.view.vmi(VM)).n4?.network, `${namespace.name}/dmz`);
        assert.deepEqual(after.n4, before.n4, "another network is no reason for another MAC address");
        assert.deepEqual(after.n5, { ...before.n5, link: "down" });
        assert.deepEqual(Object.keys(after).sort(), ["eth0", "eth1", "n3", "n4", "n5", "other"]);
        const versions = (await recording().vmVersions(VM)).map((vm) => listedNics(vm).n3);
        const changed = versions.findIndex((nic) => nic?.mac === "02:aa:bb:cc:dd:33");
        assert.ok(changed > 0, "the new address was written");
        assert.equal(versions[changed - 1], undefined, "the NIC was gone before it came back with another address");
        assert.deepEqual(await suite.view.life(VM), life);
    });

    it("are attached again where a refresh finds one gone, and a link comes up again", async () => {
        const index = Object.keys(listedNics(await suite.view.vm(VM))).indexOf("n3");
        await suite.view.patchVm(VM, [
            { op: "test", path: `/spec/template/spec/domain/devices/interfaces/${index}/name`, value: "n3" },
            { op: "add", path: `/spec/template/spec/domain/devices/interfaces/${index}/state`, value: "absent" },
        ]);
        await until("the NIC to be gone", async () => {
            const nics = listedNics(await suite.view.vm(VM));
            return "n3" in nics ? seen(nics) : done(true);
        });
        const refreshed = await suite.stack.refresh();
        assert.match(refreshed.text, /web-vm-n3\b.*delete/);
        const again = program(namespace.name, [
            { name: "n3", type: "bridge", macAddress: "02:AA:BB:CC:DD:33" },
            { name: "n5", type: "bridge" },
        ]);
        const run = await suite.stack.up(again);
        assert.match(String((run.outputs.phases as Record<string, string>).n3), /^(attached|guest-visible)$/);
        const plugged = await suite.view.plugged(VM);
        assert.deepEqual(plugged.n3?.mac, "02:aa:bb:cc:dd:33");
        assert.equal(plugged.n5?.link, "up");
        assert.deepEqual(Object.keys(plugged).sort(), ["eth0", "eth1", "n3", "n5", "other"]);
        assert.deepEqual(await suite.view.life(VM), life);
    });

    it("keep the primary one: its removal is refused at preview, and nothing is written", async () => {
        const before = await suite.view.written();
        const without = async () => {
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name, bridge: "br0" });
            new VirtualMachine("web", {
                namespace: namespace.name,
                cpu: 1,
                memory: "4Gi",
                networks: [{ name: "eth1", type: "bridge", network: lan }],
            });
            return Promise.resolve();
        };
        const refused = (error: Error): boolean => {
            assert.match(error.message, new RegExp(`VM "?${namespace.name}/${VM}"?`));
            assert.match(error.message, /"?eth0"?.*the primary NIC cannot be removed while the VM exists/);
            assert.match(error.message, /put the NIC back into the program/);
            return true;
        };
        await assert.rejects(() => suite.stack.preview(without), refused);
        assert.deepEqual(await suite.view.written(), before);
        // Without a preview (the Automation API's `up` makes none) the refusal comes as late as the NICs do.
        await assert.rejects(() => suite.stack.up(without), refused);
        assert.ok("eth0" in (await suite.view.plugged(VM)));
        assert.deepEqual(await suite.view.life(VM), life);
    });

    it("go with their VM: `destroy` leaves nothing", async () => {
        await suite.stack.destroy();
        const left = Object.keys(await suite.view.everything());
        assert.deepEqual(left, []);
    });
});
