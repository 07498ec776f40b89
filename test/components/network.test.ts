import assert from "node:assert/strict";
import { Network, type BridgeNetworkArgs, type NetworkArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, type Loose } from "./deploy";

async function configOf(args: Partial<BridgeNetworkArgs>): Promise<Record<string, unknown>> {
    return (await nadOf({ type: "bridge", ...args })).config;
}

async function nadOf(args: NetworkArgs): Promise<{ config: Record<string, unknown>; annotations: Loose }> {
    const { registered } = await deploy(() => new Network("lan", args));
    const { spec, metadata } = find(registered, "NetworkAttachmentDefinition", "lan").inputs;
    return { config: JSON.parse(spec.config) as Record<string, unknown>, annotations: metadata.annotations };
}

describe("Network", () => {
    it("makes a NetworkAttachmentDefinition of its name for the CNI plugin bridge", async () => {
        const { registered } = await deploy(() => new Network("lan", { type: "bridge", namespace: "infra" }));
        const { inputs } = find(registered, "NetworkAttachmentDefinition", "lan");
        assert.equal(inputs.apiVersion, "k8s.cni.cncf.io/v1");
        assert.deepEqual([inputs.metadata.name, inputs.metadata.namespace], ["lan", "infra"]);
        const config = await configOf({});
        assert.equal(config.type, "bridge");
        assert.equal(config.bridge, "br0");
        // An address of the CNI plugin would be one that no guest behind KubeVirt's bridge binding can have too.
        assert.equal("ipam" in config && Object.keys(config.ipam as object).length > 0, false);
    });

    it("hands on bridge, VLAN and MTU", async () => {
        const { bridge, vlan, mtu } = await configOf({ bridge: "br-lan", vlanId: 100, mtu: 9000 });
        assert.deepEqual({ bridge, vlan, mtu }, { bridge: "br-lan", vlan: 100, mtu: 9000 });
    });

    it("checks the source MAC of frames unless told not to", async () => {
        assert.equal((await configOf({})).macspoofchk, true);
        assert.equal((await configOf({ macSpoofCheck: false })).macspoofchk ?? false, false);
    });

    it("isolates guests where told so, and hands on a trunk", async () => {
        assert.equal((await configOf({})).portIsolation ?? false, false);
        const { portIsolation, vlanTrunk } = await configOf({ isolation: true, vlanId: 10, trunk: [10, 101] });
        assert.deepEqual([portIsolation, vlanTrunk], [true, [{ id: 101 }]]);
    });

    it("is for the CNI plugin of its type, with the resource of the nodes that a NIC takes", async () => {
        const key = "k8s.v1.cni.cncf.io/resourceName";
        for (const [args, resource] of [
            [{ type: "bridge" }, undefined],
            [{ type: "macvlan", master: "eth1" }, undefined],
            [{ type: "sriov", resourceName: "intel.com/sriov_net" }, "intel.com/sriov_net"],
            [{ type: "ovs", bridge: "ovsbr0" }, "ovs-cni.network.kubevirt.io/ovsbr0"],
        ] as [NetworkArgs, string | undefined][]) {
            const { config, annotations } = await nadOf(args);
            assert.deepEqual([config.type, annotations[key]], [args.type, resource]);
            assert.equal(annotations["vm.novasphere.dev/managed-by"], "acme/shop/dev");
        }
    });

    it("has a guard that is made after the definition, and so is asked before it goes", async () => {
        const { registered } = await deploy(() => new Network("lan", { type: "bridge", namespace: "infra" }));
        const guard = find(registered, "NetworkGuard", "lan-guard");
        assert.deepEqual(guard.dependencies, ["lan"]);
        assert.equal(guard.inputs.nadName, "infra/lan");
    });

    it("uses an existing definition as it is, and leaves it in place", async () => {
        const { registered, value } = await deploy(
            () => new Network("lan", { type: "bridge", namespace: "infra", nadName: "old-lan" }),
        );
        assert.deepEqual(
            registered.filter(({ custom }) => custom),
            [],
        );
        assert.deepEqual([value.nad, value.guard], [undefined, undefined]);
        assert.equal(await valueOf(value.nadName), "infra/old-lan");
    });

    it("is refused where it says anything of a definition that is used as it is", async () => {
        const args = { type: "bridge", nadName: "old-lan", isolation: true } as const;
        const { error } = await refusalOf(() => new Network("lan", args));
        assert.match(error.message, /Network "lan": isolation is refused: nadName names/);
    });

    for (const [what, args, field] of [
        ["a VLAN beyond 4094", { vlanId: 4095 }, "vlan"],
        ["VLAN 0", { vlanId: 0 }, "vlan"],
        ["an MTU that no IPv4 network has", { mtu: 60 }, "mtu"],
        ["a bridge name that no Linux interface can have", { bridge: "a-bridge-with-a-long-name" }, "bridge"],
    ] as const) {
        it(`refuses ${what} before it makes anything`, async () => {
            const { error, registered } = await refusalOf(() => new Network("lan", { type: "bridge", ...args }));
            assert.match(error.message, new RegExp(`^Network lan .*${field}`, "i"));
            assert.ok(error.message.includes(String(Object.values(args)[0])), error.message);
            assert.deepEqual(namesOf(registered, "NetworkAttachmentDefinition"), []);
        });
    }
});

async function valueOf<T>(output: { apply: (use: (value: T) => void) => unknown }): Promise<T> {
    return new Promise((resolve) => void output.apply(resolve));
}
