import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterClient } from "../../cluster/client";
import { allocate } from "../../cluster/ipam/allocate";
import { forsake, release, take } from "../../cluster/ipam/ledger";
import type { Reservation } from "../../cluster/ipam/objects";
import { IP_RESERVATION } from "../../cluster/kinds";
import type { CompiledPool } from "../../core/pool";
import { newClient, TestSpaces } from "./support/cluster";
import { Model } from "./support/model";
import { address, ownerOf, poolOf, reservationsOf } from "./support/objects";

describe("any sequence of allocations and releases, on the API server", function () {
    this.timeout(60_000);
    const spaces = new TestSpaces("model");
    let client: ClusterClient;
    let space: string;

    /** What may be done with addresses; `owner` and `index` choose among those that there are. */
    type Step =
        | { readonly do: "allocate"; readonly owner: number; readonly retain: boolean; readonly fresh: boolean }
        | { readonly do: "release"; readonly index: number; readonly rest: boolean }
        | { readonly do: "expire" | "forsake"; readonly index: number };

    const steps: fc.Arbitrary<Step[]> = fc.array(
        fc.oneof(
            {
                weight: 4,
                arbitrary: fc.record({
                    do: fc.constant("allocate" as const),
                    owner: fc.nat(7),
                    retain: fc.boolean(),
                    fresh: fc.boolean(),
                }),
            },
            {
                weight: 3,
                arbitrary: fc.record({ do: fc.constant("release" as const), index: fc.nat(7), rest: fc.boolean() }),
            },
            {
                weight: 2,
                arbitrary: fc.record({ do: fc.constantFrom("expire" as const, "forsake" as const), index: fc.nat(7) }),
            },
        ),
        { minLength: 8, maxLength: 24 },
    );

    it("[case 73] leaves what a plain map of addresses says, and touches nothing of another stack", async () => {
        await fc.assert(
            fc.asyncProperty(steps, async (sequence) => {
                space = spaces.next();
                client = await newClient();
                // Six addresses, of which another stack has one.
                const pool = poolOf(space, "198.18.0.0/29");
                const foreign = await take(client, {
                    space,
                    address: address("198.18.0.4"),
                    owner: ownerOf("prod/vm-0/eth1", "acme/shop/test"),
                    origin: "Static",
                    pool: pool.spec.name,
                });
                const model = new Model();
                for (const step of sequence) {
                    await perform(step, pool, model);
                    const now = await reservationsOf(client, space);
                    const others = now.filter(({ spec }) => spec.owner.manager === "acme/shop/test");
                    assert.deepEqual(others, [foreign.reservation]);
                    const ours = now.filter((each) => !others.includes(each)).map(({ spec }) => stateOf(spec));
                    assert.deepEqual(ours.sort(), model.states().sort(), JSON.stringify(step));
                }
            }),
            // To make a failure smaller takes minutes, in which it would disturb the tests behind it.
            { numRuns: 8, endOnFailure: true },
        );
    });

    const stateOf = (spec: Reservation["spec"]): string => {
        const { address: text, owner, state, retain, reusableAt } = spec;
        const use = state === "Active" ? "in use" : retain ? "kept" : reusableAt! < "2026-06" ? "rested" : "at rest";
        return `${text} ${owner.key} ${use}${state === "Active" && retain ? ", to be kept" : ""}`;
    };

    async function perform(step: Step, pool: CompiledPool, model: Model): Promise<void> {
        if (step.do === "allocate") {
            const key = `prod/vm-${step.owner}/eth1`;
            const as = step.fresh ? await newClient() : client;
            const request = { pool, owner: ownerOf(key), retain: step.retain };
            const reservation = await allocate(as, request).catch((error: unknown) => String(error));
            if (typeof reservation === "string") {
                assert.match(reservation, /0 free of 6/);
                assert.equal(model.mayHave(key).length, 0, `${key}: ${reservation}`);
                return;
            }
            const { address: text } = reservation.spec;
            assert.ok(model.mayHave(key).includes(text), `${key} got ${text}`);
            model.set(text, { owner: key, use: "in use", retain: step.retain, reservation });
            return;
        }
        const [text, entry] = model.nth(step.index) ?? [];
        if (text === undefined || entry === undefined) {
            return;
        }
        const { owner, retain, reservation } = entry;
        const { allocationId } = reservation.spec;
        const tenancy = { space, address: address(text) };
        switch (step.do) {
            case "release": {
                const graceSeconds = step.rest ? 300 : 0;
                const ended = await release(client, tenancy, { allocationId, reason: "deleted", graceSeconds });
                assert.equal(ended, entry.use === "in use");
                if (ended) {
                    const after = retain ? "kept" : step.rest ? "at rest" : undefined;
                    model.set(text, after && { ...entry, use: after });
                }
                return;
            }
            case "forsake": {
                const gaveUp = await forsake(client, tenancy, { owner, graceSeconds: 300 });
                assert.equal(gaveUp, entry.use === "kept");
                model.set(text, gaveUp ? { ...entry, use: "at rest", retain: false } : entry);
                return;
            }
            case "expire": {
                if (entry.use === "at rest") {
                    await client.patch(IP_RESERVATION, undefined, reservation.metadata.name, [
                        { op: "replace", path: "/spec/reusableAt", value: "2026-01-01T00:00:00Z" },
                    ]);
                    model.set(text, { ...entry, use: "rested" });
                }
            }
        }
    }
});
