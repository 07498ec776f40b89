import assert from "node:assert/strict";
import {
    cniConfig,
    existingNetworkProblems,
    resourceNameOf,
    validateCniConfig,
    type CniNetworkSpec,
} from "../../core/cni-config";
import { describe as sentence, errorsOf, warningsOf } from "../../core/problem";

const LAN: CniNetworkSpec = { type: "bridge", name: "lan", bridge: "br1" };
const MACVLAN: CniNetworkSpec = { type: "macvlan", name: "uplink", master: "eth1" };
const SRIOV: CniNetworkSpec = { type: "sriov", name: "fast", resourceName: "intel.com/sriov_net" };
const OVS: CniNetworkSpec = { type: "ovs", name: "overlay", bridge: "ovsbr0" };

/** A network that says all it can, and how each key of its plugin is to be typed: plugins ignore all others. */
const FULL: [CniNetworkSpec, string, Record<string, string>][] = [
    [
        {
            ...LAN,
            ...{ vlanId: 100, trunk: [101, "200-203"], mtu: 1400, macSpoofCheck: true, isolation: false },
        },
        // `NetConf` of plugins/main/bridge/bridge.go
        "bridge",
        {
            bridge: "string",
            mtu: "number",
            vlan: "number",
            vlanTrunk: "object",
            preserveDefaultVlan: "boolean",
            macspoofchk: "boolean",
            portIsolation: "boolean",
            disableContainerInterface: "boolean",
        },
    ],
    // `NetConf` of plugins/main/macvlan/macvlan.go
    [{ ...MACVLAN, vlanId: 100, mtu: 1400 }, "macvlan", { master: "string", mode: "string", mtu: "number" }],
    [
        { ...SRIOV, vlanId: 100, spoofCheck: true, trust: false, minTxRate: 100, maxTxRate: 1000 },
        // `SriovNetConf` of sriov-cni, pkg/types/types.go
        "sriov",
        { vlan: "number", spoofchk: "string", trust: "string", min_tx_rate: "number", max_tx_rate: "number" },
    ],
    // `NetConf` of ovs-cni, pkg/types/types.go; a port has a tag or a trunk
    [{ ...OVS, vlanId: 100, mtu: 9000 }, "ovs", { bridge: "string", vlan: "number", mtu: "number" }],
    [{ ...OVS, trunk: [42, "1000-1010"] }, "ovs", { bridge: "string", trunk: "object" }],
];

function refusals(spec: CniNetworkSpec): string {
    return errorsOf(validateCniConfig(spec)).map(sentence).join("\n");
}

