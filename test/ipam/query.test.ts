import assert from "node:assert/strict";
import { ClusterError } from "../../cluster/errors";
import { lookup, type Tenancy, type TenancyFilter } from "../../cluster/ipam";
import {
    AddressRecords,
    ago,
    clearAfterwards,
    recordingClient,
    type RecordingClient,
    uniqueName,
    withClockAhead,
} from "./query-objects";

describe("lookup", () => {
    const space = uniqueName("query-a");
    const other = uniqueName("query-b");
    const pool = uniqueName("query-pool");
    let client: RecordingClient;
    let records: AddressRecords;
    let allocatedAt: string;

    /** The addresses that fit. */
    const addresses = async (filter: TenancyFilter): Promise<string[]> =>
        (await lookup(client, filter)).map((tenancy) => tenancy.address);

    /** What a question cost: the requests, and how many objects came. */
    const costOf = async (filter: TenancyFilter): Promise<RecordingClient["asked"]> => {
        client.asked.length = 0;
        await lookup(client, filter);
        return client.asked;
    };

    before(async () => {
        client = await recordingClient();
        await client.list({ group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false });
        records = new AddressRecords(client, space);
        allocatedAt = ago(client, 3600);
        const web = { pool, origin: "Auto", allocatedAt } as const;
        await records.reserve({
            ...web,
            address: "198.18.9.10",
            owner: "query-prod/web/eth1",
            macAddress: "02:00:c6:12:09:0a",
        });
        await records.reserve({ ...web, address: "198.18.9.9", owner: "query-prod/web/eth1#1" });
        await records.reserve({ ...web, address: "2001:db8:77::9", owner: "query-prod/web/eth2" });
        await records.reserve({ ...web, address: "198.18.9.11", owner: "query-prod/web-2/eth1", pool: `${pool}-2` });
        await records.reserve({ ...web, address: "198.18.9.12", owner: "owner:a printer, room=7", origin: "Static" });
        // Labels can be changed by anybody; what the reservation is for cannot.
        const { labels } = await client
            .get(
                {
                    group: "vm.novasphere.dev",
                    version: "v1alpha1",
                    plural: "ipreservations",
                    kind: "",
                    namespaced: false,
                },
                undefined,
                `${space}.v4-198.18.9.10`,
            )
            .then(({ metadata }) => metadata);
        await records.reserve({ address: "198.18.9.13", owner: "query-prod/liar/eth1", pool }, labels);
        await records.reserve({ address: "198.18.9.10", owner: "query-test/web/eth1", space: other });
    });

    clearAfterwards(
        () => records,
        () => [space, other],
    );

    it("[case 62] finds the addresses of a VM, of all its NICs, and of no VM with a longer name", async () => {
        assert.deepEqual(await addresses({ vm: "query-prod/web" }), ["198.18.9.9", "198.18.9.10", "2001:db8:77::9"]);
        assert.deepEqual(await addresses({ vm: "query-prod/web-2" }), ["198.18.9.11"]);
        assert.deepEqual(await addresses({ vm: "query-prod/we" }), []);
    });

    it("finds an address in every space, or in one", async () => {
        const everywhere = await lookup(client, { address: "198.18.9.10" });
        assert.deepEqual(
            everywhere.map((tenancy) => [tenancy.space, tenancy.owner]),
            [
                [space, "query-prod/web/eth1"],
                [other, "query-test/web/eth1"],
            ],
        );
        assert.deepEqual(
            (await lookup(client, { address: "198.18.9.10", space: other })).map(({ owner }) => owner),
            ["query-test/web/eth1"],
        );
        assert.deepEqual(await lookup(client, { address: "198.18.9.99", space }), []);
        assert.deepEqual(await lookup(client, { address: "198.18.9.99" }), []);
    });

    it("[case 62] finds a MAC address in any notation", async () => {
        for (const macAddress of ["02:00:c6:12:09:0a", "02-00-C6-12-09-0A", "0200.c612.090a"]) {
            assert.deepEqual(await addresses({ macAddress }), ["198.18.9.10"], macAddress);
        }
    });

    it("finds an IPv6 address in another spelling", async () => {
        assert.deepEqual(await addresses({ address: "2001:DB8:77:0::0009", space }), ["2001:db8:77::9"]);
    });

    it("finds what an owner has, a free text with separators included", async () => {
        assert.deepEqual(await addresses({ owner: "owner:a printer, room=7" }), ["198.18.9.12"]);
        assert.deepEqual(await addresses({ owner: "query-prod/web/eth1" }), ["198.18.9.10"]);
        assert.deepEqual(await addresses({ owner: "query-prod/web/eth1#1" }), ["198.18.9.9"]);
    });

    it("wants all members of a filter to fit", async () => {
        assert.deepEqual(await addresses({ pool, vm: "query-prod/web-2" }), []);
        assert.deepEqual(await addresses({ pool: `${pool}-2`, vm: "query-prod/web-2", space }), ["198.18.9.11"]);
        assert.deepEqual(await addresses({ address: "198.18.9.10", space, vm: "query-prod/web-2" }), []);
    });

    it("takes a pool's name by the letter", async () => {
        assert.deepEqual(await addresses({ pool: `${pool},spec.address=198.18.9.10` }), []);
        assert.deepEqual(await addresses({ pool: `${pool}\\` }), []);
    });

    it("orders by the numbers of the addresses, not by their texts", async () => {
        assert.deepEqual(await addresses({ space }), [
            "198.18.9.9",
            "198.18.9.10",
            "198.18.9.11",
            "198.18.9.12",
            "198.18.9.13",
            "2001:db8:77::9",
        ]);
    });

    it("tells all of a tenancy in plain members", async () => {
        const expected: Tenancy = {
            address: "198.18.9.10",
            family: "IPv4",
            space,
            pool,
            owner: "query-prod/web/eth1",
            manager: "acme/shop/prod",
            vm: "query-prod/web",
            nic: "eth1",
            macAddress: "02:00:c6:12:09:0a",
            state: "Active",
            origin: "Auto",
            from: allocatedAt,
        };
        assert.deepEqual(await lookup(client, { space, address: "198.18.9.10" }), [expected]);
        const [printer] = await lookup(client, { space, address: "198.18.9.12" });
        assert.deepEqual([printer?.vm, printer?.nic, printer?.origin], [undefined, undefined, "Static"]);
    });

    it("reads one object where space and address are known", async () => {
        assert.deepEqual(await costOf({ space, address: "198.18.9.10" }), [
            { request: `GET /apis/vm.novasphere.dev/v1alpha1/ipreservations/${space}.v4-198.18.9.10`, objects: 1 },
        ]);
    });

    const NARROW: [string, TenancyFilter, number][] = [
        ["an address", { address: "198.18.9.10" }, 2],
        ["a MAC address", { macAddress: "02:00:c6:12:09:0a" }, 1],
        ["a pool", { pool: `${pool}-2` }, 1],
        ["a VM", { vm: "query-prod/web-2" }, 1],
        ["an owner", { owner: "query-prod/web/eth2" }, 1],
        ["a space", { space: other }, 1],
        ["a space and a pool", { space, pool: `${pool}-2` }, 1],
    ];
    for (const [what, filter, objects] of NARROW) {
        it(`has the API server choose where ${what} is asked about`, async () => {
            const [only, ...others] = await costOf(filter);
            assert.deepEqual([only?.objects, others], [objects, []]);
        });
    }

    const WRONG: [TenancyFilter, RegExp][] = [
        [{ address: "198.18.9.010" }, /^The address "198\.18\.9\.010" cannot be looked up: it is not a canonical IPv4/],
        [{ address: "198.18.9.1/24" }, /prefix length where an address alone belongs\.$/],
        [{ macAddress: "01:00:5e:00:00:01" }, /^The MAC address "01:00:5e:00:00:01" .*multicast/],
        [{ vm: "web" }, /^The virtual machine "web" cannot be looked up: .*namespace\/name\.$/],
        [{ vm: "Prod/web" }, /namespace\/name/],
        [{ space: "a,b" }, /^The space "a,b" cannot be looked up: a space is a DNS label/],
    ];
    for (const [filter, message] of WRONG) {
        it(`refuses ${JSON.stringify(filter)} before anything is asked`, async () => {
            client.asked.length = 0;
            await assert.rejects(lookup(client, filter), (error) => {
                assert.ok(error instanceof ClusterError && error.reason === "invalid");
                assert.match(error.message, message);
                return true;
            });
            assert.deepEqual(client.asked, []);
        });
    }

    describe("of what was released", () => {
        const released = uniqueName("query-c");

        before(async () => {
            const parts = {
                space: released,
                state: "Released",
                allocatedAt: ago(client, 7200),
                releasedAt: ago(client, 1800),
                releaseReason: "deleted",
            } as const;
            await records.reserve({ ...parts, address: "198.18.10.1", owner: "query-c/a/eth1", retain: true });
            await records.reserve({
                ...parts,
                address: "198.18.10.2",
                owner: "query-c/b/eth1",
                reusableAt: ago(client, -1800),
            });
            await records.reserve({
                ...parts,
                address: "198.18.10.3",
                owner: "query-c/c/eth1",
                reusableAt: ago(client, 1),
            });
        });

        after(async () => records.clear([released]));

        it("tells what is retained", async () => {
            const [found] = await lookup(client, { space: released, address: "198.18.10.1" });
            assert.equal(found?.state, "Retained");
            assert.equal(found.reusableAt, undefined);
            assert.equal(found.reason, "deleted");
            assert.equal(Date.parse(found.to!) - Date.parse(found.from), 5_400_000);
        });

        it("[case 37] tells what rests, and what has rested, by the server's clock", async () => {
            for (const ahead of [0, 3600, -3600]) {
                await withClockAhead(ahead, async () => {
                    const fresh = await recordingClient();
                    const [rests] = await lookup(fresh, { space: released, address: "198.18.10.2" });
                    const [rested] = await lookup(fresh, { space: released, address: "198.18.10.3" });
                    assert.deepEqual([rests?.state, rested?.state], ["Quarantined", "Reusable"], `${ahead} s`);
                    assert.ok(Date.parse(rests!.reusableAt!) > Date.parse(rests!.to!));
                });
            }
        });
    });
});
