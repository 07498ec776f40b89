import assert from "node:assert/strict";
import { nicNetworkProblems, type NicNetworkChoice } from "../../core/nic-network";
import { describe as sentence } from "../../core/problem";

const NIC: NicNetworkChoice = { name: "eth1", type: "bridge", namesNad: false };
const LAN = { name: "lan", type: "bridge" } as const;

function problems(nic: Partial<NicNetworkChoice>): string {
    return nicNetworkProblems("web-vm", { ...NIC, ...nic })
        .map(sentence)
        .join("\n");
}

describe("what a NIC is on", () => {
    for (const [what, nic] of [
        ["nothing, as bridge has a default", {}],
        ["a network of its own with all that a bridge has", { bridge: "br1", vlanId: 10, trunk: [11], mtu: 1400 }],
        ["a macvlan of its own", { type: "macvlan", master: "eth1", vlanId: 10, mtu: 1400 }],
        ["virtual functions", { type: "sriov", resourceName: "intel.com/sriov_net", vlanId: 10 }],
        ["an OVS bridge", { type: "ovs", bridge: "ovsbr0", trunk: [11] }],
        ["a network", { network: LAN }],
        ["a NetworkAttachmentDefinition", { namesNad: true }],
        ["the pod network", { type: "pod" }],
    ] as [string, Partial<NicNetworkChoice>][]) {
        it(`may be ${what}`, () => {
            assert.equal(problems(nic), "");
        });
    }

    for (const [what, nic, expected] of [
        [
            "a network and a VLAN",
            { network: LAN, vlanId: 5 },
            /^NIC "eth1" of VM "web-vm": vlanId is refused: network "lan" says/,
        ],
        [
            "a definition and a bridge",
            { namesNad: true, bridge: "br1" },
            /bridge is refused: the NetworkAttachmentDefinition/,
        ],
        ["a network and a definition", { network: LAN, namesNad: true }, /nadName is refused: .*network "lan".*either/],
        ["a network of another type", { type: "ovs", network: LAN }, /type "ovs".*network "lan" is of type bridge/],
        ["a VLAN on the pod network", { type: "pod", vlanId: 5 }, /vlanId is refused: a pod NIC/],
        ["a network on the pod network", { type: "pod", network: LAN }, /network is refused: a pod NIC/],
        ["a field of another type", { type: "macvlan", master: "eth1", bridge: "br1" }, /type macvlan has no bridge/],
        [
            "a trunk of a virtual function",
            { type: "sriov", resourceName: "a.b/c", trunk: [1] },
            /type sriov has no trunk/,
        ],
        ["macvlan without its NIC", { type: "macvlan" }, /NIC "eth1" of VM "web-vm": master is refused/],
        ["a VLAN beyond 4094", { vlanId: 4095 }, /NIC "eth1" of VM "web-vm": vlanId 4095/],
    ] as [string, Partial<NicNetworkChoice>, RegExp][]) {
        it(`is refused: ${what}`, () => {
            assert.match(problems(nic), expected);
        });
    }
});
