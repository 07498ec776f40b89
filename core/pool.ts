import { Address, Family, Subnet } from "./ip";
import { IntervalSet } from "./interval-set";
import { Problem } from "./problem";

/** A contiguous part of a pool. */
export interface PoolBlock {
    /** Network in CIDR notation, without host bits. */
    readonly cidr: string;
    /** What may be given out: `first-last` or single addresses. @default all of `cidr` */
    readonly ranges?: readonly string[];
    /** What may not: `first-last`, single addresses or CIDRs. */
    readonly exclude?: readonly string[];
    /** The guests' gateway; never given out, inside `cidr`. */
    readonly gateway?: string;
    /** Give out the network and broadcast address too (IPv6: the subnet-router anycast address). @default false */
    readonly allocateReserved?: boolean;
}

/** The declaration of an address pool, as the IPPool object and the program's arguments carry it. */
export interface PoolSpec {
    readonly name: string;
    /** Scope in which an address is unique (an L2 domain or VRF): a DNS label of at most 40 characters. */
    readonly space: string;
    /** 1 to 16 blocks that do not overlap. */
    readonly blocks: readonly PoolBlock[];
    readonly dnsServers?: readonly string[];
    readonly searchDomains?: readonly string[];
    /** 1 to 4094. */
    readonly vlanId?: number;
    /** Seconds an address rests after its release. */
    readonly releaseGraceSeconds?: number;
    /** The lowest so many addresses of each family go to static requests only. @default 0 */
    readonly staticBand?: number;
}

export interface CompiledBlock {
    readonly subnet: Subnet;
    readonly gateway: Address | undefined;
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
    /** Families the pool has blocks of. */
    readonly families: readonly Family[];
}

/** The used addresses of a pool, indexed so that a free one is found in O(log n); build it once per snapshot. */
export interface UsedAddresses {
    /** Ranks within `automatic` that are taken, per family. */
    readonly ranks: Readonly<Record<Family, IntervalSet>>;
    /** Used addresses of the pool's subnets outside `automatic`. */
    readonly elsewhere: bigint;
}

/** Where the addresses of a pool went; `addresses` is the sum of all but `total`, `total` that of `used` and `free`. */
export interface PoolArithmetic {
    /** All addresses of the blocks' CIDRs. */
    readonly addresses: bigint;
    readonly outsideRanges: bigint;
    /** Network, broadcast and subnet-router anycast addresses. */
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

/** Everything wrong with a pool, and as warnings what is only odd. */
export function validatePool(spec: PoolSpec): Problem[] {
    void spec;
    throw new Error("not implemented");
}

/** The same pool with every address in canonical form; call it on a pool without errors. */
export function canonicalPool(spec: PoolSpec): PoolSpec {
    return spec;
}

/**
 * The pool as address sets.
 * @throws Error with all problems when `validatePool` finds errors
 */
export function compilePool(spec: PoolSpec): CompiledPool {
    void spec;
    throw new Error("not implemented");
}

/** Indexes the used addresses (canonical or not; those of other networks are left out). */
export function usedAddresses(pool: CompiledPool, addresses: Iterable<string>): UsedAddresses {
    void pool;
    void addresses;
    throw new Error("not implemented");
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
    options?: { family?: Family; skip?: ReadonlySet<string> },
): Address | undefined {
    void pool;
    void used;
    void ownerKey;
    void options;
    throw new Error("not implemented");
}

/** The block whose subnet holds an address. */
export function blockOf(pool: CompiledPool, address: Address): CompiledBlock | undefined {
    return pool.blocks.find(({ subnet }) => subnet.family === address.family && subnet.first <= address.value && address.value <= subnet.last);
}

/** Why an address cannot be asked for by name; accepts `10.0.0.7` and, with the block's prefix length, `10.0.0.7/24`. */
export function checkStaticAddress(pool: CompiledPool, address: string): Problem[] {
    void pool;
    void address;
    throw new Error("not implemented");
}

/** Counts of one family; see `PoolArithmetic`. Default family as in `planAddress`. */
export function poolArithmetic(pool: CompiledPool, used: UsedAddresses, family?: Family): PoolArithmetic {
    void pool;
    void used;
    void family;
    throw new Error("not implemented");
}

/** A clause for "pool full": `0 free of 6: 8 addresses in 10.0.0.0/29, less 2 reserved; 6 used`. */
export function arithmeticClause(pool: CompiledPool, used: UsedAddresses, family?: Family): string {
    void pool;
    void used;
    void family;
    throw new Error("not implemented");
}
