import assert from "node:assert/strict";
import { poolAllocations, reservedAddresses, type WhereaboutsPoolSpec } from "../../core/whereabouts";

function allocated(range: string, ...offsets: string[]): string[] {
    const allocations = Object.fromEntries(offsets.map((offset) => [offset, { id: "c", podref: "prod/x" }]));
    return poolAllocations({ range, allocations }).map(({ address }) => address.text);
}

describe("Whereabouts", () => {
    describe("the offsets of a pool", () => {
        // pkg/iphelpers/iphelpers_test.go, "IPGetOffset operations" and "IPAddOffset operations".
        const upstream: [string, string, string][] = [
            ["192.168.1.0/24", "1", "192.168.1.1"],
            ["192.168.3.0/22", "256", "192.168.4.0"],
            ["192.168.1.1/16", "256", "192.168.2.1"],
            ["ff02::1/64", "65535", "ff02::1:0"],
            ["2000::1/64", "65535", "2000::1:0"],
        ];
        for (const [range, offset, address] of upstream) {
            it(`counts ${offset} from ${range} to ${address}`, () =>
                assert.deepEqual(allocated(range, offset), [address]));
        }

        it("tells the pods, where it has them", () => {
            const spec: WhereaboutsPoolSpec = {
                range: "10.0.0.0/24",
                allocations: { "5": { podref: "prod/x" }, "6": {} },
            };
            assert.deepEqual(
                poolAllocations(spec).map(({ address, pod }) => [address.text, pod]),
                [
                    ["10.0.0.5", "prod/x"],
                    ["10.0.0.6", undefined],
                ],
            );
        });

        it("are exact beyond 2^53", () =>
            // 2^63-1, the largest offset that Whereabouts reads.
            assert.deepEqual(allocated("2001:db8::/64", "9223372036854775807"), ["2001:db8::7fff:ffff:ffff:ffff"]));

        it("leaves out what Whereabouts does: no number, nothing beyond the last address", () =>
            assert.deepEqual(allocated("255.255.255.0/24", "x", "-1", "1.5", "0x1", "", "256", "255"), [
                "255.255.255.255",
            ]));

        it("leaves out a pool without a readable range", () => {
            assert.deepEqual(allocated("default", "1"), []);
            assert.deepEqual(poolAllocations({}), []);
        });
    });

    describe("the names of reservations", () => {
        // By `NormalizeIP` of pkg/storage/kubernetes/ipam.go.
        const names: [string, string][] = [
            ["10.0.0.5", "10.0.0.5"],
            ["lan-10.0.0.5", "10.0.0.5"],
            ["lan-100-10.0.0.5", "10.0.0.5"],
            ["2001-db8--5", "2001:db8::5"],
            ["2001-db8--0", "2001:db8::"],
            ["2001-db8-1-2-3-4-5-6", "2001:db8:1:2:3:4:5:6"],
            ["lan-2001-db8--5", "2001:db8::5"],
            ["lan-a-2001-db8--5", "2001:db8::5"],
            ["cafe-2001-db8-1-2-3-4-5-6", "2001:db8:1:2:3:4:5:6"],
            ["lan-100-fd00--0", "fd00::"],
        ];
        for (const [name, address] of names) {
            it(`${name} stands for ${address}`, () =>
                assert.ok(reservedAddresses(name).some(({ text }) => text === address)));
        }

        it("mean one address only, where they can mean but one", () => {
            assert.equal(reservedAddresses("lan-100-10.0.0.5").length, 1);
            assert.equal(reservedAddresses("cafe-2001-db8-1-2-3-4-5-6").length, 1);
        });

        for (const name of ["", "lan", "lan-1", "10.0.0", "10.0.0.5-lan", "10.0.0.256"]) {
            it(`${JSON.stringify(name)} stands for none`, () => assert.deepEqual(reservedAddresses(name), []));
        }
    });
});
