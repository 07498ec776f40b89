import assert from "node:assert/strict";
import { cniConfig, type CniNetworkSpec } from "../../core/cni-config";
import { readNadConfig } from "../../core/cni/nad-config";
import { neighbourWarnings, type NamedNad } from "../../core/cni/neighbours";
import { parentHolder } from "../../core/cni/parent-holders";
import { describe as sentence } from "../../core/problem";

function nad(name: string, spec: Omit<Extract<CniNetworkSpec, { type: "bridge" }>, "type" | "name">): NamedNad {
    const config = readNadConfig(cniConfig({ type: "bridge", name, ...spec }));
    assert.ok(config);
    return { nadName: `prod/${name}`, config };
}

describe("what is read of a NetworkAttachmentDefinition", () => {
    for (const [what, config, expected] of [
        [
            "a bridge of a list",
            {
                name: "x",
                plugins: [{ type: "bridge", bridge: "br1", vlan: 7, portIsolation: true }, { type: "bandwidth" }],
            },
            { plugin: "bridge", bridge: "br1", vlanId: 7, isolation: true, hasTrunk: false },
        ],
        [
            "a bridge without a name, which is cni0",
            { type: "bridge", mtu: 0, vlanTrunk: [{ id: 5 }] },
            { plugin: "bridge", bridge: "cni0", isolation: false, hasTrunk: true },
        ],
        [
            "a macvlan without mode, which is bridge",
            { type: "macvlan", master: "eth1.5", mtu: 1400 },
            { plugin: "macvlan", mode: "bridge", parentDevice: "eth1.5", mtu: 1400, isolation: false, hasTrunk: false },
        ],
        [
            "a macvlan on the NIC of the default route",
            { type: "macvlan", mode: "passthru" },
            { plugin: "macvlan", mode: "passthru", isolation: false, hasTrunk: false },
        ],
    ] as const) {
        it(`is ${what}`, () => {
            assert.deepEqual(readNadConfig(JSON.stringify(config)), expected);
        });
    }

    for (const config of ["", "{", "[]", "null", '"x"', '{"plugins":[]}', 5]) {
        it(`is nothing of ${JSON.stringify(config)}`, () => {
            assert.equal(readNadConfig(config), undefined);
        });
    }
});

describe("networks on one bridge", () => {
    const own = nad("lan", { bridge: "br1", isolation: true });
    const warnings = (...others: NamedNad[]): string =>
        neighbourWarnings('Network "lan"', own, others).map(sentence).join("\n");

    it("are fine with the same MTU and isolation, and on different bridges", () => {
        assert.equal(
            warnings(own, nad("b", { bridge: "br1", isolation: true }), nad("c", { bridge: "br2", mtu: 1400 })),
            "",
        );
    });

    it("are warned of where one is not isolated: its guests reach the others", () => {
        const text = warnings(nad("open", { bridge: "br1" }));
        assert.match(
            text,
            /^Network "lan": isolation true is doubtful: prod\/open on the same bridge br1 has isolation false/,
        );
        // One of another VLAN is not among them; one with a trunk may be.
        assert.equal(warnings(nad("other", { bridge: "br1", vlanId: 5 })), "");
        assert.match(warnings(nad("trunk", { bridge: "br1", vlanId: 5, trunk: [6] })), /prod\/trunk/);
    });

    it("are warned of where the MTU differs, also from none", () => {
        const isolation = true;
        assert.match(
            warnings(nad("small", { bridge: "br1", isolation, mtu: 1400 })),
            /mtu is doubtful: prod\/small .*MTU 1400/,
        );
        const big = nad("big", { bridge: "br1", isolation, mtu: 9000 });
        assert.match(
            neighbourWarnings("N", big, [own]).map(sentence).join(),
            /mtu 9000 is doubtful: prod\/lan .*has none/,
        );
    });
});

describe("the parent of a macvlan", () => {
    const parents: Record<string, string> = { "prod/up": "eth1", "test/up": "eth1", "prod/other": "eth2" };
    const nics = [
        { vm: "prod/web", nic: "eth1", nadName: "prod/up" },
        { vm: "prod/db", nic: "eth1", nadName: "prod/other" },
        { vm: "test/db", nic: "eth3", nadName: "test/none" },
    ];
    const holder = (vm: string, nic: string, parent: string): string | undefined =>
        parentHolder({ vm, nic }, parent, nics, (nadName) => parents[nadName])?.vm;

    it("is held by a NIC on whichever network has it", () => {
        assert.equal(holder("test/new", "eth1", "eth1"), "prod/web");
        assert.equal(holder("test/new", "eth1", "eth2"), "prod/db");
        assert.equal(holder("prod/web", "eth2", "eth1"), "prod/web", "by another NIC of the same VM, too");
    });

    it("is free for the NIC that has it, and where nobody has", () => {
        assert.equal(holder("prod/web", "eth1", "eth1"), undefined);
        assert.equal(holder("prod/web", "eth1", "eth3"), undefined);
    });
});
