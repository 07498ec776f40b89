import assert from "node:assert/strict";
import { type BridgeNetworkSpec, cniConfig, validateCniConfig } from "../../core/cni-config";
import { describe as sentence } from "../../core/problem";

const LAN: BridgeNetworkSpec = { type: "bridge", name: "lan", bridge: "br1" };

/** Keys and types of `NetConf` of plugins/main/bridge/bridge.go and `types.NetConf`; the plugin ignores all others. */
const NET_CONF: Record<string, string> = {
    cniVersion: "string",
    name: "string",
    type: "string",
    ipam: "object",
    bridge: "string",
    mtu: "number",
    vlan: "number",
    preserveDefaultVlan: "boolean",
    macspoofchk: "boolean",
    portIsolation: "boolean",
    disableContainerInterface: "boolean",
};

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

    it("writes only keys the plugin knows, in the types it decodes", () => {
        const config = JSON.parse(
            cniConfig({ ...LAN, vlanId: 100, mtu: 1400, macspoofchk: true, portIsolation: false }),
        ) as Record<string, unknown>;
        assert.deepEqual(
            Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value])),
            NET_CONF,
        );
        assert.deepEqual([config.vlan, config.mtu, config.macspoofchk, config.portIsolation], [100, 1400, true, false]);
    });

    const refused: [string, Partial<BridgeNetworkSpec>, RegExp][] = [
        ["VLAN 0, which means none", { vlanId: 0 }, /Network "lan": vlanId 0 .*1-4094/],
        ["VLAN 4095", { vlanId: 4095 }, /vlanId 4095/],
        ["a VLAN as text, which the plugin cannot decode", { vlanId: "100" as unknown as number }, /vlanId "100"/],
        ["an MTU below IPv4's 68", { mtu: 67 }, /mtu 67 .*68-65535/],
        ["an MTU the kernel refuses", { mtu: 70000 }, /mtu 70000/],
        ["a bridge name of 16 characters", { bridge: "b".repeat(16) }, /1 to 15 characters/],
        ["a bridge name with a slash", { bridge: "br/1" }, /bridge "br\/1"/],
        ["an empty bridge name", { bridge: "" }, /bridge ""/],
        ["a bridge name that is a directory", { bridge: ".." }, /bridge "\.\."/],
    ];
    for (const [what, rest, expected] of refused) {
        it(`refuses ${what}`, () =>
            assert.match(
                validateCniConfig({ ...LAN, ...rest })
                    .map(sentence)
                    .join("\n"),
                expected,
            ));
    }

    it("accepts the bounds", () => {
        assert.deepEqual(validateCniConfig({ ...LAN, vlanId: 4094, mtu: 68, bridge: "b".repeat(15) }), []);
        assert.deepEqual(validateCniConfig({ ...LAN, vlanId: 1, mtu: 65535 }), []);
    });
});
