import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { defaultRouteNic, type GuestNic, guestNetworkConfig, isGuestDeviceName } from "../../core/guest-network";

interface Ethernet {
    match: { macaddress: string };
    "set-name"?: string;
    dhcp4: boolean;
    "dhcp4-overrides"?: object;
    addresses?: string[];
    routes?: { to: string; via: string }[];
    optional?: boolean;
    [field: string]: unknown;
}

/** As a guest reads it: with YAML 1.1. */
function read(nics: readonly GuestNic[]): { version: number; ethernets: Record<string, Ethernet> } {
    return parse(guestNetworkConfig(nics), { version: "1.1" }) as ReturnType<typeof read>;
}

const POD: GuestNic = { name: "eth0", macAddress: "02:4b:11:00:00:01", mode: "dhcp" };
const LAN: GuestNic = {
    name: "eth1",
    macAddress: "02:4b:11:00:00:02",
    mode: "static",
    addresses: ["10.20.0.11/24"],
    gateways: ["10.20.0.1"],
};

const anyNic = fc
    .record({
        mac: fc.integer({ min: 0, max: 0xffffffff }),
        mode: fc.constantFrom("dhcp" as const, "static" as const, "none" as const),
        gateways: fc.constantFrom(undefined, ["10.0.0.1"], ["2001:db8::1"], ["10.0.0.1", "2001:db8::1"]),
        isDefaultRoute: fc.boolean(),
        primary: fc.boolean(),
        routes: fc.constantFrom(undefined, [{ to: "10.9.0.0/16", via: "10.0.0.9" }]),
    })
    .map(({ mac, ...rest }): Omit<GuestNic, "name"> => {
        const octets = mac.toString(16).padStart(8, "0").match(/../g) as string[];
        return { macAddress: `02:00:${octets.join(":")}`, addresses: ["10.0.0.5/24", "2001:db8::5/64"], ...rest };
    });
const anyNics = fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$/), anyNic), {
        selector: ([name]) => name,
        maxLength: 5,
    })
    .map((pairs) => pairs.map(([name, nic]): GuestNic => ({ name, ...nic })));

