import assert from "node:assert/strict";
import type { BridgeNetworkSpec } from "../../core/cni/bridge";
import { leaveOut, nftObstacle, vlanObstacle } from "./obstacle";
import { OUTSIDE } from "./stand";
import { useStand } from "./use-stand";

const LAN: BridgeNetworkSpec = { type: "bridge", name: "lan", bridge: "br1" };

describe("a bridge network, by the real CNI plugin, behind KubeVirt's bridge binding", function () {
    this.timeout(300_000);
    const suite = useStand({ bridge: "br1" });

    it("is added and deleted", async () => {
        const { code, text } = await suite.stand.cni("add", LAN, "pod", "02:4b:11:00:00:05");
        assert.equal(code, 0, text);
        const result = JSON.parse(text) as {
            interfaces: { name: string; mac: string; sandbox?: string }[];
            ips?: object[];
        };
        assert.deepEqual(
            result.interfaces.filter(({ sandbox }) => sandbox !== undefined).map(({ name, mac }) => [name, mac]),
            [["net1", "02:4b:11:00:00:05"]],
        );
        assert.deepEqual(result.ips ?? [], [], "the guest has the address");
        // The plugin's CHECK (cmdCheck) asks the IPAM plugin without looking whether there is one; nobody calls it for a pod.
        assert.deepEqual(await suite.stand.cni("check", LAN, "pod"), { code: 1, text: "no plugin name provided\n" });
        assert.deepEqual(await suite.stand.cni("del", LAN, "pod"), { code: 0, text: "" });
        assert.doesNotMatch(await suite.stand.ipIn("pod", "link show"), /net1/);
    });

    it("passes frames between guests, and between guests and the host behind the uplink", async () => {
        const one = await suite.stand.guest(LAN, "one", 11);
        const two = await suite.stand.guest(LAN, "two", 12);
        assert.equal(one.mac, "02:4b:11:00:00:0b", "the guest has the MAC address that was asked for");
        assert.deepEqual(
            [
                await suite.stand.reaches(one, OUTSIDE),
                await suite.stand.reaches("outside", one.address),
                await suite.stand.reaches(one, two.address),
                await suite.stand.reaches(two, one.address),
            ],
            [true, true, true, true],
        );
    });

    it("gives the NIC its MTU, and takes the whole bridge down to it: so one MTU for each bridge", async () => {
        const mtuOf = async (where: string, device: string): Promise<string | undefined> =>
            /mtu (\d+)/.exec(await suite.stand.ipIn(where, `link show ${device}`))?.[1];
        assert.equal(await mtuOf("node", "br1"), "1500");
        const { code, text } = await suite.stand.cni("add", { ...LAN, mtu: 1400 }, "pod");
        assert.equal(code, 0, text);
        assert.deepEqual([await mtuOf("pod", "net1"), await mtuOf("node", "br1")], ["1400", "1400"]);
    });

    it("keeps isolated guests apart, but neither from the uplink nor from a guest that is not isolated", async () => {
        const isolated = { ...LAN, isolation: true };
        const one = await suite.stand.guest(isolated, "one", 11);
        const two = await suite.stand.guest(isolated, "two", 12);
        const open = await suite.stand.guest({ ...LAN, name: "open" }, "three", 13);
        assert.deepEqual(
            [
                await suite.stand.reaches(one, OUTSIDE),
                await suite.stand.reaches(two, OUTSIDE),
                await suite.stand.reaches(one, open.address),
                await suite.stand.isHeard(one, two.address),
            ],
            [true, true, true, false],
        );
    });

    it("drops frames of another MAC address than the NIC's where it checks them", async function () {
        const obstacle = await nftObstacle();
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        const guest = await suite.stand.guest({ ...LAN, macSpoofCheck: true }, "one", 11);
        assert.ok(await suite.stand.reaches(guest, OUTSIDE), "with the MAC address of the NIC");
        await suite.stand.ipIn(guest.name, "link set eth0 address 02:00:00:00:00:99");
        assert.equal(await suite.stand.isHeard(guest, OUTSIDE), false, "with another one");
        await suite.stand.ipIn(guest.name, `link set eth0 address ${guest.mac}`);
        assert.ok(await suite.stand.reaches(guest, OUTSIDE), "with its own again");
    });

    describe("with VLANs", () => {
        before(async function () {
            const obstacle = await vlanObstacle();
            if (obstacle !== undefined) {
                leaveOut(this, obstacle);
            }
        });

        it("keeps two VLANs apart, and gives the port no VLAN but its own", async () => {
            await suite.stand.ipIn("node", "link set br1 type bridge vlan_filtering 1");
            const blue = { ...LAN, vlanId: 100 };
            const one = await suite.stand.guest(blue, "one", 11);
            const two = await suite.stand.guest(blue, "two", 12);
            const red = await suite.stand.guest({ ...LAN, name: "red", vlanId: 200 }, "three", 13);
            assert.deepEqual(
                [await suite.stand.reaches(one, two.address), await suite.stand.isHeard(one, red.address)],
                [true, false],
            );
            assert.deepEqual((await suite.stand.vlansOfPorts("br1")).sort(), [
                "100 PVID Egress Untagged",
                "100 PVID Egress Untagged",
                "200 PVID Egress Untagged",
            ]);
        });

        it("gives the port of a trunk the native VLAN untagged and the others tagged, also where the list has both", async () => {
            await suite.stand.ipIn("node", "link set br1 type bridge vlan_filtering 1");
            const trunk = { ...LAN, vlanId: 10, trunk: [10, 101, "200-201"] };
            const { code, text } = await suite.stand.cni("add", trunk, "one");
            assert.equal(code, 0, text);
            assert.deepEqual(await suite.stand.vlansOfPorts("br1"), ["10 PVID Egress Untagged", "101", "200", "201"]);
        });
    });
});
