import assert from "node:assert/strict";
import { type ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { history, lookup, prune } from "../../cluster/ipam";
import { type Claim, labelsOf, release, take } from "../../cluster/ipam/ledger";
import { IP_HISTORY, IP_POOL } from "../../cluster/kinds";
import { parseAddress } from "../../core/ip";
import { done, seen, until } from "../support/embedded-cluster";
import {
    AddressRecords,
    ago,
    clearAfterwards,
    recordingClient,
    type RecordingClient,
    uniqueName,
    withClockAhead,
} from "./query-objects";

const DAY = 24 * 3600;

describe("history", () => {
    const space = uniqueName("history");
    let client: RecordingClient;
    let records: AddressRecords;

    before(async () => {
        client = await recordingClient();
        await client.list(IP_HISTORY);
        records = new AddressRecords(client, space);
    });

    clearAfterwards(() => records);

    describe("of what was reserved and released", () => {
        const pool = uniqueName("history-pool");
        const result = parseAddress("198.18.20.7");
        assert.ok(result.ok);
        const address = result.value;
        const times: { from: string; to: string }[] = [];

        /** The server dates its answers to the second: what is to have an order must be further apart. */
        const nextSeconds = async (): Promise<void> => {
            const start = client.serverNow().getTime();
            await until("the server's clock to go on", async () => {
                await client.list(IP_POOL);
                const now = client.serverNow().getTime();
                return now - start > 1000 ? done(now) : seen(now);
            });
        };

        /** Takes the address, and gives it back unless it is to be kept. */
        const tenancy = async (
            owner: string,
            { releasedFor, ...claim }: Partial<Claim> & { releasedFor?: string },
        ): Promise<void> => {
            const from = client.serverNow().toISOString();
            const key = { key: owner, manager: `acme/${owner.split("/")[1]!}/prod` };
            const { won, reservation } = await take(client, {
                space,
                address,
                pool,
                origin: "Static",
                owner: key,
                ...claim,
            });
            assert.ok(won);
            if (releasedFor !== undefined) {
                const { allocationId } = reservation.spec;
                await nextSeconds();
                assert.ok(await release(client, { space, address }, { allocationId, reason: releasedFor }));
            }
            times.push({ from, to: client.serverNow().toISOString() });
            await nextSeconds();
        };

        before(async () => {
            await records.pool(pool, { blocks: [{ cidr: "198.18.20.0/24" }] });
            await tenancy("history-a/first/eth1", { releasedFor: "deleted", macAddress: "02:00:c6:12:14:07" });
            await tenancy("history-a/second/eth1", { releasedFor: "moved to another address" });
            await tenancy("history-a/third/eth1", {});
        });

        it("[case 61] tells who had an address, from when to when and why it was released, and who has it", async () => {
            const found = await history(client, { address: "198.18.20.7", space });
            assert.deepEqual(
                found.map(({ owner, manager, state, reason, pool: from }) => [owner, manager, state, reason, from]),
                [
                    ["history-a/first/eth1", "acme/first/prod", "Ended", "deleted", pool],
                    ["history-a/second/eth1", "acme/second/prod", "Ended", "moved to another address", pool],
                    ["history-a/third/eth1", "acme/third/prod", "Active", undefined, pool],
                ],
            );
            found.forEach(({ from, to }, index) => {
                const about = (text: string, time: string): void =>
                    assert.ok(Math.abs(Date.parse(text) - Date.parse(time)) <= 2000, `${text} is not about ${time}`);
                about(from, times[index]!.from);
                if (index < 2) {
                    about(to!, times[index]!.to);
                }
            });
            assert.equal(found[2]?.to, undefined);
            assert.deepEqual(found, await history(client, { address: "198.18.20.7" }));
        });

        it("[case 61] survives that the pool is changed and deleted", async () => {
            const before = await history(client, { address: "198.18.20.7" });
            await client.patch(IP_POOL, undefined, pool, [
                { op: "replace", path: "/spec/blocks", value: [{ cidr: "198.18.21.0/24" }] },
            ]);
            assert.deepEqual(await history(client, { address: "198.18.20.7" }), before);
            const { metadata } = await client.get(IP_POOL, undefined, pool);
            assert.ok(await client.delete(IP_POOL, undefined, pool, { uid: metadata.uid! }));
            assert.deepEqual(await history(client, { address: "198.18.20.7" }), before);
        });

        it("[case 62] finds the past of a VM and of a MAC address", async () => {
            const ownersOf = async (filter: Parameters<typeof history>[1]): Promise<string[]> =>
                (await history(client, filter)).map(({ owner }) => owner);
            assert.deepEqual(await ownersOf({ vm: "history-a/second" }), ["history-a/second/eth1"]);
            assert.deepEqual(await ownersOf({ vm: "history-a/third" }), ["history-a/third/eth1"]);
            assert.deepEqual(await ownersOf({ macAddress: "02-00-C6-12-14-07" }), ["history-a/first/eth1"]);
        });

        it("has the API server choose", async () => {
            client.asked.length = 0;
            await history(client, { vm: "history-a/second" });
            assert.deepEqual(
                client.asked.map(({ objects }) => objects),
                [0, 1],
            );
        });
    });

    it("goes by what a record says, not by its labels", async () => {
        const parts = { address: "198.18.22.9", from: ago(client, DAY), to: ago(client, 60) };
        const labels = labelsOf(space, { key: "history-b/victim/eth1", manager: "acme/shop/prod" });
        await records.past({ ...parts, owner: "history-b/liar/eth1" }, labels);
        assert.deepEqual(await history(client, { vm: "history-b/victim" }), []);
    });

    it("tells a tenancy once that ended and keeps its address", async () => {
        const parts = { address: "198.18.22.1", owner: "history-b/web/eth1", allocationId: "rests" };
        const [from, to] = [ago(client, 3 * DAY), ago(client, DAY)];
        await records.past({ ...parts, from, to });
        // The update was killed between the record and the release, and repeated: the times differ.
        await records.reserve({
            ...parts,
            state: "Released",
            retain: true,
            allocatedAt: from,
            releasedAt: ago(client, DAY - 40),
            releaseReason: "deleted",
        });
        const found = await history(client, { address: "198.18.22.1", space });
        assert.deepEqual(
            found.map(({ state, reason }) => [state, reason]),
            [["Retained", "deleted"]],
        );
    });

    it("tells a tenancy that goes on once, whose release was killed after its record", async () => {
        const parts = { address: "198.18.22.2", owner: "history-b/web/eth2", allocationId: "goes-on" };
        const from = ago(client, 3 * DAY);
        await records.past({ ...parts, from, to: ago(client, DAY) });
        await records.reserve({ ...parts, allocatedAt: from });
        const found = await history(client, { address: "198.18.22.2", space });
        assert.deepEqual(
            found.map(({ state, to }) => [state, to]),
            [["Active", undefined]],
        );
    });

    describe("since a time", () => {
        const pool = uniqueName("history-since");
        const ownersSince = async (asked: ClusterClient, since: Date | number): Promise<string[]> =>
            (await history(asked, { pool, since })).map(({ owner }) => owner);
        let middle: Date;

        before(async () => {
            const past = async (owner: string, address: string, from: number, to: number): Promise<void> =>
                records.past({ owner, address, pool, from: ago(client, from * DAY), to: ago(client, to * DAY) });
            await past("owner:late", "198.18.23.1", 15, 5);
            await past("owner:early", "198.18.23.1", 40, 20);
            await past("owner:across", "198.18.23.2", 39, 8);
            await records.reserve({
                owner: "owner:now",
                address: "198.18.23.3",
                pool,
                allocatedAt: ago(client, 50 * DAY),
            });
            middle = new Date(ago(client, 10 * DAY));
        });

        it("[case 62] finds what of a pool went on after it, in the order of the beginnings", async () => {
            assert.deepEqual(await ownersSince(client, middle), ["owner:now", "owner:across", "owner:late"]);
            const all = ["owner:now", "owner:early", "owner:across", "owner:late"];
            assert.deepEqual(await ownersSince(client, new Date(0)), all);
        });

        it("counts seconds back from the server's clock", async () => {
            const across = ["owner:now", "owner:across", "owner:late"];
            assert.deepEqual(await ownersSince(client, 10 * DAY), across);
            await withClockAhead(15 * DAY, async () => {
                assert.deepEqual(await ownersSince(await recordingClient(), 10 * DAY), across);
            });
        });
    });

    describe("that is pruned", () => {
        const asked = { address: "198.18.24.1" };
        const owners = async (): Promise<string[]> => (await history(client, asked)).map(({ owner }) => owner);

        before(async () => {
            const past = async (owner: string, endedFor: number): Promise<void> =>
                records.past({ ...asked, owner, from: ago(client, 400 * DAY), to: ago(client, endedFor) });
            await past("owner:older", 90 * DAY + 60);
            await past("owner:younger", 90 * DAY - 600);
            await records.reserve({ ...asked, owner: "owner:present", allocatedAt: ago(client, 300 * DAY) });
        });

        it("[case 63] is kept by questions, whatever its age", async () => {
            const all = ["owner:older", "owner:younger", "owner:present"];
            assert.deepEqual(await owners(), all);
            await lookup(client, asked);
            assert.deepEqual(await owners(), all);
        });

        it("[case 63] loses what ended more than the given days ago, 90 unless told otherwise", async () => {
            await prune(client, 91);
            assert.deepEqual(await owners(), ["owner:older", "owner:younger", "owner:present"]);
            assert.ok((await prune(client)) >= 1);
            assert.deepEqual(await owners(), ["owner:younger", "owner:present"]);
            await prune(client);
            assert.deepEqual(await owners(), ["owner:younger", "owner:present"]);
        });

        it("[case 63] goes by the server's clock", async () => {
            await withClockAhead(DAY, async () => {
                await prune(await recordingClient());
            });
            assert.deepEqual(await owners(), ["owner:younger", "owner:present"]);
        });

        it("refuses a number of days that is none, with nothing deleted", async () => {
            for (const days of [-1, Number.NaN]) {
                await assert.rejects(
                    prune(client, days),
                    (error) => error instanceof ClusterError && /choose 0 or more/.test(error.message),
                );
            }
            assert.deepEqual(await owners(), ["owner:younger", "owner:present"]);
        });
    });
});
