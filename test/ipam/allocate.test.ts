import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ClusterClient } from "../../cluster/client";
import { allocate, planFor, type AddressRequest } from "../../cluster/ipam/allocate";
import { holderOf, release, take } from "../../cluster/ipam/ledger";
import type { Owner, PoolObject, Reservation } from "../../cluster/ipam/objects";
import { AddressSpace } from "../../cluster/ipam/space";
import { usage } from "../../cluster/ipam/usage";
import { IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import { compilePool, type CompiledPool } from "../../core/pool";
import { inParallel } from "../../scripts/parallel";
import { newClient, TestSpaces } from "./support/cluster";
import { FaultyApiServer } from "./support/faulty-api-server";
import { address, ownerOf, poolOf, reservationsOf } from "./support/objects";

describe("the allocation of addresses, on the API server", function () {
    this.timeout(60_000);
    const spaces = new TestSpaces("allocate");
    let client: ClusterClient;
    let space: string;

    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
    });

    /** The address that an owner gets. */
    const got = async (
        pool: CompiledPool,
        owner: Owner | string,
        more: Partial<AddressRequest> = {},
        as = client,
    ): Promise<string> => {
        const request = { pool, owner: typeof owner === "string" ? ownerOf(owner) : owner, ...more };
        return (await allocate(as, request)).spec.address;
    };

    const releaseOf = async ({ spec }: Reservation, graceSeconds = 0, retain = false): Promise<boolean> =>
        release(
            client,
            { space, address: address(spec.address) },
            { allocationId: spec.allocationId, reason: "deleted", graceSeconds, retain },
        );

    /** Owners and their addresses, as the cluster has them. */
    const held = async (): Promise<Record<string, string>> => {
        const reservations = await reservationsOf(client, space);
        const byOwner = reservations.map(({ spec }): [string, string] => [spec.owner.key, spec.address]);
        assert.equal(new Set(byOwner.map(([owner]) => owner)).size, byOwner.length, "an owner has two addresses");
        return Object.fromEntries(byOwner);
    };

    it("[case 20] takes one that is not the gateway's, excluded, or the network's own", async () => {
        const pool = poolOf(space, "198.18.0.0/29", { gateway: "198.18.0.1", exclude: ["198.18.0.3-198.18.0.4"] });
        const owners = ["prod/a/eth1", "prod/b/eth1", "prod/c/eth1"];
        const all = await Promise.all(owners.map(async (owner) => got(pool, owner)));
        assert.deepEqual(all.sort(), ["198.18.0.2", "198.18.0.5", "198.18.0.6"]);
        for (const { spec, metadata } of await reservationsOf(client, space)) {
            assert.deepEqual([spec.pool, spec.origin, spec.state], [pool.spec.name, "Auto", "Active"]);
            assert.equal(metadata.name, `${space}.v4-${spec.address}`);
        }
    });

    it("[case 31] gives an owner the same address on every recreation", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const first = await got(pool, "prod/web/eth1");
        // 254 addresses from .1 on: the SHA-256 of the owner picks one.
        const hash = BigInt(`0x${createHash("sha256").update("prod/web/eth1").digest("hex")}`);
        assert.equal(first, `198.18.0.${(hash % 254n) + 1n}`);
        const [reservation] = await reservationsOf(client, space);
        await releaseOf(reservation!);
        assert.equal(await got(pool, "prod/web/eth1", {}, await newClient()), first);
    });

    it("[case 31] gives two owners with the same choice an address each", async () => {
        const pool = poolOf(space, "198.18.0.0/30");
        const [a, b] = await Promise.all([got(pool, "prod/a/eth1"), got(pool, "prod/b/eth1", {}, await newClient())]);
        assert.deepEqual([a, b].sort(), ["198.18.0.1", "198.18.0.2"]);
    });

    it("[case 34] gives an owner one address of each family", async () => {
        const blocks = [{ cidr: "198.18.0.0/24" }, { cidr: "2001:db8::/64" }];
        const pool = compilePool({ name: space, space, blocks });
        const [v4, v6] = [await got(pool, "prod/a/eth1"), await got(pool, "prod/a/eth1", { family: 6 })];
        assert.match(v4, /^198\.18\.0\./);
        assert.match(v6, /^2001:db8::/);
        assert.deepEqual([await got(pool, "prod/a/eth1"), await got(pool, "prod/a/eth1", { family: 6 })], [v4, v6]);
        assert.equal((await reservationsOf(client, space)).length, 2);
    });

    it("tells who has an address that was planned, and takes another", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const planned = planFor(await AddressSpace.of(client, space), { pool, owner: ownerOf("prod/a/eth1") });
        const rival = { owner: ownerOf("prod/b/eth1"), origin: "Static", space, address: planned! } as const;
        await take(await newClient(), rival);
        const told: string[] = [];
        const reservation = await allocate(client, { pool, owner: ownerOf("prod/a/eth1") }, (lost, why) =>
            told.push(`${lost.text} ${why}`),
        );
        assert.notEqual(reservation.spec.address, planned!.text);
        assert.equal(told.length, 1);
        assert.match(
            told[0]!,
            new RegExp(`^${planned!.text} went to NIC "eth1" of VM "prod/b" of stack acme/shop/prod since `),
        );
    });

    it("leaves an owner the address that another process gave it, where an older list shows its first choice free", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const request = { pool, owner: ownerOf("prod/a/eth1") };
        const first = planFor(await AddressSpace.of(client, space), request)!;
        const rival = { owner: ownerOf("prod/b/eth1"), origin: "Static", space, address: first } as const;
        const { reservation: theirs } = await take(await newClient(), rival);
        const another = await allocate(await newClient(), request);
        await releaseOf(theirs);
        const told: string[] = [];
        const { spec } = await allocate(client, request, (lost, why) => told.push(`${lost.text} ${why}`));
        assert.equal(spec.address, another.spec.address);
        assert.deepEqual(await held(), { "prod/a/eth1": spec.address });
        const why = `is not needed, as another run gave it ${spec.address} at the same time`;
        assert.deepEqual(told, [`${first.text} ${why}`]);
    });

    it("gives an owner one address where six processes, of which none knows the cluster as another does, ask at once", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const request = { pool, owner: ownerOf("prod/a/eth1") };
        const clients: ClusterClient[] = [];
        const rivals: Reservation[] = [];
        for (let index = 0; index < 6; index += 1) {
            const next = await newClient();
            const choice = planFor(await AddressSpace.of(next, space), request)!;
            const rival = { owner: ownerOf(`prod/b/eth${index}`), origin: "Static", space, address: choice } as const;
            rivals.push((await take(await newClient(), rival)).reservation);
            clients.push(next);
        }
        await Promise.all(rivals.map(async (each) => releaseOf(each)));
        const got = await Promise.all(clients.map(async (each) => allocate(each, request)));
        assert.equal(new Set(got.map(({ spec }) => spec.address)).size, 1);
        assert.deepEqual(await held(), { "prod/a/eth1": got[0]!.spec.address });
    });

    it("takes up one of two addresses that are kept for an owner, and leaves it the other", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const owner = ownerOf("prod/a/eth1");
        for (const last of [7, 9]) {
            const claim = {
                space,
                address: address(`198.18.0.${last}`),
                owner,
                origin: "Static",
                pool: pool.spec.name,
            } as const;
            const { reservation } = await take(client, { ...claim, retain: true });
            await releaseOf(reservation, 0, true);
        }
        const told: unknown[] = [];
        const request = { pool, owner, retain: true };
        const { spec } = await allocate(await newClient(), request, (...lost) => told.push(lost));
        const states = (await reservationsOf(client, space)).map((each) => [each.spec.state, each.spec.retain]);
        assert.match(spec.address, /^198\.18\.0\.[79]$/);
        assert.deepEqual(states.sort(), [
            ["Active", true],
            ["Released", true],
        ]);
        assert.deepEqual(told, []);
    });

    it("keeps for an owner what was kept for it, where another process has given it another address", async () => {
        const pool = poolOf(space, "198.18.0.0/24");
        const request = { pool, owner: ownerOf("prod/a/eth1"), retain: true };
        const kept = await allocate(await newClient(), request);
        await releaseOf(kept, 0, true);
        await AddressSpace.of(client, space);
        const inUse = {
            space,
            address: address("198.18.0.11"),
            origin: "Auto",
            ...request,
            pool: pool.spec.name,
        } as const;
        await take(await newClient(), inUse);
        const { spec } = await allocate(client, request);
        assert.equal(spec.address, "198.18.0.11");
        const left = (await reservationsOf(client, space)).map((each) => [
            each.spec.address,
            each.spec.state,
            each.spec.retain,
        ]);
        assert.deepEqual(
            left.find(([text]) => text === kept.spec.address),
            [kept.spec.address, "Released", true],
        );
    });

    it("[case 27] says of a full pool who has it, and gives the first address that is released", async () => {
        const pool = poolOf(space, "198.18.0.0/29");
        const owners = Array.from({ length: 6 }, (_, index) => `prod/vm-${index}/eth1`);
        const reservations = await Promise.all(
            owners.map(async (key) => allocate(client, { pool, owner: ownerOf(key) })),
        );
        await releaseOf(reservations[0]!, 300);
        await releaseOf(reservations[1]!, 0, true);
        const full = got(pool, "prod/late/eth1");
        await assert.rejects(
            full,
            /"prod\/late": the pool is full \(0 free of 6.*4 active, 1 retained, 1 quarantined .*reusable/,
        );
        // Seen by a process that has read all of them.
        const reader = await newClient();
        await AddressSpace.of(reader, space);
        await releaseOf(reservations[2]!);
        assert.equal(await got(pool, "prod/late/eth1", {}, reader), reservations[2]!.spec.address);
        await assert.rejects(got(pool, "prod/later/eth1"), /0 free of 6/);
    });

    it("takes an address that has rested, once nothing else is left", async () => {
        const pool = poolOf(space, "198.18.0.0/30");
        const a = await allocate(client, { pool, owner: ownerOf("prod/a/eth1") });
        const b = await got(pool, "prod/b/eth1");
        await releaseOf(a, 300);
        await assert.rejects(got(pool, "prod/c/eth1"), /0 free of 2/);
        await client.patch(IP_RESERVATION, undefined, a.metadata.name, [
            { op: "replace", path: "/spec/reusableAt", value: "2026-01-01T00:00:00Z" },
        ]);
        assert.equal(await got(pool, "prod/c/eth1"), a.spec.address);
        assert.deepEqual(await held(), { "prod/b/eth1": b, "prod/c/eth1": a.spec.address });
    });

    it("chooses nothing from a disabled pool, and leaves its owners what they have", async () => {
        const address = await got(poolOf(space, "198.18.0.0/24"), "prod/a/eth1");
        const disabled = poolOf(space, "198.18.0.0/24", { disabled: true });
        assert.equal(await got(disabled, "prod/a/eth1", {}, await newClient()), address);
        await assert.rejects(got(disabled, "prod/b/eth1", {}, await newClient()), /disabled/);
    });

    it("[case 44] gives the new address of an owner that changes its pool, and leaves the old one until then", async () => {
        const first = poolOf(space, "198.18.0.0/24");
        const second = compilePool({ name: `${space}-2`, space, blocks: [{ cidr: "198.18.1.0/24" }] });
        const old = await allocate(client, { pool: first, owner: ownerOf("prod/a/eth1") });
        const now = await allocate(client, { pool: second, owner: ownerOf("prod/a/eth1") });
        assert.match(now.spec.address, /^198\.18\.1\./);
        assert.equal(now.spec.pool, `${space}-2`);
        assert.equal((await reservationsOf(client, space)).length, 2);
        assert.equal(await releaseOf(old), true);
        assert.deepEqual(await held(), { "prod/a/eth1": now.spec.address });
    });

    it("gives an address back that cannot be confirmed, and the reason to the user", async () => {
        const pool = poolOf(space, "198.18.0.0/29");
        const userOf = async (): Promise<string> => Promise.reject(new Error("nobody can tell"));
        await assert.rejects(got(pool, "prod/a/eth1", { userOf }), /nobody can tell/);
        assert.deepEqual(await held(), {});
    });

    it("leaves an owner what it has, whoever else uses it", async () => {
        const pool = poolOf(space, "198.18.0.0/29");
        const first = await got(pool, "prod/a/eth1");
        const again = await got(
            pool,
            "prod/a/eth1",
            { userOf: async () => Promise.resolve("a pod") },
            await newClient(),
        );
        assert.equal(again, first);
        assert.deepEqual(await held(), { "prod/a/eth1": first });
    });

    it("asks again where the reservations could not be read", async () => {
        const server = await FaultyApiServer.start();
        try {
            const hindered = server.client();
            server.fault = (method) => (method === "GET" ? "conflict" : undefined);
            const pool = poolOf(space, "198.18.0.0/24");
            await assert.rejects(got(pool, "prod/a/eth1", {}, hindered), /made up by the test/);
            server.fault = () => undefined;
            assert.ok(await got(pool, "prod/a/eth1", {}, hindered));
        } finally {
            await server.stop();
        }
    });

    describe("with several at a time", () => {
        it("[case 66] fails once where one more is wanted than there are", async () => {
            // 66 wanted of 65, in a process of its own each; the races have the large numbers.
            const pool = poolOf(space, "198.18.0.0/24", { ranges: ["198.18.0.10-198.18.0.74"] });
            const results = await Promise.allSettled(
                Array.from({ length: 66 }, async (_, index) =>
                    got(pool, `prod/vm-${index}/eth1`, {}, index % 2 === 0 ? client : await newClient()),
                ),
            );
            const failures = results.filter((result) => result.status === "rejected");
            assert.equal(failures.length, 1);
            assert.match(String(failures[0]!.reason), /0 free of 65/);
            assert.equal(Object.keys(await held()).length, 65);
        });

        it("[case 67] gives a static address to one of 50 writers, and tells the others who that is", async () => {
            const claim = { space, address: address("198.18.0.7"), origin: "Static" } as const;
            const results = await Promise.all(
                Array.from({ length: 50 }, async (_, index) =>
                    take(await newClient(), {
                        ...claim,
                        owner: ownerOf(`prod/vm-${index}/eth1`, `acme/shop/${index}`),
                    }),
                ),
            );
            const winners = results.filter(({ won }) => won);
            assert.equal(winners.length, 1);
            const { owner, allocationId } = winners[0]!.reservation.spec;
            for (const { reservation } of results) {
                assert.equal(reservation.spec.allocationId, allocationId);
                assert.ok(holderOf(reservation).includes(`of stack ${owner.manager} since`));
            }
            assert.equal((await reservationsOf(client, space)).length, 1);
        });

        it("[case 68] makes one object for 20 requests of one owner in a process", async () => {
            const pool = poolOf(space, "198.18.0.0/24");
            const all = await Promise.all(
                Array.from({ length: 20 }, async () => allocate(client, { pool, owner: ownerOf("prod/a/eth1") })),
            );
            const [reservation, ...others] = await reservationsOf(client, space);
            assert.deepEqual(others, []);
            assert.deepEqual(
                all,
                Array.from({ length: 20 }, () => reservation),
            );
        });

        it("[case 68] makes one object for an owner of which several processes know nothing of each other", async () => {
            const pool = poolOf(space, "198.18.0.0/24");
            const clients = await Promise.all(Array.from({ length: 5 }, newClient));
            const all = await Promise.all(clients.map(async (each) => got(pool, "prod/a/eth1", {}, each)));
            assert.deepEqual(await held(), { "prod/a/eth1": all[0]! });
            assert.equal(new Set(all).size, 1);
        });

        it("[case 69] gives nothing twice of two pools that overlap, to 20 writers of each", async () => {
            // However many of the first pool's 20 are in the second one, that has room for 20 more.
            const a = poolOf(space, "198.18.0.0/25");
            const b = compilePool({ name: `${space}-b`, space, blocks: [{ cidr: "198.18.0.64/26" }] });
            const wants = Array.from({ length: 40 }, (_, index): [CompiledPool, string] => [
                index % 2 === 0 ? a : b,
                `prod/vm-${index}/eth1`,
            ]);
            const all = await Promise.all(wants.map(async ([pool, key]) => got(pool, key, {}, await newClient())));
            assert.equal(new Set(all).size, 40);
            const byOwner = await held();
            wants.forEach(([pool, key], index) => {
                assert.equal(byOwner[key], all[index]);
                assert.ok(pool.usable[4].contains(address(all[index]!).value), key);
            });
        });

        it("[case 70] leaves nothing that is not flagged outside a pool that shrinks meanwhile", async () => {
            // What is chosen from is what the program declares: a pool that another shrinks is told of by its usage.
            const spec = { space, blocks: [{ cidr: "198.18.0.0/24" }] };
            const head = { apiVersion: "vm.novasphere.dev/v1alpha1", kind: "IPPool", metadata: { name: space } };
            const { metadata } = await client.create<PoolObject>(IP_POOL, { ...head, spec });
            try {
                const shrunk = poolOf(space, "198.18.0.0/24", { ranges: ["198.18.0.1-198.18.0.127"] });
                const wide = poolOf(space, "198.18.0.0/24");
                let done = 0;
                const shrink = async (): Promise<void> => {
                    done += 1;
                    if (done === 20) {
                        await client.patch(IP_POOL, undefined, space, [
                            { op: "replace", path: "/spec/blocks", value: shrunk.spec.blocks },
                        ]);
                    }
                };
                await inParallel(
                    8,
                    Array.from({ length: 60 }, (_, index) => index),
                    async (index) => {
                        await got(done > 20 ? shrunk : wide, `prod/vm-${index}/eth1`);
                        await shrink();
                    },
                );
                const addresses = Object.values(await held());
                assert.equal(addresses.length, 60);
                const outside = addresses.filter((text) => Number(text.split(".").at(-1)) > 127);
                assert.ok(outside.length > 0);
                const [counts] = await usage(client, space);
                assert.equal(counts?.outside, BigInt(outside.length));
                assert.equal(counts.active, BigInt(60 - outside.length));
            } finally {
                await client.delete(IP_POOL, undefined, space, { uid: metadata.uid ?? "" });
            }
        });

        it("[case 71] gives an address that has rested to one of 10 writers", async () => {
            const claim = { space, address: address("198.18.0.7"), origin: "Static" } as const;
            const { reservation } = await take(client, { ...claim, owner: ownerOf("prod/old/eth1") });
            await releaseOf(reservation, 300);
            await client.patch(IP_RESERVATION, undefined, reservation.metadata.name, [
                { op: "replace", path: "/spec/reusableAt", value: "2026-01-01T00:00:00Z" },
            ]);
            const results = await Promise.all(
                Array.from({ length: 10 }, async (_, index) =>
                    take(await newClient(), { ...claim, owner: ownerOf(`prod/vm-${index}/eth1`) }),
                ),
            );
            assert.equal(results.filter(({ won }) => won).length, 1);
            const [now, ...others] = await reservationsOf(client, space);
            assert.deepEqual(others, []);
            for (const each of results) {
                assert.equal(each.reservation.spec.allocationId, now!.spec.allocationId);
            }
        });
    });
});
