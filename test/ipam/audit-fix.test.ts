import assert from "node:assert/strict";
import { history } from "../../cluster/ipam";
import { release, take } from "../../cluster/ipam/ledger";
import { IP_POOL } from "../../cluster/kinds";
import { parseAddress } from "../../core/ip";
import { IN_USE } from "../../cluster/ipam/objects";
import { deletedPool, findReservation, found, freePool, type LaterClient, laterClient } from "./audit-objects";
import { AddressRecords, ago, clearAfterwards, uniqueName } from "./query-objects";

const DAY = 24 * 3600;
const MINUTE = 60;

const address = "198.18.140.5";

describe("an audit that mends", function () {
    this.timeout(60_000);
    const made: string[] = [];
    let client: LaterClient;
    let records: AddressRecords;

    /** A space that no other test has. */
    const newSpace = (): string => {
        const space = uniqueName("audit-fix");
        made.push(space);
        return space;
    };

    before(async () => {
        client = await laterClient();
        records = new AddressRecords(client, newSpace());
    });

    clearAfterwards(
        () => records,
        () => made,
    );

    it("leaves alone what is retained, what is for no NIC, and what rests", async () => {
        const space = newSpace();
        const released = { state: "Released", releasedAt: ago(client, DAY), releaseReason: "deleted" } as const;
        const owner = "audit-fix/gone/eth1";
        await records.reserve({ space, address: "198.18.141.1", owner, retain: true });
        await records.reserve({ space, address: "198.18.141.2", owner: "owner:vip" });
        await records.reserve({ ...released, space, address: "198.18.141.3", owner, retain: true });
        await records.reserve({ ...released, space, address: "198.18.141.4", owner, reusableAt: ago(client, -DAY) });
        const versions = async (): Promise<(string | undefined)[]> =>
            Promise.all(
                [1, 2, 3, 4].map(
                    async (last) =>
                        (await findReservation(client, space, `198.18.141.${String(last)}`))?.metadata.resourceVersion,
                ),
            );
        const before = await versions();
        for (const later of [2 * MINUTE, 20 * MINUTE]) {
            assert.deepEqual(await found(await laterClient(later), { space, fix: true }), []);
        }
        assert.deepEqual(await versions(), before);
    });

    it("removes what anybody may have, unless somebody has taken it meanwhile", async () => {
        const space = newSpace();
        const free = {
            space,
            state: "Released",
            releasedAt: ago(client, DAY),
            reusableAt: ago(client, MINUTE),
        } as const;
        await records.reserve({ ...free, address, owner: "owner:past" });
        await records.reserve({ ...free, address: "198.18.140.6", owner: "owner:past" });
        const racing = await laterClient();
        const list = racing.list.bind(racing);
        racing.list = async (kind, ...rest) => {
            const read = await list(kind, ...rest);
            if (kind.plural === "services") {
                const parsed = parseAddress("198.18.140.6");
                assert.ok(parsed.ok);
                const owner = { key: "owner:next", manager: "acme/shop/prod" };
                assert.ok((await take(client, { space, address: parsed.value, owner, origin: "Static" })).won);
            }
            return read as never;
        };
        assert.deepEqual(await found(racing, { space, fix: true }), [
            `TombstoneExpired ${address} fixed`,
            "TombstoneExpired 198.18.140.6 failed",
        ]);
        assert.equal(await findReservation(client, space, address), undefined);
        assert.equal((await findReservation(client, space, "198.18.140.6"))?.spec.owner.key, "owner:next");
    });

    it("lets a pool go that somebody deletes, once nothing of it is reserved", async () => {
        const space = newSpace();
        const owner = "owner:vip";
        await deletedPool(records, space, { space, blocks: [{ cidr: "198.18.140.0/24" }] }, [IN_USE]);
        await records.reserve({ space, address, owner, pool: space });
        try {
            assert.deepEqual(await found(client, { space, fix: true }), []);
            assert.ok(await client.find(IP_POOL, undefined, space));
            const parsed = parseAddress(address);
            assert.ok(parsed.ok);
            const { spec } = (await findReservation(client, space, address)) ?? assert.fail();
            const tenancy = { space, address: parsed.value };
            await release(client, tenancy, { allocationId: spec.allocationId, reason: "deleted", graceSeconds: 3600 });
            assert.deepEqual(await found(client, { space, fix: true }), ["PoolDeleting fixed"]);
            assert.equal(await client.find(IP_POOL, undefined, space), undefined);
        } finally {
            await freePool(client, space);
        }
    });

    it("holds a pool of which something is reserved while it is looked at", async () => {
        const space = newSpace();
        await deletedPool(records, space, { space, blocks: [{ cidr: "198.18.140.0/24" }] }, [IN_USE]);
        const racing = await laterClient();
        const list = racing.list.bind(racing);
        racing.list = async (kind, ...rest) => {
            const read = await list(kind, ...rest);
            if (kind.plural === "services") {
                await records.reserve({ space, address, owner: "owner:late", pool: space });
            }
            return read as never;
        };
        try {
            assert.deepEqual(await found(racing, { space, fix: true }), ["PoolDeleting failed"]);
            assert.ok(await client.find(IP_POOL, undefined, space));
        } finally {
            await freePool(client, space);
        }
    });

    it("prunes the records that are old, of the space alone, and without `fix` none [case 63]", async () => {
        const [space, other] = [newSpace(), newSpace()];
        const past = async (of: string, endedDays: number): Promise<void> =>
            records.past({
                space: of,
                address,
                owner: `owner:${String(endedDays)}`,
                from: ago(client, 200 * DAY),
                to: ago(client, endedDays * DAY),
            });
        // More than are removed at a time; younger than what another suite removes.
        for (let index = 0; index < 20; index += 1) {
            await past(space, 71 + index / 10);
        }
        await past(space, 69);
        await past(other, 80);
        const owners = async (of: string): Promise<string[]> =>
            (await history(client, { space: of })).map(({ owner }) => owner);
        assert.deepEqual(await found(client, { space, historyDays: 70 }), ["HistoryExpired"]);
        assert.equal((await owners(space)).length, 21);
        assert.deepEqual(await found(client, { space, fix: true }), []);
        assert.equal((await owners(space)).length, 21);
        assert.deepEqual(await found(client, { space, historyDays: 70, fix: true }), ["HistoryExpired fixed"]);
        assert.deepEqual([await owners(space), await owners(other)], [["owner:69"], ["owner:80"]]);
        assert.deepEqual(await found(client, { space, historyDays: 70, fix: true }), []);
    });
});
