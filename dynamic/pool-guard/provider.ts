import { clientFor, type ClusterClient } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { ClusterError } from "../../cluster/errors";
import { useOf } from "../../cluster/ipam/ledger";
import { IN_USE, LABEL, type PoolObject, type Reservation } from "../../cluster/ipam/objects";
import { readForeignUse } from "../../cluster/ipam/foreign-use";
import { allPools, compiledPool, findPool, specOfPool } from "../../cluster/ipam/pools";
import { IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import { Remembered } from "../../cluster/remembered";
import { patchUnchanged } from "../../cluster/unchanged";
import { poolConflicts, unreadableProblems, type ForeignUse } from "../../core/conflicts";
import { conflictsOf, validatePool, type ConflictSource, type HeldAddress, type PoolSpec } from "../../core/pool";
import { changeProblems, deletionProblems } from "../../core/pool-change";
import { overlapWarnings } from "../../core/pool-overlap";
import { describe, errorsOf, type Problem } from "../../core/problem";
import { checkWith, clientForCheck, containsUnknown, differs, plainErrors, storedAnew } from "../handler";
import type { PoolGuardInputs } from "./inputs";

export const check = checkWith<PoolGuardInputs>(async ({ olds, news }) => {
    if (containsUnknown(news)) {
        return { inputs: news, problems: [] };
    }
    const { pool } = news;
    const problems: Problem[] = errorsOf(validatePool(pool));
    if (problems.length === 0) {
        problems.push(...overlapWarnings(pool, declaredBefore(news)));
    }
    const needs = [
        { kind: IP_RESERVATION, verbs: ["list"] },
        { kind: IP_POOL, verbs: ["get", "list", "patch"] },
    ] as const;
    const client =
        errorsOf(problems).length > 0 ? undefined : await clientForCheck(news, what(pool), needs, [{ kind: IP_POOL }]);
    if (!client) {
        return { inputs: news, problems };
    }
    const before = await poolBefore(client, pool.name, olds?.pool);
    if (before) {
        problems.push(...spaceProblems(before, pool), ...changeProblems(before, pool, await heldOf(client, before)));
    }
    const declared = new Set(poolsOf(news).keys());
    const others = (await allPools(client)).filter(({ name }) => !declared.has(name));
    problems.push(...overlapWarnings(pool, others), ...(await networkConflicts(client, pool)));
    return { inputs: news, problems };
});

export async function diff(
    _id: string,
    olds: PoolGuardInputs,
    news: PoolGuardInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces = containsUnknown(news.pool) || olds.pool.name === news.pool.name ? [] : ["pool"];
    return Promise.resolve({ changes: differs(olds.pool, news.pool) || storedAnew(olds, news), replaces });
}

export async function create(inputs: PoolGuardInputs): Promise<{ id: string; outs: PoolGuardInputs }> {
    await hold(inputs);
    return { id: inputs.pool.name, outs: inputs };
}

export async function update(
    _id: string,
    _olds: PoolGuardInputs,
    news: PoolGuardInputs,
): Promise<{ outs: PoolGuardInputs }> {
    await hold(news);
    return { outs: news };
}

/** Lets the pool go, once none of its addresses is anybody's. */
const remove = plainErrors(async (_id: string, { connection, pool }: PoolGuardInputs): Promise<void> => {
    const client = clientFor(connection);
    await untilWritten(pool, async () => {
        const object = await findPool(client, pool.name);
        if (!object) {
            return true;
        }
        refuseHeld(pool, await heldOf(client, specOfPool(object)));
        const { finalizers = [] } = object.metadata;
        const others = finalizers.filter((each) => each !== IN_USE);
        return others.length === finalizers.length || writeFinalizers(client, object, others);
    });
});
export { remove as delete };

const pools = new Map<string, Map<string, PoolSpec>>();

/** The pools that the program declares for a cluster, as far as they have been checked. */
function poolsOf({ connection }: PoolGuardInputs): Map<string, PoolSpec> {
    const key = connectionKey(connection);
    const known = pools.get(key) ?? new Map<string, PoolSpec>();
    pools.set(key, known);
    return known;
}

/** The other pools of the program that were checked before: at a first preview the cluster has none of them. */
function declaredBefore(inputs: PoolGuardInputs): PoolSpec[] {
    const known = poolsOf(inputs);
    const before = [...known.values()].filter(({ name }) => name !== inputs.pool.name);
    known.set(inputs.pool.name, inputs.pool);
    return before;
}

/** A message names at most so many addresses. */
const MAX_NAMES = 10;

/** @throws ClusterError `failed` where anybody has an address of the pool */
function refuseHeld(pool: PoolSpec, held: HeldAddress[]): void {
    const [problem] = deletionProblems(pool, held);
    if (problem) {
        const owners = held
            .filter(({ use }) => use !== "quarantined")
            .map(({ address, owner = "" }) => `${address} of ${owner}`);
        const more = owners.length > MAX_NAMES ? ` and ${String(owners.length - MAX_NAMES)} more` : "";
        throw new ClusterError(
            "failed",
            `${describe(problem)} They are ${owners.slice(0, MAX_NAMES).join(", ")}${more}.`,
        );
    }
}

/** Sees to it that the pool stays where somebody deletes it by hand. */
async function hold({ connection, pool }: PoolGuardInputs): Promise<void> {
    const client = clientFor(connection);
    await untilWritten(pool, async () => {
        const object = await client.get<PoolObject>(IP_POOL, undefined, pool.name);
        const { finalizers = [], deletionTimestamp } = object.metadata;
        if (deletionTimestamp !== undefined) {
            throw new ClusterError(
                "failed",
                `${what(pool)} is being deleted. Run \`pulumi up\` again when it is gone.`,
            );
        }
        return finalizers.includes(IN_USE) || writeFinalizers(client, object, [...finalizers, IN_USE]);
    });
}

/** False where the pool has changed since it was read. */
async function writeFinalizers(client: ClusterClient, object: PoolObject, value: string[]): Promise<boolean> {
    const finalizers = { op: "add", path: "/metadata/finalizers", value } as const;
    return (await patchUnchanged(client, IP_POOL, object, [finalizers])) !== undefined;
}

/** How often a pool may change while its finalizer is written. */
const MAX_TRIES = 8;

/** Reads and writes the pool until nobody has changed it in between. */
async function untilWritten(pool: PoolSpec, attempt: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        if (await attempt()) {
            return;
        }
    }
    throw new ClusterError("conflict", `${what(pool)} is changed by others all the time. Run \`pulumi up\` again.`);
}

