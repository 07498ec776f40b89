import { type Address, contains, type Family, parseAddress, type Subnet } from "./ip";
import { IntervalSet } from "./interval-set";
import { type BlockParts, specialName, usableOf } from "./pool-block";
import { type PoolSpec, readPool } from "./pool-spec";
import { describe, errorsOf } from "./problem";

/** A block of a valid pool. */
export interface CompiledBlock extends BlockParts {
    readonly subnet: Subnet;
    /** What may be given out of this block, statically or not. */
    readonly usable: IntervalSet;
}

/** A valid pool as address sets. */
export interface CompiledPool {
    readonly spec: PoolSpec;
    readonly blocks: readonly CompiledBlock[];
    /** What may be given out, per family: blocks and ranges without excluded, reserved and gateway addresses. */
    readonly usable: Readonly<Record<Family, IntervalSet>>;
    /** What is chosen from: `usable` without the static band and without the pool's own DNS servers. */
    readonly automatic: Readonly<Record<Family, IntervalSet>>;
    /** Families the pool has blocks of, IPv4 first. */
    readonly families: readonly Family[];
}

/**
 * The pool as address sets.
 * @throws Error with all problems when `validatePool` finds errors
 */
export function compilePool(spec: PoolSpec): CompiledPool {
    const { blocks, problems } = readPool(spec);
    const errors = errorsOf(problems);
    if (errors.length > 0) {
        throw new Error(errors.map(describe).join(" "));
    }
    return compile(spec, blocks);
}

/** The pool as address sets, without what of it is not readable or against a rule. */
export function compileReadable(spec: PoolSpec): CompiledPool {
    return compile(spec, readPool(spec).blocks);
}

function compile(spec: PoolSpec, parts: readonly BlockParts[]): CompiledPool {
    const blocks = parts.flatMap(({ subnet, ...rest }): CompiledBlock[] =>
        subnet === undefined ? [] : [{ ...rest, subnet, usable: usableOf(rest) }],
    );
    const usable = perFamily((family) =>
        IntervalSet.of(
            blocks.filter(({ subnet }) => subnet.family === family).flatMap((block) => block.usable.intervals),
        ),
    );
    const servers = (spec.dnsServers ?? []).map((server) => parseAddress(server)).filter((server) => server.ok);
    const band = spec.staticBand ?? 0;
    const automatic = perFamily((family) => {
        return usable[family]
            .subtract(lowest(usable[family], BigInt(Number.isSafeInteger(band) ? band : 0)))
            .subtract(
                IntervalSet.ofValues(servers.flatMap(({ value }) => (value.family === family ? [value.value] : []))),
            );
    });
    const families = ([4, 6] as const).filter((family) => blocks.some(({ subnet }) => subnet.family === family));
    return { spec, blocks, usable, automatic, families };
}

/** The block whose subnet holds an address. */
export function blockOf(pool: CompiledPool, address: Pick<Address, "family" | "value">): CompiledBlock | undefined {
    return pool.blocks.find(({ subnet }) => contains(subnet, address));
}

/** The family that is meant where none is named: IPv4 when the pool has any, else IPv6. */
export function defaultFamily(pool: CompiledPool): Family {
    return pool.families[0] ?? 4;
}

/** Why the pool gives an address to nobody, as a clause; undefined for one that may be given out. */
export function whyUnusable(pool: CompiledPool, address: Address): string | undefined {
    if (pool.usable[address.family].contains(address.value)) {
        return undefined;
    }
    const block = blockOf(pool, address);
    if (block === undefined) {
        const networks = pool.blocks.map(({ subnet }) => subnet.text).join(", ");
        return `it is outside pool "${pool.spec.name}" (${networks})`;
    }
    const { subnet, gateway, reserved, exclude } = block;
    if (address.value === gateway?.value) {
        return `it is the gateway of ${subnet.text}`;
    }
    if (reserved.some(({ value }) => value === address.value)) {
        return `it is the ${specialName(subnet, address)} of ${subnet.text}`;
    }
    return IntervalSet.of(exclude).contains(address.value)
        ? `it is excluded from ${subnet.text}`
        : `it is outside the ranges of ${subnet.text} that may be given out`;
}

/** A value for each family. */
export function perFamily<T>(of: (family: Family) => T): Record<Family, T> {
    return { 4: of(4), 6: of(6) };
}

/** The lowest members of a set that make up the static band. */
function lowest(set: IntervalSet, count: bigint): IntervalSet {
    const last = set.unrank((count < set.size ? count : set.size) - 1n);
    return last === undefined ? IntervalSet.of([]) : set.intersect(IntervalSet.of([{ first: 0n, last }]));
}