describe("guest network", () => {
    it("renders what cloud-init documents", () => {
        assert.equal(
            guestNetworkConfig([
                POD,
                {
                    ...LAN,
                    dnsServers: ["10.20.0.2"],
                    searchDomains: ["corp.local"],
                    mtu: 1400,
                    routes: [{ to: "10.30.0.0/16", via: "10.20.0.1", metric: 50 }],
                    isDefaultRoute: true,
                },
            ]),
            `version: 2
ethernets:
  eth0:
    match:
      macaddress: "02:4b:11:00:00:01"
    set-name: "eth0"
    dhcp4: true
    dhcp4-overrides:
      use-routes: false
      use-dns: false
  eth1:
    match:
      macaddress: "02:4b:11:00:00:02"
    set-name: "eth1"
    mtu: 1400
    dhcp4: false
    addresses:
      - "10.20.0.11/24"
    nameservers:
      addresses:
        - "10.20.0.2"
      search:
        - "corp.local"
    routes:
      - to: "0.0.0.0/0"
        via: "10.20.0.1"
      - to: "10.30.0.0/16"
        via: "10.20.0.1"
        metric: 50
    optional: true
`,
        );
    });

    it("quotes what YAML 1.1 reads as something else", () => {
        // PyYAML reads 52:54:00:12:34:56 as this number (base 60).
        assert.equal(parse("52:54:00:12:34:56", { version: "1.1" }), 41135085296);
        const { ethernets } = read([
            { ...POD, name: "on", macAddress: "52:54:00:12:34:56" },
            { ...LAN, name: "1e3", searchDomains: ["no"] },
        ]);
        assert.deepEqual(Object.keys(ethernets).sort(), ["1e3", "on"]);
        assert.equal(ethernets.on?.match.macaddress, "52:54:00:12:34:56");
        assert.deepEqual(ethernets["1e3"]?.nameservers, { search: ["no"] });
        assert.match(guestNetworkConfig([{ ...POD, name: "on" }]), /^ {2}"on":$/m);
    });

    it("has every NIC by its MAC, default routes by one NIC at most, one a family, and none by another spelling", () => {
        fc.assert(
            fc.property(anyNics, (nics) => {
                const text = guestNetworkConfig(nics);
                const { version, ethernets } = read(nics);
                assert.equal(version, 2);
                assert.deepEqual(
                    Object.fromEntries(Object.entries(ethernets).map(([name, { match }]) => [name, match.macaddress])),
                    Object.fromEntries(nics.map(({ name, macAddress }) => [name, macAddress])),
                );
                const carriers = Object.values(ethernets)
                    .map(({ routes }) => (routes ?? []).filter(({ to }) => /\/0$/.test(to)))
                    .filter((routes) => routes.length > 0);
                const defaults = carriers.flat();
                assert.equal(new Set(defaults.map(({ to }) => to)).size, defaults.length);
                assert.ok(defaults.every(({ to, via }) => to === (via.includes(":") ? "::/0" : "0.0.0.0/0")));
                assert.doesNotMatch(text, /gateway4|gateway6|to: "?default/);
                const free = Object.values(ethernets).filter((of) => of.dhcp4 && of["dhcp4-overrides"] === undefined);
                assert.ok(free.length + carriers.length <= 1, "two NICs bring a default route");
            }),
            { numRuns: 300 },
        );
    });

    describe("default route", () => {
        const rows: [string, GuestNic[], string | undefined][] = [
            ["no NIC has one", [{ ...LAN, gateways: undefined }], undefined],
            ["the primary has a gateway", [LAN, { ...LAN, name: "b" }], "eth1"],
            ["the primary has DHCP", [POD, LAN], "eth0"],
            ["a NIC says so", [POD, { ...LAN, isDefaultRoute: true }], "eth1"],
            [
                "the primary has neither, another a gateway",
                [{ ...LAN, gateways: undefined }, POD, { ...LAN, name: "b" }],
                "b",
            ],
            ["the primary has neither, another DHCP", [{ ...LAN, gateways: undefined }, POD], "eth0"],
            ["the primary is not the first", [LAN, { ...LAN, name: "b", primary: true }], "b"],
            ["only a NIC without addresses has a gateway", [{ ...LAN, mode: "none" }], undefined],
            ["there is no NIC", [], undefined],
        ];
        for (const [what, nics, name] of rows) {
            it(`goes to ${name ?? "none"} where ${what}`, () => assert.equal(defaultRouteNic(nics)?.name, name));
        }

        it("is numeric, for IPv6 too", () => {
            const { ethernets } = read([{ ...LAN, addresses: ["2001:db8::5/64"], gateways: ["2001:db8::1"] }]);
            assert.deepEqual(ethernets.eth1?.routes, [{ to: "::/0", via: "2001:db8::1" }]);
        });
    });

    it("holds up the boot for the primary only", () => {
        const { ethernets } = read([POD, LAN, { ...LAN, name: "c", optional: false }]);
        assert.deepEqual(
            [POD.name, LAN.name, "c"].map((name) => ethernets[name]?.optional),
            [undefined, true, undefined],
        );
    });

    it("is the same text in whatever order the NICs are declared", () => {
        const primary = { ...LAN, name: "a", gateways: undefined, primary: true };
        const nics = [primary, LAN, { ...LAN, name: "c" }];
        for (const order of [nics.toReversed(), [nics[1]!, nics[0]!, nics[2]!]]) {
            assert.equal(guestNetworkConfig(order), guestNetworkConfig(nics));
            assert.equal(defaultRouteNic(order)?.name, "c");
        }
    });

    it("leaves a NIC without mode bare, but matched", () => {
        const { ethernets } = read([POD, { ...LAN, mode: "none", mtu: 9000, dnsServers: ["10.0.0.53"] }]);
        assert.deepEqual(ethernets.eth1, {
            match: { macaddress: "02:4b:11:00:00:02" },
            "set-name": "eth1",
            mtu: 9000,
            dhcp4: false,
            optional: true,
        });
    });

    it("names only devices the kernel and systemd take", () => {
        for (const name of ["eth0", "lan-100", "a".repeat(15), "0x1f"]) {
            assert.ok(isGuestDeviceName(name), name);
        }
        for (const name of ["a".repeat(16), "lo", "all", "default", "100", "-a", "a/b", "a:b", "a b", ".."]) {
            assert.ok(!isGuestDeviceName(name), name);
        }
        const { ethernets } = read([{ ...POD, name: "a-very-long-nic-name" }]);
        assert.equal(ethernets["a-very-long-nic-name"]?.["set-name"], undefined);
    });
});
