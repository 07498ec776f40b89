import assert from "node:assert/strict";
import { ClusterError } from "../../cluster/errors";
import { type PoolUsage, usage } from "../../cluster/ipam";
import { IP_POOL } from "../../cluster/kinds";
import {
    AddressRecords,
    ago,
    clearAfterwards,
    recordingClient,
    type RecordingClient,
    uniqueName,
} from "./query-objects";

describe("usage", () => {
    const space = uniqueName("usage-a");
    const other = uniqueName("usage-b");
    const [plain, dual, overlapping, elsewhere, tiny, broken] = [
        "plain",
        "dual",
        "overlapping",
        "elsewhere",
        "tiny",
        "broken",
    ].map((name) => uniqueName(`usage-${name}`)) as [string, string, string, string, string, string];
    let client: RecordingClient;
    let records: AddressRecords;

    /** The counts of a pool that are not 0, by family. */
    const countsOf = async (pool: string): Promise<Record<string, object>> =>
        Object.fromEntries((await usage(client, pool)).map((each) => [each.family, counts(each)]));

    const counts = ({ pool: _pool, space: _space, family: _family, disabled: _disabled, ...all }: PoolUsage): object =>
        Object.fromEntries(Object.entries(all).filter(([, count]) => count !== 0n));

    before(async () => {
        client = await recordingClient();
        await client.list(IP_POOL);
        records = new AddressRecords(client, space);
        await records.pool(plain, {
            blocks: [{ cidr: "198.18.30.0/24", gateway: "198.18.30.1", exclude: ["198.18.30.240/28"] }],
            staticBand: 10,
            dnsServers: ["198.18.30.53"],
        });
        await records.pool(dual, {
            blocks: [{ cidr: "198.18.31.0/29" }, { cidr: "2001:db8:30::/64" }],
            disabled: true,
        });
        await records.pool(overlapping, {
            blocks: [{ cidr: "198.18.30.0/24", ranges: ["198.18.30.20-198.18.30.29"] }],
        });
        await records.pool(elsewhere, { space: other, blocks: [{ cidr: "198.18.30.0/24" }] });
        await records.pool(tiny, { blocks: [{ cidr: "198.18.32.0/31" }, { cidr: "198.18.32.4/32" }] });

        const released = { state: "Released", releasedAt: ago(client, 60), releaseReason: "deleted" } as const;
        const reserve = async (address: string, more: object = {}): Promise<void> =>
            records.reserve({
                address,
                owner: `usage/vm-${address.replaceAll(/[.:]/g, "-")}/eth1`,
                pool: plain,
                ...more,
            });
        await reserve("198.18.30.5"); // in the static band, which is .2 to .11
        await reserve("198.18.30.20"); // as the next ones, in the overlapping pool too
        await reserve("198.18.30.21", { ...released, retain: true });
        await reserve("198.18.30.22", { ...released, reusableAt: ago(client, -600) });
        await reserve("198.18.30.23", { ...released, reusableAt: ago(client, 1) }); // anybody's again
        await reserve("198.18.30.25", { pool: overlapping });
        await reserve("198.18.30.30");
        await reserve("198.18.30.241"); // the exclusion came later
        await reserve("198.18.99.1"); // its block is gone
        await reserve("198.18.99.2", { ...released, reusableAt: ago(client, 1) });
        await reserve("2001:db8:99::1"); // so is its family
        await reserve("198.18.30.40", { pool: undefined }); // without a pool
        await reserve("198.18.31.1", { pool: dual });
        await reserve("2001:db8:30::1", { pool: dual });
    });

    clearAfterwards(
        () => records,
        () => [space, other],
    );

    it("counts by state, and tells what is held although the pool would not give it out any more", async () => {
        // 256 addresses less network, gateway and .240 to .255, the broadcast address among these.
        assert.deepEqual(await countsOf(plain), {
            IPv4: {
                total: 238n,
                active: 5n, // .5, .20, .25, .30, .40
                retained: 1n,
                quarantined: 1n,
                free: 231n,
                staticOnly: 10n, // nine of the band, and the DNS server
                outside: 2n, // .241 and 198.18.99.1
            },
            IPv6: { outside: 1n },
        });
    });

    it("counts what others took where pools overlap, and nothing of another space", async () => {
        assert.deepEqual(await countsOf(overlapping), {
            IPv4: { total: 10n, active: 2n, retained: 1n, quarantined: 1n, free: 6n },
        });
        assert.deepEqual(await countsOf(elsewhere), { IPv4: { total: 254n, free: 254n } });
    });

    it("[case 15] counts all of an IPv6 network, exactly", async () => {
        // 2^64 less the subnet-router anycast address.
        const total = 18446744073709551615n;
        assert.deepEqual(await countsOf(dual), {
            IPv4: { total: 6n, active: 1n, free: 5n },
            IPv6: { total, active: 1n, free: total - 1n },
        });
    });

    it("[case 13] counts both addresses of a /31, and the one of a /32", async () => {
        assert.deepEqual(await countsOf(tiny), { IPv4: { total: 3n, free: 3n } });
    });

    it("says which pools nothing is chosen from", async () => {
        assert.deepEqual(
            (await usage(client, dual)).map(({ disabled }) => disabled),
            [true, true],
        );
        assert.deepEqual(
            (await usage(client, tiny)).map(({ disabled }) => disabled),
            [false],
        );
    });

    it("[case 73] adds up, for every pool, which it tells in the order of their names", async () => {
        const all = await usage(client, undefined, () => undefined);
        for (const { pool, total, active, retained, quarantined, free } of all) {
            assert.equal(active + retained + quarantined + free, total, pool);
        }
        const ours = all.filter((each) => [space, other].includes(each.space));
        const named = await Promise.all([...new Set(ours.map(({ pool }) => pool))].map((pool) => usage(client, pool)));
        assert.deepEqual(ours, named.flat());
        assert.deepEqual(
            ours.map(({ pool, family }) => [pool, family]),
            [
                [dual, "IPv4"],
                [dual, "IPv6"],
                [elsewhere, "IPv4"],
                [overlapping, "IPv4"],
                [plain, "IPv4"],
                [plain, "IPv6"],
                [tiny, "IPv4"],
            ],
        );
    });

    it("reads the reservations of the pool's space alone", async () => {
        client.asked.length = 0;
        await usage(client, elsewhere);
        assert.deepEqual(
            client.asked.map(({ objects }) => objects),
            [1, 0],
        );
    });

    it("names the pools that there are, where it is asked for another", async () => {
        await assert.rejects(usage(client, "no-such-pool"), (error) => {
            assert.ok(error instanceof ClusterError && error.reason === "not-found");
            assert.match(error.message, /^There is no IPPool "no-such-pool" on the cluster at https:.*, only: .*\.$/);
            assert.ok(error.message.includes(plain));
            return true;
        });
    });

    it("tells of a pool that was edited into none, and counts the others", async () => {
        await records.pool(broken, { blocks: [{ cidr: "198.18.33.0/24", ranges: ["198.18.33.9-198.18.33.3"] }] });
        const told: [string, string][] = [];
        const all = await usage(client, undefined, (pool, problem) => told.push([pool, problem]));
        assert.ok(all.some(({ pool }) => pool === plain));
        const [ours, ...others] = told.filter(([pool]) => pool === broken);
        assert.deepEqual(others, []);
        assert.match(ours?.[1] ?? "", /198\.18\.33\.9-198\.18\.33\.3.* start is after/);
        await assert.rejects(usage(client, broken), /start is after/);
    });
});