describe("cni config", () => {
    it("renders a bridge, with the default VLAN off the port and nothing for the plugin to address", () => {
        assert.deepEqual(JSON.parse(cniConfig(LAN)), {
            cniVersion: "1.0.0",
            name: "lan",
            type: "bridge",
            bridge: "br1",
            preserveDefaultVlan: false,
            disableContainerInterface: true,
            ipam: {},
        });
    });

    for (const [spec, type, keys] of FULL) {
        it(`writes only keys that ${type} knows, in the types it decodes: ${Object.keys(keys).join(", ")}`, () => {
            assert.equal(refusals(spec), "");
            const config = JSON.parse(cniConfig(spec)) as Record<string, unknown>;
            assert.equal(config.type, type);
            assert.deepEqual(Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value])), {
                cniVersion: "string",
                name: "string",
                type: "string",
                ipam: "object",
                ...keys,
            });
        });
    }

    it("hands on what is declared", () => {
        const [bridge, macvlan, sriov, ovs, ovsTrunk] = FULL.map(
            ([spec]) => JSON.parse(cniConfig(spec)) as Record<string, unknown>,
        );
        assert.deepEqual(
            [bridge?.vlan, bridge?.mtu, bridge?.macspoofchk, bridge?.portIsolation],
            [100, 1400, true, false],
        );
        assert.deepEqual(bridge?.vlanTrunk, [{ id: 101 }, { minID: 200, maxID: 203 }]);
        // The plugin knows no VLAN: the nodes' VLAN device is the parent.
        assert.deepEqual([macvlan?.master, macvlan?.mode, macvlan?.mtu], ["eth1.100", "passthru", 1400]);
        assert.deepEqual([sriov?.vlan, sriov?.spoofchk, sriov?.trust], [100, "on", "off"]);
        assert.deepEqual([sriov?.min_tx_rate, sriov?.max_tx_rate], [100, 1000]);
        assert.deepEqual([ovs?.vlan, ovs?.mtu], [100, 9000]);
        // The example of ovs-cni's docs/cni-plugin.md.
        assert.deepEqual(ovsTrunk?.trunk, [{ id: 42 }, { minID: 1000, maxID: 1010 }]);
    });

    it("leaves out the VLAN of a virtual function where none is declared: 0 would take the administrator's away", () => {
        assert.equal("vlan" in (JSON.parse(cniConfig(SRIOV)) as object), false);
    });

    it("asks for the nodes' resource where a NIC takes one", () => {
        assert.deepEqual([LAN, MACVLAN, SRIOV, OVS].map(resourceNameOf), [
            undefined,
            undefined,
            "intel.com/sriov_net",
            "ovs-cni.network.kubevirt.io/ovsbr0",
        ]);
        assert.equal(resourceNameOf({ ...OVS, resourceName: "example.com/ovs" }), "example.com/ovs");
    });

    const refused: [string, CniNetworkSpec, RegExp][] = [
        ["VLAN 0, which means none", { ...LAN, vlanId: 0 }, /Network "lan": vlanId 0 .*1-4094/],
        ["VLAN 4095", { ...LAN, vlanId: 4095 }, /vlanId 4095/],
        ["a VLAN as text", { ...LAN, vlanId: "100" as unknown as number }, /vlanId "100"/],
        ["an MTU below IPv4's 68", { ...LAN, mtu: 67 }, /mtu 67 .*68-65535/],
        ["an MTU the kernel refuses", { ...LAN, mtu: 70000 }, /mtu 70000/],
        ["a bridge name of 16 characters", { ...LAN, bridge: "b".repeat(16) }, /1 to 15 characters/],
        ["a bridge name with a slash", { ...LAN, bridge: "br/1" }, /bridge "br\/1"/],
        ["an empty bridge name", { ...LAN, bridge: "" }, /bridge ""/],
        ["a bridge name that is a directory", { ...LAN, bridge: ".." }, /bridge "\.\."/],
        ["a flag in words", { ...LAN, isolation: "true" as unknown as boolean }, /isolation "true".*true or false/],
        ["a trunk with a bad VLAN", { ...LAN, vlanId: 10, trunk: [4095] }, /trunk\[0\] 4095/],
        [
            "a macvlan without its NIC",
            { type: "macvlan", name: "m" } as CniNetworkSpec,
            /Network "m": master is refused/,
        ],
        [
            "a parent of 16 characters",
            { ...MACVLAN, master: "enp0s31f6abc", vlanId: 100 },
            /"enp0s31f6abc\.100".*15 char/,
        ],
        ...["bridge", "private", "vepa"].map((mode): [string, CniNetworkSpec, RegExp] => [
            `macvlan in mode ${mode}`,
            { ...MACVLAN, mode } as CniNetworkSpec,
            new RegExp(`mode "${mode}" is refused: .*only mode passthru passes frames.*no reply.*type bridge`),
        ]),
        [
            "SR-IOV without its resource",
            { type: "sriov", name: "s" } as CniNetworkSpec,
            /resourceName is refused.*domain\/name/,
        ],
        ["a resource without domain", { ...SRIOV, resourceName: "sriov_net" }, /resourceName "sriov_net"/],
        ["a resource of Kubernetes", { ...SRIOV, resourceName: "kubernetes.io/x" }, /resourceName "kubernetes.io\/x"/],
        [
            "a trunk of a virtual function",
            { ...SRIOV, trunk: [1] } as CniNetworkSpec,
            /type sriov has no trunk, only resourceName/,
        ],
        [
            "a guaranteed rate above the limit",
            { ...SRIOV, minTxRate: 20, maxTxRate: 10 },
            /minTxRate 20 .*maxTxRate 10/,
        ],
        ["half a megabit", { ...SRIOV, maxTxRate: 0.5 }, /maxTxRate 0.5 .*integer/],
        ["a native VLAN beside a trunk of OVS", { ...OVS, vlanId: 10, trunk: [11] }, /vlanId 10 .*no native VLAN/],
        ["OVS without bridge", { type: "ovs", name: "o" } as CniNetworkSpec, /Network "o": bridge is refused/],
        [
            "a type there is none of",
            { ...LAN, type: "ipvlan" as "bridge" },
            /type "ipvlan".*bridge, macvlan, sriov, ovs/,
        ],
    ];
    for (const [what, spec, expected] of refused) {
        it(`refuses ${what}`, () => assert.match(refusals(spec), expected));
    }

    it("accepts the bounds", () => {
        for (const spec of [
            { ...LAN, vlanId: 4094, mtu: 68, bridge: "b".repeat(15) },
            { ...LAN, vlanId: 1, mtu: 65535 },
            { ...MACVLAN, master: "enp0s31f6ab", vlanId: 100 },
            { ...SRIOV, minTxRate: 10, maxTxRate: 0 },
        ]) {
            assert.deepEqual(validateCniConfig(spec), []);
        }
    });

    it("warns of a trunk without native VLAN: the plugin then takes VLAN 1", () => {
        const [warning] = warningsOf(validateCniConfig({ ...LAN, trunk: [101] }));
        assert.match(warning ? sentence(warning) : "", /trunk is doubtful: .*VLAN 1 .*set vlanId/);
        assert.deepEqual(validateCniConfig({ ...LAN, vlanId: 10, trunk: [101] }), []);
    });

    it("lets nothing but VLAN and MTU be said of a network that exists", () => {
        const said = { type: "bridge", nadName: "old", vlanId: 5, mtu: 1500 };
        assert.deepEqual(existingNetworkProblems("lan", "bridge", said), []);
        const [problem] = existingNetworkProblems("lan", "bridge", { ...said, bridge: "br1" });
        assert.match(problem ? sentence(problem) : "", /Network "lan": bridge is refused: nadName names/);
    });
});
