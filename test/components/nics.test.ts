import assert from "node:assert/strict";
import { Network, type NetworkInterfaceArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, virtualMachine, type Registered } from "./deploy";

async function machine(networks: NetworkInterfaceArgs[], namespace?: string): Promise<readonly Registered[]> {
    return (await deploy(() => virtualMachine({ networks, ...(namespace !== undefined && { namespace }) }))).registered;
}

/** Inputs of the resources that write NICs and guest, by name: what an update would see. */
function written(registered: readonly Registered[]): Record<string, unknown> {
    const nouns = ["NetworkInterface", "PowerState", "NetworkAttachmentDefinition", "Secret"];
    return Object.fromEntries(
        registered
            .filter(({ type, custom }) => custom && nouns.includes(type.split(":").at(-1) ?? ""))
            .map(({ type, name, inputs }) => [`${type} ${name}`, inputs]),
    );
}

describe("the NICs of a VirtualMachine", () => {
    const eth0: NetworkInterfaceArgs = { name: "eth0", type: "pod", primary: true };
    const eth1: NetworkInterfaceArgs = { name: "eth1", type: "bridge" };
    const eth2: NetworkInterfaceArgs = { name: "eth2", type: "bridge", vlanId: 100 };

    it("are the same in any order, where one says that it is primary", async () => {
        const inOrder = written(await machine([eth0, eth1, eth2]));
        assert.deepEqual(written(await machine([eth2, eth0, eth1])), inOrder);
        assert.deepEqual(written(await machine([eth1, eth2, eth0])), inOrder);
    });

    it("have a MAC address that depends on no other NIC", async () => {
        const macOf = (registered: readonly Registered[]): unknown =>
            find(registered, "NetworkInterface", "web-vm-eth2").inputs.macAddress;
        const alone = macOf(await machine([eth2]));
        assert.match(String(alone), /^02(:[0-9a-f]{2}){5}$/);
        assert.equal(macOf(await machine([eth0, eth1, eth2])), alone);
        assert.notEqual(macOf(await machine([eth2], "other")), alone);
    });

    it("take the MAC address that is asked for, in the form that KubeVirt reports", async () => {
        const registered = await machine([{ ...eth1, macAddress: "02-AB-CD-00-00-01" }]);
        assert.equal(find(registered, "NetworkInterface", "web-vm-eth1").inputs.macAddress, "02:ab:cd:00:00:01");
    });

    const primaries = (registered: readonly Registered[]): unknown[] =>
        namesOf(registered, "NetworkInterface").filter(
            (name) => find(registered, "NetworkInterface", name).inputs.primary === true,
        );

    it("have the first as primary where none says so", async () => {
        assert.deepEqual(
            primaries(
                await machine([
                    { name: "lan", type: "bridge" },
                    { name: "eth0", type: "pod" },
                ]),
            ),
            ["web-vm-lan"],
        );
    });

    it("have the one as primary that says so", async () => {
        assert.deepEqual(primaries(await machine([eth1, { ...eth2, primary: true }])), ["web-vm-eth2"]);
    });

    it("always name model and link state, so that KubeVirt fills in nothing behind the program's back", async () => {
        const registered = await machine([eth0, { ...eth1, model: "e1000", linkState: "down" }]);
        const { model, linkState } = find(registered, "NetworkInterface", "web-vm-eth0").inputs;
        assert.deepEqual({ model, linkState }, { model: "virtio", linkState: "up" });
        const other = find(registered, "NetworkInterface", "web-vm-eth1").inputs;
        assert.deepEqual([other.model, other.linkState], ["e1000", "down"]);
    });

    it("get a network of their own where they name none, with their VLAN", async () => {
        const registered = await machine([eth2], "shop");
        const nad = find(registered, "NetworkAttachmentDefinition", "web-vm-eth2");
        assert.equal(nad.inputs.metadata.namespace, "shop");
        assert.equal(JSON.parse(nad.inputs.spec.config).vlan, 100);
        const nic = find(registered, "NetworkInterface", "web-vm-eth2").inputs;
        assert.deepEqual([nic.nadName, nic.nadDeclared], ["shop/web-vm-eth2", true]);
    });

    it("get a network of their own of any type, with the fields that they name", async () => {
        const registered = await machine([
            { name: "a", type: "bridge", bridge: "br7", trunk: [101], vlanId: 10, mtu: 1400 },
            { name: "b", type: "macvlan", master: "eth1", vlanId: 7 },
            { name: "c", type: "sriov", resourceName: "intel.com/sriov_net" },
            { name: "d", type: "ovs", bridge: "ovsbr0" },
        ]);
        const config = (nic: string): Record<string, unknown> =>
            JSON.parse(find(registered, "NetworkAttachmentDefinition", `web-vm-${nic}`).inputs.spec.config) as Record<
                string,
                unknown
            >;
        const { bridge, vlan, vlanTrunk, mtu, macspoofchk } = config("a");
        assert.deepEqual([bridge, vlan, vlanTrunk, mtu, macspoofchk], ["br7", 10, [{ id: 101 }], 1400, true]);
        assert.deepEqual([config("b").type, config("b").master], ["macvlan", "eth1.7"]);
        assert.deepEqual([config("c").type, config("d").type], ["sriov", "ovs"]);
        const parents = ["a", "b", "c", "d"].map(
            (nic) => find(registered, "NetworkInterface", `web-vm-${nic}`).inputs.parentDevice as unknown,
        );
        assert.deepEqual(parents, [undefined, "eth1.7", undefined, undefined]);
        // The network goes with the NIC, after it: its guard is asked once the NIC has gone.
        assert.ok(find(registered, "NetworkInterface", "web-vm-b").dependencies.includes("web-vm-b-guard"));
    });

    it("are refused before anything is made where they say twice what they are on", async () => {
        const { error, registered } = await refusalOf(() => {
            const network = new Network("lan", { type: "bridge" });
            virtualMachine({ networks: [eth0, { ...eth1, network, vlanId: 5 }] });
        });
        assert.match(error.message, /NIC "eth1" of VM "web-vm": vlanId is refused: network "lan" says/);
        assert.deepEqual(namesOf(registered, "Secret"), []);
        assert.deepEqual(namesOf(registered, "NetworkInterface"), []);
    });

    for (const [given, qualified] of [
        ["existing", "shop/existing"],
        ["infra/existing", "infra/existing"],
    ]) {
        it(`use the NetworkAttachmentDefinition ${given} as it is, without making or guarding one`, async () => {
            const registered = await machine([{ ...eth1, nadName: given! }], "shop");
            assert.deepEqual(namesOf(registered, "NetworkAttachmentDefinition"), []);
            assert.deepEqual(namesOf(registered, "NetworkGuard"), []);
            const nic = find(registered, "NetworkInterface", "web-vm-eth1").inputs;
            // What the program does not make, a preview has to find.
            assert.deepEqual([nic.nadName, nic.nadDeclared], [qualified, false]);
        });
    }

    it("share the network that they name", async () => {
        const { registered } = await deploy(() => {
            const network = new Network("lan", { type: "bridge", namespace: "infra" });
            virtualMachine({ networks: [{ name: "eth1", type: "bridge", network }] });
            virtualMachine({ networks: [{ name: "eth1", type: "bridge", network }] }, {}, "db");
        });
        assert.deepEqual(namesOf(registered, "NetworkAttachmentDefinition"), ["lan"]);
        for (const nic of ["web-vm-eth1", "db-vm-eth1"]) {
            assert.equal(find(registered, "NetworkInterface", nic).inputs.nadName, "infra/lan");
        }
        assert.ok(find(registered, "VirtualMachine", "db-vm").dependencies.includes("lan-guard"));
    });

    it("have no NetworkAttachmentDefinition on the pod network", async () => {
        const nic = find(await machine([eth0]), "NetworkInterface", "web-vm-eth0").inputs;
        assert.equal("nadName" in nic, false);
        assert.equal(nic.type, "pod");
    });
});