const networkUses = new Remembered<ForeignUse>();

/** The networks of Services and pods, read once in a run: every pool is held against the same. */
async function networkUse(client: ClusterClient, sources: ConflictSource[]): Promise<ForeignUse> {
    const own = { networks: new Set<string>(), isOwn: () => false };
    return networkUses.get(client, sources.join(), async () => readForeignUse(client, sources, own));
}

/** What of the pool is among the addresses that Services or pods get. */
async function networkConflicts(client: ClusterClient, pool: PoolSpec): Promise<Problem[]> {
    const { policy, sources } = conflictsOf(pool.conflicts);
    const networks = sources.filter((source) => source === "Services" || source === "Nodes");
    if (policy === "Off" || networks.length === 0) {
        return [];
    }
    const use = await networkUse(client, networks);
    const place = { subject: what(pool), field: "conflicts.sources" };
    return [...poolConflicts(use, compiledPool(pool), policy), ...unreadableProblems(use, policy, place)];
}

/** The pool as the cluster has it, which somebody may have edited, or as the state has it; it is nobody's when it is new. */
async function poolBefore(
    client: ClusterClient,
    name: string,
    known: PoolSpec | undefined,
): Promise<PoolSpec | undefined> {
    const object = await findPool(client, name);
    return object ? specOfPool(object) : known?.name === name ? known : undefined;
}

function spaceProblems(before: PoolSpec, after: PoolSpec): Problem[] {
    return before.space === after.space
        ? []
        : [
              {
                  subject: what(after),
                  field: "space",
                  value: after.space,
                  rule: `the pool is of the space "${before.space}", which its reservations carry in their names`,
                  remedy: "declare another pool for the other space",
              },
          ];
}

/** The pool's reservations, as far as they are anybody's. */
async function heldOf(client: ClusterClient, { name, space }: PoolSpec): Promise<HeldAddress[]> {
    const labelSelector = `${LABEL.space}=${space}`;
    const { items } = await client.list<Reservation>(IP_RESERVATION, undefined, { labelSelector });
    const now = client.serverNow();
    return items.filter(({ spec }) => spec.pool === name).flatMap((each) => useOf(each, now) ?? []);
}

function what(pool: PoolSpec): string {
    return `IPPool "${pool.name}"`;
}
