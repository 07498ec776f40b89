import assert from "node:assert/strict";
import type { ClusterClient } from "../../cluster/client";
import { allocate } from "../../cluster/ipam/allocate";
import { release } from "../../cluster/ipam/ledger";
import type { Reservation } from "../../cluster/ipam/objects";
import { inParallel } from "../../scripts/parallel";
import { newClient, TestSpaces } from "./support/cluster";
import { FAULTS, FaultyApiServer } from "./support/faulty-api-server";
import { address, ownerOf, poolOf, recordsOf, reservationsOf } from "./support/objects";
import { seeded, seedOf } from "./support/random";

/** Of all requests so many come to grief. */
const PROBABILITY = 0.2;
const OWNERS = 50;
/** Of allocation and release; the bar is 1,000. */
const CYCLES = Number(process.env["WUKONG_FAULT_CYCLES"] ?? 300);

/** So often an operation is tried again, as by the next run of the program. */
const RUNS = 8;

describe("addresses over a connection that fails all the time", function () {
    this.timeout(300_000);
    const spaces = new TestSpaces("faults");
    const seed = seedOf("WUKONG_FAULT_SEED");
    let server: FaultyApiServer;
    before(async () => (server = await FaultyApiServer.start()));
    after(async () => server.stop());

    it(`[case 72] are those of a plain map after ${CYCLES} allocations and releases (WUKONG_FAULT_SEED=${seed})`, async () => {
        const random = seeded(seed);
        const space = spaces.next();
        const pool = poolOf(space, "198.18.0.0/26");
        server.fault = () => (random() < PROBABILITY ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined);
        const model = new Map<string, Reservation>();
        let given = 0;
        let ended = 0;
        let client = server.client();

        /** Does something until it succeeds, as a user who runs the program again. */
        const again = async <T>(work: (client: ClusterClient) => Promise<T>): Promise<T> => {
            for (let run = 1; ; run += 1) {
                try {
                    return await work(client);
                } catch (error) {
                    if (run === RUNS) {
                        throw error;
                    }
                    client = server.client();
                }
            }
        };

        // Each owner takes an address and gives it back, again and again; some have one in the end.
        const owners = Array.from({ length: OWNERS }, (_, index) => `prod/vm-${index}/eth1`);
        await inParallel(OWNERS, owners, async (key) => {
            for (let cycle = 0; cycle < CYCLES / OWNERS; cycle += 1) {
                const reservation = await again(async (as) => allocate(as, { pool, owner: ownerOf(key) }));
                given += 1;
                const others = [...model].filter(([owner]) => owner !== key);
                const taken = others.find(([, { spec }]) => spec.address === reservation.spec.address);
                assert.equal(taken, undefined, `${key} got what ${taken?.[0] ?? ""} has`);
                model.set(key, reservation);
                if (cycle < CYCLES / OWNERS - 1 || random() < 0.5) {
                    model.delete(key);
                    const { allocationId } = reservation.spec;
                    const tenancy = { space, address: address(reservation.spec.address) };
                    await again(async (as) => release(as, tenancy, { allocationId, reason: "deleted" }));
                    ended += 1;
                }
            }
        });
        server.fault = () => undefined;

        const direct = await newClient();
        const held = await reservationsOf(direct, space);
        const pairs = (reservations: readonly Reservation[]): string[] =>
            reservations.map(({ spec }) => `${spec.owner.key} ${spec.address} ${spec.allocationId}`).sort();
        assert.deepEqual(pairs(held), pairs([...model.values()]));
        assert.equal(given, CYCLES);
        // What could not be confirmed is given back at once, and has been reserved for so long.
        const reasons = (await recordsOf(direct, space)).map(({ spec }) => spec.reason);
        const unconfirmed = reasons.filter((reason) => reason === "it could not be confirmed");
        assert.equal(reasons.filter((reason) => reason === "deleted").length, ended);
        assert.equal(reasons.length, ended + unconfirmed.length);
        for (const fault of FAULTS) {
            assert.ok((server.happened.get(fault) ?? 0) > 0, `${fault} did not happen`);
        }
    });
});
