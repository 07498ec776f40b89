import assert from "node:assert/strict";
import { staticAddresses } from "../../core/guest-network-data";

const byMac = (macAddress: string): object => ({ macAddress });
const byName = (name: string): object => ({ name });

describe("static addresses in cloud-init network data", () => {
    // What each text means is cloud-init's: doc/rtd/reference/network-config-format-{v1,v2}.rst, cloudinit/net/network_state.py
    // and, for config drives, `convert_net_json` of cloudinit/sources/helpers/openstack.py.
    const read: [string, string, unknown][] = [
        [
            "version 2, by MAC address",
            `
version: 2
ethernets:
  lan:
    match: {macaddress: "02:00:00:00:00:0a"}
    addresses: [10.0.0.5/24, "2001:db8::5/64"]
    nameservers: {addresses: [10.0.0.53]}
    routes: [{to: 10.9.0.0/16, via: 10.0.0.1}]`,
            [{ nics: [byMac("02:00:00:00:00:0a")], addresses: ["10.0.0.5/24", "2001:db8::5/64"] }],
        ],
        [
            "an unquoted MAC address that YAML 1.1 takes for a number",
            "{version: 2, ethernets: {a: {match: {macaddress: 52:54:00:12:34:56}, addresses: [10.0.0.5/24]}}}",
            [{ nics: [byMac("52:54:00:12:34:56")], addresses: ["10.0.0.5/24"] }],
        ],
        [
            "version 2 without match: the id is the device's name",
            "{version: 2, ethernets: {eth1: {addresses: [10.0.0.5/24]}}}",
            [{ nics: [byName("eth1")], addresses: ["10.0.0.5/24"] }],
        ],
        [
            "version 2 by another match: the id says nothing",
            "{version: 2, ethernets: {eth1: {match: {driver: virtio_net}, addresses: [10.0.0.5/24]}}}",
            [],
        ],
        [
            "netplan's options to an address",
            "{version: 2, ethernets: {eth1: {addresses: [{10.0.0.5/24: {lifetime: 0}}]}}}",
            [{ nics: [byName("eth1")], addresses: ["10.0.0.5/24"] }],
        ],
        [
            "the configuration under a key network",
            "{network: {version: 2, ethernets: {eth1: {addresses: [10.0.0.5/24]}}}}",
            [{ nics: [byName("eth1")], addresses: ["10.0.0.5/24"] }],
        ],
        [
            "a bridge: its address is used behind the bridged NICs",
            `
version: 2
ethernets:
  a: {match: {macaddress: "02:00:00:00:00:0a"}}
  b: {match: {macaddress: "02:00:00:00:00:0b"}}
bonds: {bond0: {interfaces: [a, b]}}
bridges: {br0: {interfaces: [bond0], addresses: [10.0.0.5/24]}}`,
            [{ nics: [byMac("02:00:00:00:00:0a"), byMac("02:00:00:00:00:0b")], addresses: ["10.0.0.5/24"] }],
        ],
        [
            "bridges of each other, which no guest can set up",
            "{version: 2, bridges: {a: {interfaces: [b], addresses: [10.0.0.5/24]}, b: {interfaces: [a]}}}",
            [],
        ],
        [
            "a VLAN in the guest: another network",
            "{version: 2, ethernets: {eth1: {dhcp4: true}}, vlans: {v: {id: 5, link: eth1, addresses: [10.0.0.5/24]}}}",
            [],
        ],
        [
            "YAML's merge key",
            "{version: 2, ethernets: {eth1: &a {addresses: [10.0.0.5/24]}, eth2: {<<: *a}}}",
            [
                { nics: [byName("eth1")], addresses: ["10.0.0.5/24"] },
                { nics: [byName("eth2")], addresses: ["10.0.0.5/24"] },
            ],
        ],
        [
            "version 1",
            `
version: 1
config:
  - type: physical
    name: eth0
    mac_address: "02:00:00:00:00:0a"
    subnets:
      - {type: static, address: 10.0.0.5, netmask: 255.255.255.0, gateway: 10.0.0.1}
      - {type: static6, address: "2001:db8::5/64"}
      - {type: dhcp}
  - {type: physical, name: eth1, subnets: [{type: static, ip_address: 10.0.1.5/24}]}
  - {type: vlan, name: eth1.5, vlan_link: eth1, vlan_id: 5, subnets: [{type: static, address: 10.0.2.5/24}]}
  - {type: nameserver, address: [10.0.0.53]}`,
            [
                { nics: [byMac("02:00:00:00:00:0a")], addresses: ["10.0.0.5", "2001:db8::5/64"] },
                { nics: [byName("eth1")], addresses: ["10.0.1.5/24"] },
            ],
        ],
        [
            "version 1 with a bond and a bridge",
            `
version: 1
config:
  - {type: physical, name: eth0, mac_address: "02:00:00:00:00:0a"}
  - {type: bond, name: bond0, bond_interfaces: [eth0], subnets: [{type: static, address: 10.0.0.5/24}]}
  - {type: bridge, name: br0, bridge_interfaces: [eth0], subnets: [{type: static, address: 10.0.0.6/24}]}`,
            [
                { nics: [byMac("02:00:00:00:00:0a")], addresses: ["10.0.0.5/24"] },
                { nics: [byMac("02:00:00:00:00:0a")], addresses: ["10.0.0.6/24"] },
            ],
        ],
        [
            "OpenStack's network_data.json",
            JSON.stringify({
                links: [
                    { id: "tap0", type: "phy", ethernet_mac_address: "02:00:00:00:00:0a" },
                    { id: "tap1", type: "phy", ethernet_mac_address: "02:00:00:00:00:0b", name: "eth1" },
                    { id: "bond", type: "bond", bond_links: ["tap1"], ethernet_mac_address: "02:00:00:00:00:0b" },
                    {
                        id: "vlan",
                        type: "vlan",
                        name: "v5",
                        vlan_link: "tap0",
                        vlan_id: 5,
                        vlan_mac_address: "02:00:00:00:00:0a",
                    },
                ],
                networks: [
                    { id: "n0", link: "tap0", type: "ipv4", ip_address: "10.0.0.5", netmask: "255.255.255.0" },
                    { id: "n1", link: "tap0", type: "ipv6", ip_address: "2001:db8::5/64" },
                    { id: "n2", link: "bond", type: "ipv4", ip_address: "10.0.1.5/24" },
                    { id: "n3", link: "vlan", type: "ipv4", ip_address: "10.0.2.5/24" },
                    { id: "n4", link: "tap1", type: "ipv4_dhcp" },
                ],
            }),
            [
                { nics: [byMac("02:00:00:00:00:0a")], addresses: ["10.0.0.5", "2001:db8::5/64"] },
                { nics: [byMac("02:00:00:00:00:0b")], addresses: ["10.0.1.5/24"] },
            ],
        ],
    ];
    for (const [what, text, expected] of read) {
        it(`reads ${what}`, () => assert.deepEqual(staticAddresses(text), expected));
    }

    const unreadable: [string, string][] = [
        ["nothing", ""],
        ["a sentence", "FakeNetworkData"],
        ["broken YAML", "version: 2\nethernets: {eth1: ["],
        ["a tag that nobody knows", "!!python/object:os.system {}"],
        ["an alias to nothing", "{version: 2, ethernets: *nothing}"],
        ["a list", "[1, 2]"],
        ["lists and texts in place of mappings", "{version: 2, ethernets: [a], bonds: b, bridges: {br0: c}}"],
        ["mappings in place of lists", "{version: 1, config: {type: physical}}"],
        ["empty values", "version: 2\nethernets:\n  eth1:\n    addresses:\n    match:\n"],
        ["entries without a name", "{version: 1, config: [{type: physical, subnets: [{address: 10.0.0.5}]}]}"],
        ["links and networks that are none", '{"links": [null, 1, {}], "networks": [{}, {"link": "a"}]}'],
        ["a switched-off network", "{network: {config: disabled}}"],
    ];
    for (const [what, text] of unreadable) {
        it(`takes ${what} for no address`, () => assert.deepEqual(staticAddresses(text), []));
    }

    it("does not expand aliases without end", () => {
        const levels = Array.from({ length: 12 }, (_none, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(10)}]`);
        assert.deepEqual(staticAddresses(["version: 2", "l0: &l0 [x]", ...levels, "ethernets: {}"].join("\n")), []);
    });
});
