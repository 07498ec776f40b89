import { createHash } from "node:crypto";
import {
    type Address,
    addressOf,
    broadcastAddress,
    contains,
    type Family,
    type InterfaceAddress,
    networkAddress,
    parseAddress,
    parseInterfaceAddress,
    type Subnet,
} from "./ip";
import { IntervalSet } from "./interval-set";
import { type PoolSpec, type BlockParts, readBlock, usableOf, validatePool } from "./pool-spec";
import { describe, errorsOf, type Parsed, type Place, type Problem } from "./problem";

export { canonicalPool, validatePool } from "./pool-spec";
export type { PoolBlock, PoolSpec } from "./pool-spec";

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

/** The used addresses of a pool, indexed so that a free one is found in O(log n); build it once per snapshot. */
export interface UsedAddresses {
    /** Ranks within `automatic` that are taken, per family. */
    readonly ranks: Readonly<Record<Family, IntervalSet>>;
    /** Used addresses of the pool's subnets that are not in `automatic`, per family. */
    readonly elsewhere: Readonly<Record<Family, bigint>>;
}

/**
 * Where the addresses of a pool went. `addresses` is the sum of `outsideRanges`, `reserved`, `gateways`, `excluded`,
 * `staticOnly` and `total`; `total` is that of `used` and `free`.
 */
export interface PoolArithmetic {
    /** All addresses of the blocks' CIDRs. */
    readonly addresses: bigint;
    readonly outsideRanges: bigint;
    /** Network, broadcast and subnet-router anycast addresses inside the ranges. */
    readonly reserved: bigint;
    readonly gateways: bigint;
    readonly excluded: bigint;
    /** Static band and DNS servers. */
    readonly staticOnly: bigint;
    /** What is chosen from. */
    readonly total: bigint;
    readonly used: bigint;
    readonly free: bigint;
    /** Used addresses that are not among `total`. */
    readonly usedElsewhere: bigint;
}

/**
 * The pool as address sets.
 * @throws Error with all problems when `validatePool` finds errors
 */
export function compilePool(spec: PoolSpec): CompiledPool {
    const errors = errorsOf(validatePool(spec));
    if (errors.length > 0) {
        throw new Error(errors.map(describe).join(" "));
    }
    const blocks = spec.blocks.map((block, index): CompiledBlock => {
        const parts = readBlock(block, { field: `blocks[${String(index)}]` });
        return { ...parts, subnet: parts.subnet as Subnet, usable: usableOf(parts) };
    });
    const usable = perFamily((family) =>
        IntervalSet.of(
            blocks.filter(({ subnet }) => subnet.family === family).flatMap((block) => block.usable.intervals),
        ),
    );
    const servers = (spec.dnsServers ?? []).map((server) => parseAddress(server)).filter((server) => server.ok);
    const automatic = perFamily((family) => {
        return usable[family]
            .subtract(lowest(usable[family], BigInt(spec.staticBand ?? 0)))
            .subtract(
                IntervalSet.ofValues(servers.flatMap(({ value }) => (value.family === family ? [value.value] : []))),
            );
    });
    const families = ([4, 6] as const).filter((family) => blocks.some(({ subnet }) => subnet.family === family));
    return { spec, blocks, usable, automatic, families };
}

/** Indexes the used addresses (canonical or not; those of other networks are left out). */
export function usedAddresses(pool: CompiledPool, addresses: Iterable<string>): UsedAddresses {
    const ranks: Record<Family, bigint[]> = { 4: [], 6: [] };
    const others: Record<Family, Set<bigint>> = { 4: new Set(), 6: new Set() };
    for (const text of addresses) {
        const address = parseAddress(text);
        if (!address.ok) {
            continue;
        }
        const { family, value } = address.value;
        const rank = pool.automatic[family].rank(value);
        if (rank !== undefined) {
            ranks[family].push(rank);
        } else if (blockOf(pool, address.value) !== undefined) {
            others[family].add(value);
        }
    }
    return {
        ranks: perFamily((family) => IntervalSet.ofValues(ranks[family])),
        elsewhere: perFamily((family) => BigInt(others[family].size)),
    };
}

/**
 * The address an owner gets from a pool: the hash of its key picks a rank, the next free one (wrapping) is taken. The
 * same pool, use and owner always give the same address, so a preview can tell it.
 * @param options.family family to choose from; default: IPv4 when the pool has any, else IPv6
 * @param options.skip addresses not to take although they are free: lost races, picks of the same run
 * @returns undefined when no address is free
 */
export function planAddress(
    pool: CompiledPool,
    used: UsedAddresses,
    ownerKey: string,
    options: { family?: Family; skip?: ReadonlySet<string> } = {},
): Address | undefined {
    const family = options.family ?? defaultFamily(pool);
    const candidates = pool.automatic[family];
    if (candidates.size === 0n) {
        return undefined;
    }
    const hash = BigInt(`0x${createHash("sha256").update(ownerKey).digest("hex")}`);
    let rank = nextFree(hash % candidates.size, used.ranks[family], candidates.size);
    const firstRank = rank;
    while (rank !== undefined) {
        const address = addressOf(family, candidates.unrank(rank) as bigint);
        if (options.skip?.has(address.text) !== true) {
            return address;
        }
        rank = nextFree((rank + 1n) % candidates.size, used.ranks[family], candidates.size);
        if (rank === firstRank) {
            return undefined;
        }
    }
    return undefined;
}

/** The block whose subnet holds an address. */
export function blockOf(pool: CompiledPool, address: Address): CompiledBlock | undefined {
    return pool.blocks.find(({ subnet }) => contains(subnet, address));
}

/**
 * Why an address cannot be asked for by name; accepts `10.0.0.7` and, with the block's prefix length, `10.0.0.7/24`.
 * @param place where the address is written; default: field `address` of the pool
 */
