import assert from "node:assert/strict";
import { Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { listedNics } from "../support/cluster-view";
import { refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("networks of each type", () => {
    const suite = useStack("types", { handmade: ["VirtualMachine theirs", "NetworkAttachmentDefinition by-hand"] });
    const { namespace } = suite;
    const eth0: NetworkInterfaceArgs = { name: "eth0", type: "pod" };

    /** VMs that are on, each with a pod NIC and these. */
    function program(vms: Record<string, NetworkInterfaceArgs[]>) {
        return async () => {
            for (const [name, nics] of Object.entries(vms)) {
                const networks = [eth0, ...nics];
                new VirtualMachine(name, { namespace: namespace.name, cpu: 1, memory: "64Mi", networks });
            }
            return Promise.resolve();
        };
    }

    before("make a macvlan network and a VM on it by hand", async () => {
        const { custom } = namespace.clients;
        const config = { cniVersion: "1.0.0", name: "by-hand", type: "macvlan", master: "eth7", mode: "bridge" };
        await custom.createNamespacedCustomObject({
            ...{ group: "k8s.cni.cncf.io", version: "v1", plural: "network-attachment-definitions" },
            namespace: namespace.name,
            body: {
                apiVersion: "k8s.cni.cncf.io/v1",
                kind: "NetworkAttachmentDefinition",
                metadata: { name: "by-hand" },
                spec: { config: JSON.stringify(config) },
            },
        });
        const networks = [{ name: "net", multus: { networkName: "by-hand" } }];
        const interfaces = [{ name: "net", bridge: {} }];
        const spec = { domain: { memory: { guest: "64Mi" }, devices: { interfaces } }, networks };
        await custom.createNamespacedCustomObject({
            ...{ group: "kubevirt.io", version: "v1", plural: "virtualmachines" },
            namespace: namespace.name,
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachine",
                metadata: { name: "theirs" },
                spec: { runStrategy: "Halted", template: { spec } },
            },
        });
    });

    for (const [what, nic, said] of [
        [
            "a macvlan's parent that a VM in the cluster has, with its name",
            { name: "a", type: "macvlan", master: "eth7" },
            /master "eth7" is refused: .*held by NIC "net" of VM "\S+\/theirs" in the cluster; .*type bridge .*macvtap/,
        ],
        [
            "a macvlan of a mode that passes nothing",
            { name: "a", type: "macvlan", nadName: "by-hand" },
            /nadName "\S+\/by-hand" is refused: its mode is bridge, .*only mode passthru passes frames/,
        ],
        [
            "a NetworkAttachmentDefinition for another CNI plugin than the type's",
            { name: "a", type: "bridge", nadName: "by-hand" },
            /type "bridge" is refused: the NetworkAttachmentDefinition \S+\/by-hand is for the CNI plugin macvlan/,
        ],
    ] as [string, NetworkInterfaceArgs, RegExp][]) {
        it(`refuses at preview ${what}`, async () => {
            const text = await refusalOf(suite.stack.preview(program({ one: [nic] })));
            assert.match(text, said);
            assert.match(text, /NIC "a" of VM "\S+\/one-vm": /);
        });
    }

    it("refuses two VMs of the program on one parent, by whichever network", async () => {
        const text = await refusalOf(
            suite.stack.preview(async () => {
                const uplink = new Network("uplink", { type: "macvlan", namespace: namespace.name, master: "eth8.5" });
                await program({
                    one: [{ name: "a", type: "macvlan", network: uplink }],
                    two: [{ name: "a", type: "macvlan", master: "eth8", vlanId: 5 }],
                })();
            }),
        );
        assert.match(text, /master "eth8\.5" is refused: .*held by NIC "a" of VM "\S+\/(one|two)-vm"; .*macvtap/s);
    });

    it("previews macvlan and OVS, in the keys of their plugins, and warns of bridges that differ", async () => {
        const { steps, text } = await suite.stack.preview(async () => {
            const common = { type: "bridge", namespace: namespace.name, bridge: "br9" } as const;
            new Network("closed", { ...common, isolation: true });
            new Network("open", { ...common, mtu: 1400 });
            await program({
                one: [
                    { name: "a", type: "macvlan", master: "eth9" },
                    { name: "b", type: "ovs", bridge: "ovsbr0", vlanId: 5 },
                ],
            })();
        });
        const configs = steps
            .filter(({ type }) => type.endsWith("NetworkAttachmentDefinition"))
            .map(({ inputs }) => JSON.parse((inputs.spec as { config: string }).config) as Record<string, unknown>);
        const told = configs.map(({ type, master, mode, bridge, vlan }) =>
            [type, master, mode, bridge, vlan].join(" "),
        );
        assert.deepEqual(told.sort(), ["bridge   br9 ", "bridge   br9 ", "macvlan eth9 passthru  ", "ovs   ovsbr0 5"]);
        assert.match(
            text,
            /warning: Network "\S+": isolation (true|false) is doubtful: \S+\/(open|closed) on the same bridge br9/,
        );
        assert.match(text, /warning: Network "\S+": mtu .*is doubtful: .*least MTU of its ports/);
    });

    it("[F11] attaches an SR-IOV NIC to a running VM by a live migration, without a restart", async () => {
        await suite.stack.up(program({ web: [] }));
        const { uid, nodeName } = await instance();
        const fast: NetworkInterfaceArgs = {
            name: "fast",
            type: "sriov",
            resourceName: "intel.com/sriov_net",
            vlanId: 5,
        };
        const preview = await suite.stack.preview(program({ web: [fast] }));
        const planned = preview.steps.find(({ type, name }) =>
            `${type} ${name}`.endsWith("NetworkInterface web-vm-fast"),
        );
        assert.equal(planned?.outputs.impact ?? planned?.inputs.impact, "live-migration");
        await suite.stack.up(program({ web: [fast] }));
        const after = await instance();
        assert.equal(after.uid, uid, "the same instance");
        assert.notEqual(after.nodeName, nodeName, "on another node");
        const vm = await suite.view.vm("web-vm");
        assert.equal(listedNics(vm).fast?.network, `${namespace.name}/web-vm-fast`);
        assert.deepEqual(Object.keys(await suite.view.plugged("web-vm")).sort(), ["eth0", "fast"]);
    });

    it("warns of a change of a network that a running VM is on, which keeps what it was", async () => {
        const moved = await suite.stack.preview(
            program({ web: [{ name: "fast", type: "sriov", resourceName: "intel.com/sriov_net", vlanId: 6 }] }),
        );
        const vmi = `VMI ${namespace.name}/web-vm`;
        assert.match(
            moved.text,
            new RegExp(`warning: Network "\\S+/web-vm-fast": config is doubtful: .*as it was: ${vmi};`),
        );
    });

    async function instance(): Promise<{ uid: string | undefined; nodeName: string | undefined }> {
        const vmi = await suite.view.vmi("web-vm");
        const { nodeName } = vmi.status as { nodeName?: string };
        return { uid: vmi.metadata?.uid, nodeName };
    }
});
