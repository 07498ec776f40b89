import assert from "node:assert/strict";
import { type IpConfig, validateIpConfig } from "../../core/ip-config";

const refused: [string, string, IpConfig, string, RegExp][] = [
    ["an unknown mode", "bridge", { mode: "auto" as "dhcp" }, "mode", /neither static nor dhcp/],
    ["static without address and pool", "bridge", { mode: "static" }, "address", /address or a pool/],
    ["an address without prefix", "bridge", { mode: "static", address: "10.0.0.5" }, "address", /prefix length/],
    ["a broken address", "bridge", { mode: "static", address: "10.0.0.300/24" }, "address", /not a canonical IPv4/],
    [
        "the network address",
        "bridge",
        { mode: "static", address: "10.0.0.0/24" },
        "address",
        /network address of 10\.0\.0\.0\/24/,
    ],
    ["the broadcast address", "bridge", { mode: "static", address: "10.0.0.255/24" }, "address", /broadcast address/],
    [
        "a gateway outside",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", gateway: "10.0.1.1" },
        "gateway",
        /outside 10\.0\.0\.0\/24/,
    ],
    [
        "the own address as gateway",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", gateway: "10.0.0.5" },
        "gateway",
        /own address/,
    ],
    [
        "the network address as gateway",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", gateway: "10.0.0.0" },
        "gateway",
        /network/,
    ],
    [
        "the broadcast address as gateway",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", gateway: "10.0.0.255" },
        "gateway",
        /broadcast/,
    ],
    [
        "a broken gateway",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", gateway: "10.0.0.1/24" },
        "gateway",
        /prefix length/,
    ],
    ["a gateway with DHCP", "bridge", { mode: "dhcp", gateway: "10.0.0.1" }, "gateway", /DHCP/],
    ["a further address with DHCP", "bridge", { mode: "dhcp", secondaryAddresses: 1 }, "secondaryAddresses", /DHCP/],
    ["an address to keep with DHCP", "bridge", { mode: "dhcp", reserved: true }, "reserved", /DHCP/],
    ["an address to keep on a pod NIC", "pod", { mode: "dhcp", reserved: true }, "reserved", /cluster/],
    ["an address with DHCP", "bridge", { mode: "dhcp", address: "10.0.0.5/24" }, "address", /DHCP/],
    [
        "a broken address from a pool",
        "bridge",
        { mode: "static", ipPool: "lan", address: "10.0.0.07" },
        "address",
        /not a canonical/,
    ],
    [
        "a bad DNS server",
        "bridge",
        { mode: "dhcp", dnsServers: ["10.0.0.53", "dns"] },
        "dnsServers[1]",
        /not a canonical/,
    ],
    ["a bad search domain", "bridge", { mode: "dhcp", searchDomains: ["-x"] }, "searchDomains[0]", /domain/],
    [
        "a route off the subnet",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", routes: [{ to: "10.9.0.0/16", via: "10.1.0.1" }] },
        "routes[0].via",
        /outside the NIC's subnet 10\.0\.0\.0\/24/,
    ],
    [
        "a route with host bits",
        "bridge",
        { mode: "dhcp", routes: [{ to: "10.9.0.1/16", via: "10.1.0.1" }] },
        "routes[0].to",
        /host bits/,
    ],
    [
        "a mixed route",
        "bridge",
        { mode: "dhcp", routes: [{ to: "10.9.0.0/16", via: "fd00::1" }] },
        "routes[0].via",
        /family/,
    ],
    [
        "a default route",
        "bridge",
        { mode: "dhcp", routes: [{ to: "0.0.0.0/0", via: "10.1.0.1" }] },
        "routes[0].to",
        /default route/,
    ],
    [
        "a default route by name",
        "bridge",
        { mode: "dhcp", routes: [{ to: "default", via: "10.1.0.1" }] },
        "routes[0].to",
        /default route/,
    ],
    [
        "a bad metric",
        "bridge",
        { mode: "dhcp", routes: [{ to: "10.9.0.0/16", via: "10.1.0.1", metric: -1 }] },
        "routes[0].metric",
        /metric/,
    ],
    [
        "static IPv4 behind masquerade",
        "pod",
        { mode: "static", address: "10.0.2.9/24" },
        "address",
        /10\.0\.2\.2\/24 by DHCP/,
    ],
    [
        "another IPv6 behind masquerade",
        "pod",
        { mode: "static", address: "fd10:0:2::3/120" },
        "address",
        /fd10:0:2::2\/120/,
    ],
    ["a pool behind masquerade", "pod", { mode: "static", ipPool: "lan" }, "ipPool", /pod network/],
];

const accepted: [string, string, IpConfig][] = [
    ["a static address with gateway", "bridge", { mode: "static", address: "10.0.0.5/24", gateway: "10.0.0.1" }],
    ["both of a /31", "bridge", { mode: "static", address: "10.0.0.0/31", gateway: "10.0.0.1" }],
    ["a pool alone", "bridge", { mode: "static", ipPool: "lan" }],
    ["an address of a pool", "bridge", { mode: "static", ipPool: "lan", address: "10.0.0.7" }],
    ["DHCP", "bridge", { mode: "dhcp" }],
    ["DHCP behind masquerade", "pod", { mode: "dhcp" }],
    ["the one IPv6 behind masquerade", "pod", { mode: "static", address: "fd10:0:2::2/120" }],
    [
        "IPv6 with its last address as gateway",
        "bridge",
        { mode: "static", address: "2001:db8::5/126", gateway: "2001:db8::7" },
    ],
    [
        "a route by a neighbour",
        "bridge",
        { mode: "static", address: "10.0.0.5/24", routes: [{ to: "10.9.0.0/16", via: "10.0.0.9", metric: 50 }] },
    ],
];

describe("address settings of a NIC", () => {
    for (const [what, type, config, field, rule] of refused) {
        it(`refuses ${what}`, () => {
            const problems = validateIpConfig("prod/web", "eth1", type, config);
            assert.equal(problems.length, 1, JSON.stringify(problems));
            assert.deepEqual(
                [problems[0]?.vm, problems[0]?.nic, problems[0]?.field],
                ["prod/web", "eth1", `ipConfig.${field}`],
            );
            assert.match(problems[0]?.rule ?? "", rule);
        });
    }
    for (const [what, type, config] of accepted) {
        it(`accepts ${what}`, () => assert.deepEqual(validateIpConfig("prod/web", "eth1", type, config), []));
    }
});