export function checkStaticAddress(pool: CompiledPool, address: string, place?: Place): Problem[] {
    const problem = (rule: string, remedy: string): Problem[] => [
        { ...(place ?? { subject: `IPPool "${pool.spec.name}"`, field: "address" }), value: address, rule, remedy },
    ];
    const result: Parsed<Address | InterfaceAddress> = address.includes("/")
        ? parseInterfaceAddress(address)
        : parseAddress(address);
    if (!result.ok) {
        return problem(result.rule, result.remedy);
    }
    const asked = "address" in result.value ? result.value.address : result.value;
    const block = blockOf(pool, asked);
    if (block === undefined) {
        const networks = pool.blocks.map(({ subnet }) => subnet.text).join(", ");
        return problem(
            `it is outside pool "${pool.spec.name}" (${networks})`,
            "choose an address of the pool, or leave address out to get one",
        );
    }
    if ("address" in result.value && result.value.subnet.prefixLength !== block.subnet.prefixLength) {
        return problem(
            `its prefix length is not that of ${block.subnet.text} in pool "${pool.spec.name}"`,
            `write ${asked.text}/${String(block.subnet.prefixLength)}, or the address alone`,
        );
    }
    const rule = refusalOf(asked, block);
    return rule === undefined ? [] : problem(rule, "choose another address, or leave address out to get one");
}

/** Counts of one family; see `PoolArithmetic`. Default family as in `planAddress`. */
export function poolArithmetic(pool: CompiledPool, used: UsedAddresses, family?: Family): PoolArithmetic {
    const of = family ?? defaultFamily(pool);
    let addresses = 0n;
    let outsideRanges = 0n;
    let reserved = 0n;
    let gateways = 0n;
    let excluded = 0n;
    for (const block of pool.blocks.filter(({ subnet }) => subnet.family === of)) {
        const size = block.subnet.last - block.subnet.first + 1n;
        const ranges = IntervalSet.of(block.ranges);
        const hosts = ranges.subtract(IntervalSet.ofValues(block.reserved.map(({ value }) => value)));
        const guests = hosts.subtract(IntervalSet.ofValues(block.gateway === undefined ? [] : [block.gateway.value]));
        addresses += size;
        outsideRanges += size - ranges.size;
        reserved += ranges.size - hosts.size;
        gateways += hosts.size - guests.size;
        excluded += guests.size - block.usable.size;
    }
    const total = pool.automatic[of].size;
    const taken = used.ranks[of].size;
    return {
        addresses,
        outsideRanges,
        reserved,
        gateways,
        excluded,
        staticOnly: pool.usable[of].size - total,
        total,
        used: taken,
        free: total - taken,
        usedElsewhere: used.elsewhere[of],
    };
}

/** A clause for "pool full": `0 free of 5: 8 addresses in 10.0.0.0/29, less 2 reserved, 1 gateway; 5 used`. */
export function arithmeticClause(pool: CompiledPool, used: UsedAddresses, family?: Family): string {
    const of = family ?? defaultFamily(pool);
    const sum = poolArithmetic(pool, used, of);
    const networks = pool.blocks.filter(({ subnet }) => subnet.family === of).map(({ subnet }) => subnet.text);
    const parts: [bigint, string][] = [
        [sum.outsideRanges, "outside ranges"],
        [sum.reserved, "reserved (network, broadcast or anycast)"],
        [sum.gateways, sum.gateways === 1n ? "gateway" : "gateways"],
        [sum.excluded, "excluded"],
        [sum.staticOnly, "for static requests only"],
    ];
    const less = parts.flatMap(([count, what]) => (count === 0n ? [] : [`${String(count)} ${what}`]));
    return (
        `${String(sum.free)} free of ${String(sum.total)}: ${String(sum.addresses)} addresses in ${networks.join(", ")}` +
        `${less.length === 0 ? "" : `, less ${less.join(", ")}`}; ${String(sum.used)} used`
    );
}

function refusalOf(address: Address, block: CompiledBlock): string | undefined {
    const { subnet, gateway } = block;
    if (block.usable.contains(address.value)) {
        return undefined;
    }
    if (address.value === gateway?.value) {
        return `it is the gateway of ${subnet.text}`;
    }
    if (block.reserved.some(({ value }) => value === address.value)) {
        const name =
            address.value === broadcastAddress(subnet)?.value
                ? "broadcast address"
                : networkAddress(subnet)?.family === 6
                  ? "subnet-router anycast address"
                  : "network address";
        return `it is the ${name} of ${subnet.text}`;
    }
    return IntervalSet.of(block.exclude).contains(address.value)
        ? `it is excluded from ${subnet.text}`
        : `it is outside the ranges of ${subnet.text} that may be given out`;
}

/** The first rank from `start` on, wrapping, that is not taken. */
function nextFree(start: bigint, taken: IntervalSet, size: bigint): bigint | undefined {
    if (taken.size >= size) {
        return undefined;
    }
    const run = taken.intervalOf(start);
    if (run === undefined) {
        return start;
    }
    return run.last + 1n < size ? run.last + 1n : (taken.intervalOf(0n)?.last ?? -1n) + 1n;
}

/** The lowest members of a set that make up the static band. */
function lowest(set: IntervalSet, count: bigint): IntervalSet {
    const last = set.unrank((count < set.size ? count : set.size) - 1n);
    return last === undefined ? IntervalSet.of([]) : set.intersect(IntervalSet.of([{ first: 0n, last }]));
}

function defaultFamily(pool: CompiledPool): Family {
    return pool.families[0] ?? 4;
}

function perFamily<T>(of: (family: Family) => T): Record<Family, T> {
    return { 4: of(4), 6: of(6) };
}
