import assert from "node:assert/strict";
import { machineAddresses, type MachineSpec, type NicAddress } from "../../core/machine-addresses";

const LAN = new Set(["prod/lan"]);
const MAC = "02:00:00:00:00:0a";

/** Three NICs: one on the pod network, one on `prod/lan`, one on `infra/lan`. */
const networks = [
    { name: "default", pod: {} },
    { name: "eth1", multus: { networkName: "lan" } },
    { name: "eth2", multus: { networkName: "infra/lan" } },
];
const interfaces = [
    { name: "default", masquerade: {}, macAddress: "02:00:00:00:00:01" },
    { name: "eth1", bridge: {}, macAddress: "02-00-00-00-00-0A" },
    { name: "eth2", bridge: {}, macAddress: "02:00:00:00:00:0b" },
];

function specWith(...volumes: NonNullable<MachineSpec["volumes"]>): MachineSpec {
    return { networks, domain: { devices: { interfaces } }, volumes };
}

function version2(match: string, address: string): string {
    return `{version: 2, ethernets: {x: {match: {macaddress: "${match}"}, addresses: [${address}]}}}`;
}

function found(spec: MachineSpec, status: Parameters<typeof machineAddresses>[2] = []): string[] {
    return machineAddresses("prod", spec, status, LAN).map((each: NicAddress) => Object.values(each).join(" "));
}

describe("the addresses of a machine's NICs", () => {
    it("are those that the status reports, of NICs on the networks asked for [case 54]", () => {
        const status = [
            { name: "default", ipAddress: "10.0.0.4", ipAddresses: ["10.0.0.4"] },
            { name: "eth1", ipAddress: "10.0.0.5", ipAddresses: ["10.0.0.5", "2001:DB8::5", "fe80::1%eth1"] },
            { name: "eth2", ipAddress: "10.0.0.6", ipAddresses: ["10.0.0.6"] },
            { interfaceName: "docker0", ipAddress: "10.0.0.7" },
        ];
        assert.deepEqual(found({ networks }, status), ["eth1 10.0.0.5 status", "eth1 2001:db8::5 status"]);
        assert.deepEqual(
            machineAddresses("prod", { networks }, status, new Set(["infra/lan"])).map(({ address }) => address),
            ["10.0.0.6"],
        );
        // A network is named within the namespace of the machine, unless it names one.
        assert.deepEqual(machineAddresses("test", { networks }, status, LAN), []);
    });

    for (const volume of ["cloudInitNoCloud", "cloudInitConfigDrive"] as const) {
        it(`are those of the network data of a ${volume} volume, by MAC address in any notation`, () => {
            const networkData = version2("02:00:00:00:00:0A", "10.0.0.5/24");
            assert.deepEqual(found(specWith({ [volume]: { networkData } })), ["eth1 10.0.0.5 cloud-init"]);
            const networkDataBase64 = Buffer.from(networkData).toString("base64");
            assert.deepEqual(found(specWith({ [volume]: { networkDataBase64 } })), ["eth1 10.0.0.5 cloud-init"]);
        });
    }

    it("are of the plain network data where there is base64 too, as KubeVirt takes it", () => {
        const networkDataBase64 = Buffer.from(version2(MAC, "10.0.0.6/24")).toString("base64");
        const networkData = version2(MAC, "10.0.0.5/24");
        assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkData, networkDataBase64 } })), [
            "eth1 10.0.0.5 cloud-init",
        ]);
        assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkData: "", networkDataBase64 } })), [
            "eth1 10.0.0.6 cloud-init",
        ]);
    });

    it("go by the NIC's name where the network data has no MAC address", () => {
        const networkData =
            "{version: 2, ethernets: {eth1: {addresses: [10.0.0.5/24]}, enp2s0: {addresses: [10.0.0.6/24]}}}";
        assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkData } })), ["eth1 10.0.0.5 cloud-init"]);
    });

    it("go by the MAC address that KubeVirt chose and reports, where the spec has none", () => {
        const spec = { networks, volumes: [{ cloudInitNoCloud: { networkData: version2(MAC, "10.0.0.5/24") } }] };
        assert.deepEqual(found(spec), []);
        assert.deepEqual(found(spec, [{ name: "eth1", mac: MAC }]), ["eth1 10.0.0.5 cloud-init"]);
    });

    it("are not those of NICs on other networks, nor of NICs that the machine has not [case 54]", () => {
        for (const mac of ["02:00:00:00:00:01", "02:00:00:00:00:0b", "02:00:00:00:00:0c"]) {
            const networkData = version2(mac, "10.0.0.5/24");
            assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkData } })), [], mac);
        }
    });

    it("are told once, where status and network data agree", () => {
        const spec = specWith({ cloudInitNoCloud: { networkData: version2(MAC, "10.0.0.5/24") } });
        assert.deepEqual(found(spec, [{ name: "eth1", ipAddress: "10.0.0.5" }]), ["eth1 10.0.0.5 status"]);
    });

    it("are none where the network data cannot be read, or lies in a Secret [case 60]", () => {
        assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkData: "FakeNetworkData: [" } })), []);
        assert.deepEqual(found(specWith({ cloudInitNoCloud: { networkDataBase64: "%%%" } })), []);
        const secret = { cloudInitNoCloud: { networkDataSecretRef: { name: "network" } } };
        const others = [secret, { containerDisk: { image: "disk" } }] as NonNullable<MachineSpec["volumes"]>;
        assert.deepEqual(found(specWith(...others)), []);
        assert.deepEqual(machineAddresses("prod", undefined, [{ name: "eth1", ipAddress: "10.0.0.5" }], LAN), []);
    });
});
