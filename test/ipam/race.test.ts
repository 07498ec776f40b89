import assert from "node:assert/strict";
import type { ClusterClient } from "../../cluster/client";
import type { PoolSpec } from "../../core/pool";
import { testKubeconfig } from "../support/embedded-cluster";
import { newClient, TestSpaces } from "./support/cluster";
import { address, poolOf, reservationsOf } from "./support/objects";
import { Workers } from "./support/processes";
import { seeded, seedOf } from "./support/random";
import type { Death } from "./support/worker";
import type { Job, Outcome } from "./support/writers";

const MANAGER = "acme/shop/prod";

/** How many rounds of processes that are killed; the bar is 20. */
const ROUNDS = Number(process.env["WUKONG_RACE_ROUNDS"] ?? 2);

describe("processes that race for addresses", function () {
    this.timeout(60_000 + ROUNDS * 60_000);
    const spaces = new TestSpaces("race");
    const workers = new Workers();
    let client: ClusterClient;
    let kubeconfig: string;
    let space: string;

    before(async () => (kubeconfig = await testKubeconfig()));
    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
    });
    after(async () => workers.stop());

    /** A pool of just so many addresses. */
    const poolOfSize = (size: number): PoolSpec => {
        const last = `10.0.${String((size - 1) >> 8)}.${String((size - 1) & 255)}`;
        return poolOf(space, "10.0.0.0/16", { ranges: [`10.0.0.0-${last}`], allocateReserved: true }).spec;
    };

    const jobOf = (pool: PoolSpec, writers: string[][], atOnce = 4): Job => ({
        kubeconfig,
        pool,
        manager: MANAGER,
        writers,
        atOnce,
    });

    /** The owners of some processes with so many writers each, which want so many addresses each. */
    const ownersOf = (processes: number, writers: number, each: number): string[][][] =>
        Array.from({ length: processes }, (_, process) =>
            Array.from({ length: writers }, (_, writer) =>
                Array.from({ length: each }, (_, index) => `p${process}/w${writer}/nic${index}`),
            ),
        );

    /** Has each process allocate for its owners. */
    const race = async (pool: PoolSpec, owners: string[][][], atOnce?: number): Promise<Outcome[]> => {
        const running = await workers.get(owners.length);
        const outcomes = await Promise.all(
            owners.map(async (each, index) => running[index]!.run(jobOf(pool, each, atOnce))),
        );
        return outcomes.map((outcome) => {
            assert.ok(outcome, "a process has ended");
            return outcome;
        });
    };

    /** Sees to it that each of these owners has just one address of the pool, and nobody else has any. */
    const assertEachHasOne = async (pool: PoolSpec, owners: readonly string[]): Promise<Map<string, string>> => {
        const reservations = await reservationsOf(client, space);
        const byOwner = new Map(reservations.map(({ spec }) => [spec.owner.key, spec.address]));
        assert.deepEqual([...byOwner.keys()].sort(), [...owners].sort());
        assert.equal(reservations.length, owners.length, "somebody has two addresses");
        assert.equal(new Set(byOwner.values()).size, owners.length, "two have the same address");
        const { usable } = poolOf(space, "10.0.0.0/16", pool.blocks[0]);
        for (const { spec } of reservations) {
            assert.ok(usable[4].contains(address(spec.address).value), `${spec.address} is not of the pool`);
            assert.deepEqual([spec.state, spec.owner.manager], ["Active", MANAGER]);
        }
        return byOwner;
    };

    const sum = (outcomes: readonly Outcome[], what: (outcome: Outcome) => number): number =>
        outcomes.reduce((total, outcome) => total + what(outcome), 0);
    const failuresOf = (outcomes: readonly Outcome[]): string[] =>
        outcomes.flatMap(({ failures }) => Object.values(failures));

    it("[case 64] get what they want at 1.1 creates each where there is plenty", async () => {
        const pool = poolOf(space, "10.0.0.0/16").spec;
        const owners = ownersOf(10, 1, 100);
        const outcomes = await race(pool, owners);
        assert.deepEqual(failuresOf(outcomes), []);
        const byOwner = await assertEachHasOne(pool, owners.flat(2));
        for (const { addresses } of outcomes) {
            for (const [owner, text] of Object.entries(addresses)) {
                assert.equal(byOwner.get(owner), text, "what an owner was told is not what it has");
            }
        }
        const creates = sum(outcomes, ({ requests }) => requests["POST"] ?? 0);
        assert.ok(creates <= 1_100, `${creates} creates`);
    });

    it("[case 65] [case 66] get all of 1,000 addresses at 2 creates each, and only who comes last is told of a full pool", async () => {
        const pool = poolOfSize(1_000);
        // 100 writers that know nothing of each other, in 10 processes; and one owner more than there are addresses.
        const owners = ownersOf(10, 10, 10);
        owners[3]![5]!.push("p3/w5/one-more");
        const outcomes = await race(pool, owners, 1);
        const failures = failuresOf(outcomes);
        assert.equal(failures.length, 1);
        assert.match(failures[0]!, /0 free of 1000.*1000 active/);
        const [without] = outcomes.flatMap((outcome) => Object.keys(outcome.failures));
        await assertEachHasOne(
            pool,
            owners.flat(2).filter((owner) => owner !== without),
        );
        const creates = sum(outcomes, ({ requests }) => requests["POST"] ?? 0);
        assert.ok(creates <= 2_000, `${creates} creates`);
    });

    const seed = seedOf("WUKONG_RACE_SEED");
    for (let round = 1; round <= ROUNDS; round += 1) {
        const tight = round % 2 === 0;
        const what = `of ${tight ? "1,000" : "65,534"} addresses`;
        it(`lose and leave nothing where two of 20 are killed, ${what} (round ${round}, WUKONG_RACE_SEED=${seed})`, async () => {
            const random = seeded(seed + round);
            const pool = tight ? poolOfSize(1_000) : poolOf(space, "10.0.0.0/16").spec;
            const owners = ownersOf(20, 1, 50);
            const running = await workers.get(owners.length);
            // Two of them die, somewhere on their way.
            const [one, other] = [Math.floor(random() * 20), Math.floor(random() * 19)];
            const dying = new Map(
                [one, other < one ? other : other + 1].map((index): [number, Death] => [
                    index,
                    { allocated: 1 + Math.floor(random() * 50), delay: Math.floor(random() * 20) },
                ]),
            );
            const outcomes = await Promise.all(
                owners.map(async (each, index) => running[index]!.run(jobOf(pool, each), dying.get(index))),
            );
            const killed = owners.filter((_, index) => outcomes[index] === undefined);
            assert.equal(killed.length, 2, "those that are to die have died, and no other");
            assert.deepEqual(failuresOf(outcomes.filter((outcome) => outcome !== undefined)), []);
            const left = await reservationsOf(client, space);

            // The next run of those that were killed, which knows nothing of the first.
            const next = await race(pool, killed);
            assert.deepEqual(failuresOf(next), []);
            const byOwner = await assertEachHasOne(pool, owners.flat(2));
            for (const { spec } of left) {
                assert.equal(byOwner.get(spec.owner.key), spec.address, "an owner has changed its address");
            }
        });
    }
});
