import assert from "node:assert/strict";
import type { ClusterClient } from "../../cluster/client";
import { amend, discard, forsake, holderOf, RETAINED, take } from "../../cluster/ipam/ledger";
import type { Reservation } from "../../cluster/ipam/objects";
import { IP_RESERVATION } from "../../cluster/kinds";
import { withClockAhead } from "./query-objects";
import { newClient, TestSpaces } from "./support/cluster";
import { DB, ledgerSteps, WEB } from "./support/ledger-steps";
import { address, ownerOf, recordsOf, reservationsOf } from "./support/objects";

const ELSEWHERE = "acme/shop/test";

describe("the ledger of addresses, on the API server", function () {
    this.timeout(60_000);
    const spaces = new TestSpaces("ledger");
    let client: ClusterClient;
    let space: string;

    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
    });

    const { claimOf, taken, releaseOf, found, expire, idOf } = ledgerSteps(() => ({ client, space }));

    /** Deletes an object as kubectl does. */
    const deleteByHand = async (held: Reservation): Promise<boolean> =>
        client.delete(IP_RESERVATION, undefined, held.metadata.name, { uid: held.metadata.uid ?? "" });

    describe("takes an address", () => {
        it("[case 21] that is free, under a name made of space and address", async () => {
            const before = Date.now() - 2000;
            const { metadata, spec } = await taken("198.18.0.7", { pool: "lan", macAddress: "02:00:c6:12:00:07" });
            assert.equal(metadata.name, `${space}.v4-198.18.0.7`);
            const { allocationId, allocatedAt, ...others } = spec;
            assert.deepEqual(others, {
                address: "198.18.0.7",
                family: "IPv4",
                space,
                pool: "lan",
                origin: "Static",
                macAddress: "02:00:c6:12:00:07",
                state: "Active",
                owner: WEB,
            });
            assert.match(allocationId, /^[0-9a-f-]{36}$/);
            assert.match(allocatedAt ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
            assert.ok(Date.parse(allocatedAt ?? "") >= before);
            const v6 = await taken("2001:db8::", { owner: DB });
            assert.equal(v6.metadata.name, `${space}.v6-2001-db8---z`);
        });

        it("[case 22] only where no other owner has it, and tells who has", async () => {
            const held = await taken("198.18.0.7", { owner: DB });
            const { won, reservation } = await take(client, claimOf("198.18.0.7"));
            assert.equal(won, false);
            assert.equal(
                holderOf(reservation),
                `NIC "eth1" of VM "prod/db" of stack acme/shop/prod since ${held.spec.allocatedAt ?? ""}`,
            );
            assert.deepEqual(await reservationsOf(client, space), [held]);
        });

        it("[case 38] only with `adopt` where another stack has it for the same owner", async () => {
            const held = await taken("198.18.0.7");
            const owner = ownerOf(WEB.key, ELSEWHERE);
            assert.equal((await take(client, claimOf("198.18.0.7", { owner }))).won, false);
            assert.deepEqual(await found("198.18.0.7"), held);
            const { won, reservation } = await take(client, claimOf("198.18.0.7", { owner, adopt: true }));
            assert.deepEqual([won, reservation.spec.owner], [true, owner]);
            assert.deepEqual(await reservationsOf(client, space), [reservation]);
        });

        it("[case 41] anew where its owner has it already: the update was killed before it could say so", async () => {
            const first = await taken("198.18.0.7");
            const second = await taken("198.18.0.7");
            assert.equal(second.metadata.uid, first.metadata.uid);
            assert.equal(second.spec.allocatedAt, first.spec.allocatedAt);
            assert.notEqual(second.spec.allocationId, first.spec.allocationId);
            assert.equal((await reservationsOf(client, space)).length, 1);
        });

        it("[case 40] that the old resource of the same owner then does not give back", async () => {
            const old = await taken("198.18.0.7");
            const renamed = await taken("198.18.0.7");
            assert.equal(await releaseOf(old), false);
            assert.deepEqual(await found("198.18.0.7"), renamed);
            assert.deepEqual(await recordsOf(client, space), []);
        });

        it("[case 18] that another space has too", async () => {
            await taken("198.18.0.7");
            const other = spaces.next();
            const { won } = await take(client, { ...claimOf("198.18.0.7", { owner: DB }), space: other });
            assert.ok(won);
        });
    });

    describe("ends a tenancy", () => {
        it("[case 37] and frees the address at once where it need not rest", async () => {
            const held = await taken("198.18.0.7", { macAddress: "02:00:c6:12:00:07", pool: "lan" });
            assert.equal(await releaseOf(held), true);
            assert.equal(await found("198.18.0.7"), undefined);
            const [record] = await recordsOf(client, space);
            const { to, ...spec } = record!.spec;
            assert.deepEqual(spec, {
                address: "198.18.0.7",
                space,
                pool: "lan",
                macAddress: "02:00:c6:12:00:07",
                allocationId: held.spec.allocationId,
                owner: WEB,
                from: held.spec.allocatedAt,
                reason: "deleted",
            });
            assert.ok(Date.parse(to) >= Date.parse(spec.from));
        });

        for (const ahead of [0, 3600, -3600]) {
            it(`[case 37] and lets the address rest, by the server's clock, with its own ${ahead} s ahead`, async () => {
                await releaseOf(await taken("198.18.0.7"), { graceSeconds: 300 });
                const { spec } = (await found("198.18.0.7"))!;
                assert.equal(Date.parse(spec.reusableAt!) - Date.parse(spec.releasedAt!), 300_000);
                const refused = await withClockAhead(ahead, async () =>
                    take(await newClient(), claimOf("198.18.0.7", { owner: DB })),
                );
                assert.equal(refused.won, false);
                assert.deepEqual((await found("198.18.0.7"))?.spec, spec);
            });
        }

        it("[case 37] and writes the server's times, whatever the clock of this machine says", async () => {
            const { spec } = await withClockAhead(3600, async () => {
                client = await newClient();
                await client.list(IP_RESERVATION, undefined, { labelSelector: "none=such" });
                const held = await taken("198.18.0.7");
                await releaseOf(held, { graceSeconds: 300 });
                return (await found("198.18.0.7"))!;
            });
            const now = Date.now();
            for (const time of [spec.allocatedAt, spec.releasedAt]) {
                assert.ok(Math.abs(Date.parse(time!) - now) < 60_000, time);
            }
            assert.ok(Date.parse(spec.reusableAt!) - now < 360_000, spec.reusableAt);
        });

        it("[case 24] so that who asks for the address by name is told when it can be had", async () => {
            await releaseOf(await taken("198.18.0.7", { owner: DB }), { graceSeconds: 300 });
            const { won, reservation } = await take(client, claimOf("198.18.0.7"));
            assert.equal(won, false);
            assert.match(holderOf(reservation), /reusable at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
            assert.ok(holderOf(reservation).endsWith(`reusable at ${reservation.spec.reusableAt ?? ""}`));
        });

        it("and gives it back to its own owner while it rests", async () => {
            const held = await taken("198.18.0.7");
            await releaseOf(held, { graceSeconds: 300 });
            const again = await taken("198.18.0.7");
            assert.equal(again.metadata.uid, held.metadata.uid);
            const { state, releasedAt, reusableAt, releaseReason } = again.spec;
            assert.deepEqual(
                [state, releasedAt, reusableAt, releaseReason],
                ["Active", undefined, undefined, undefined],
            );
        });

        for (const [what, owner] of [
            ["another owner", DB],
            ["the same owner of another stack", ownerOf(WEB.key, ELSEWHERE)],
        ] as const) {
            it(`[case 37] and ${what} has the address when it has rested`, async () => {
                const held = await taken("198.18.0.7");
                await releaseOf(held, { graceSeconds: 300 });
                await expire("198.18.0.7");
                const again = await taken("198.18.0.7", { owner });
                assert.equal(again.metadata.uid, held.metadata.uid);
                assert.deepEqual([again.spec.state, again.spec.owner], ["Active", owner]);
                assert.ok(again.metadata.labels?.["vm.novasphere.dev/owner"]);
                const labelled = await client.list<Reservation>(IP_RESERVATION, undefined, {
                    labelSelector: `vm.novasphere.dev/owner=${again.metadata.labels["vm.novasphere.dev/owner"]}`,
                });
                assert.equal(labelled.items.filter(({ spec }) => spec.space === space).length, 1);
            });
        }

        it("[case 43] once: a second time finds nothing to end, and writes nothing", async () => {
            const held = await taken("198.18.0.7");
            assert.deepEqual([await releaseOf(held), await releaseOf(held)], [true, false]);
            const rests = await taken("198.18.0.8");
            assert.deepEqual(
                [
                    await releaseOf(rests, { graceSeconds: 300 }),
                    await releaseOf(rests, { graceSeconds: 600, reason: "again" }),
                ],
                [true, false],
            );
            assert.equal((await found("198.18.0.8"))?.spec.releaseReason, "deleted");
            assert.equal((await recordsOf(client, space)).length, 2);
        });

        it("[case 43] that was removed by hand, without complaint", async () => {
            const held = await taken("198.18.0.7");
            assert.ok(await deleteByHand(held));
            assert.equal(await releaseOf(held), false);
        });

        it("[case 43] only where it is the one that is meant, not that of who has the address now", async () => {
            const old = await taken("198.18.0.7");
            await deleteByHand(old);
            const now = await taken("198.18.0.7", { owner: DB });
            assert.equal(await releaseOf(old), false);
            assert.deepEqual(await found("198.18.0.7"), now);
        });

        it("and does not remove an object that has changed since it was read", async () => {
            const held = await taken("198.18.0.7");
            await taken("198.18.0.7");
            assert.equal(await discard(client, held), false);
            assert.ok(await found("198.18.0.7"));
        });

        it("and does not remove another owner's object of the same name", async () => {
            const held = await taken("198.18.0.7");
            await deleteByHand(held);
            const other = await taken("198.18.0.7", { owner: DB });
            assert.equal(await discard(client, held), false);
            assert.deepEqual(await found("198.18.0.7"), other);
        });

        it("once in the history where it was killed on the way", async () => {
            const held = await taken("198.18.0.7");
            // Killed after the record: the reservation is still there, and the record too.
            await releaseOf(held);
            const { uid: _uid, resourceVersion: _version, ...metadata } = held.metadata;
            await client.create<Reservation>(IP_RESERVATION, { ...held, metadata });
            assert.equal(await releaseOf(held), true);
            assert.equal(await found("198.18.0.7"), undefined);
            assert.equal((await recordsOf(client, space)).length, 1);
        });
    });

    describe("keeps an address that is retained", () => {
        const retained = async (): Promise<Reservation> => {
            await releaseOf(await taken("198.18.0.7", { retain: true, macAddress: "02:00:c6:12:00:07" }));
            return (await found("198.18.0.7"))!;
        };

        it("[case 38] from every other owner, for ever", async () => {
            const { spec } = await retained();
            assert.deepEqual([spec.state, spec.retain, spec.reusableAt], ["Released", true, undefined]);
            for (const adopt of [false, true]) {
                assert.equal((await take(client, claimOf("198.18.0.7", { owner: DB, adopt }))).won, false);
            }
            assert.deepEqual((await found("198.18.0.7"))?.spec, spec);
        });

        for (const [what, manager] of [
            ["its stack", WEB.manager],
            ["another stack", ELSEWHERE],
        ] as const) {
            it(`[case 38] for its owner, of ${what}`, async () => {
                const before = await retained();
                const owner = ownerOf(WEB.key, manager);
                const again = await taken("198.18.0.7", { owner, retain: true });
                assert.equal(again.metadata.uid, before.metadata.uid);
                assert.deepEqual([again.spec.state, again.spec.retain, again.spec.owner], ["Active", true, owner]);
                assert.deepEqual(again.metadata.finalizers, [RETAINED]);
            });
        }

        it("[case 39] until its owner gives it up: then it rests, and then it is free", async () => {
            await retained();
            const it = { space, address: address("198.18.0.7") };
            assert.equal(await forsake(client, it, { owner: DB.key }), false);
            assert.equal(await forsake(client, it, { owner: WEB.key, graceSeconds: 300 }), true);
            const { spec, metadata } = (await found("198.18.0.7"))!;
            assert.deepEqual([spec.state, spec.retain, metadata.finalizers], ["Released", undefined, undefined]);
            assert.ok(Date.parse(spec.reusableAt!) > Date.now() + 200_000);
            assert.equal((await take(client, claimOf("198.18.0.7", { owner: DB }))).won, false);
            await expire("198.18.0.7");
            await taken("198.18.0.7", { owner: DB });
            assert.equal(await forsake(client, it, { owner: DB.key }), false, "it is in use");
        });

        it("[case 39] until its owner gives it up, without a rest where none is asked for", async () => {
            await retained();
            assert.equal(await forsake(client, { space, address: address("198.18.0.7") }, { owner: WEB.key }), true);
            assert.equal(await found("198.18.0.7"), undefined);
        });

        it("[case 52] from `kubectl delete`: it stays, and is its owner's, until it is given up", async () => {
            assert.ok(await deleteByHand(await retained()));
            assert.ok((await found("198.18.0.7"))?.metadata.deletionTimestamp);
            assert.equal((await take(client, claimOf("198.18.0.7", { owner: DB }))).won, false);
            assert.equal(await forsake(client, { space, address: address("198.18.0.7") }, { owner: WEB.key }), true);
            assert.equal(await found("198.18.0.7"), undefined);
        });

        for (const retain of [true, false]) {
            it(`[case 52] from \`kubectl delete\`, also when it is taken up again (retain: ${retain})`, async () => {
                assert.ok(await deleteByHand(await retained()));
                const again = await taken("198.18.0.7", { retain });
                assert.equal((await found("198.18.0.7"))?.spec.allocationId, again.spec.allocationId);
                assert.equal((await take(client, claimOf("198.18.0.7", { owner: DB }))).won, false);
                assert.equal(await releaseOf(again), true);
                assert.equal((await found("198.18.0.7"))?.spec.state, retain ? "Released" : undefined);
            });
        }

        it("[case 52] from `kubectl delete` while it is in use, also when it is not to be retained any more", async () => {
            const held = await taken("198.18.0.7", { retain: true });
            assert.ok(await deleteByHand(held));
            const tenancy = { space, address: address("198.18.0.7"), ...idOf(held.spec) };
            assert.equal(await amend(client, tenancy, { owner: WEB, retain: false }), true);
            assert.equal((await found("198.18.0.7"))?.spec.state, "Active");
            assert.equal(await releaseOf(held, { graceSeconds: 300 }), true);
            assert.equal((await take(client, claimOf("198.18.0.7", { owner: DB }))).won, false);
            await expire("198.18.0.7");
            const other = await taken("198.18.0.7", { owner: DB });
            assert.equal(other.metadata.deletionTimestamp, undefined);
            assert.deepEqual(await found("198.18.0.7"), other);
        });

        it("[case 39] no more when it is not to be retained while it is in use", async () => {
            const held = await taken("198.18.0.7", { retain: true });
            const tenancy = { space, address: address("198.18.0.7"), ...idOf(held.spec) };
            assert.equal(await amend(client, tenancy, { owner: WEB, retain: false }), true);
            assert.equal((await found("198.18.0.7"))?.metadata.finalizers, undefined);
            assert.equal(await releaseOf(held), true);
            assert.equal(await found("198.18.0.7"), undefined);
        });
    });

    describe("changes a reservation", () => {
        it("where it is the owner's, and writes nothing where nothing changes", async () => {
            const held = await taken("198.18.0.7", { macAddress: "02:00:c6:12:00:07" });
            const tenancy = { space, address: address("198.18.0.7"), ...idOf(held.spec) };
            assert.equal(await amend(client, tenancy, { owner: WEB, macAddress: "02:00:c6:12:00:07" }), true);
            assert.deepEqual(await found("198.18.0.7"), held);
            const moved = ownerOf(WEB.key, ELSEWHERE);
            assert.equal(await amend(client, tenancy, { owner: moved, network: "prod/lan", retain: true }), true);
            const { spec, metadata } = (await found("198.18.0.7"))!;
            assert.deepEqual([spec.owner, spec.network, spec.macAddress], [moved, "prod/lan", undefined]);
            assert.deepEqual(metadata.finalizers, [RETAINED]);
            assert.notEqual(
                metadata.labels?.["vm.novasphere.dev/manager"],
                held.metadata.labels?.["vm.novasphere.dev/manager"],
            );
        });

        it("not where it has ended, or is another's", async () => {
            const held = await taken("198.18.0.7");
            const tenancy = { space, address: address("198.18.0.7"), ...idOf(held.spec) };
            await releaseOf(held, { graceSeconds: 300 });
            assert.equal(await amend(client, tenancy, { owner: WEB, retain: true }), false);
            await expire("198.18.0.7");
            const other = await taken("198.18.0.7", { owner: DB });
            assert.equal(await amend(client, tenancy, { owner: WEB, retain: true }), false);
            assert.deepEqual(await found("198.18.0.7"), other);
        });
    });
});
