import { blockOf, type CompiledPool, defaultFamily, perFamily } from "./compiled-pool";
import { type Family, familyName, readAddress } from "./ip";
import { IntervalSet } from "./interval-set";
import { nicOfOwner } from "./reservation";

/**
 * How an address is used: reserved and in use, reserved for an owner that may come back, resting after its release, or
 * in use without a reservation.
 */
export type AddressUse = "active" | "retained" | "quarantined" | "foreign";

/** An address that nobody else may have. */
export interface HeldAddress {
    readonly address: string;
    readonly use: AddressUse;
    /** Key of the owner (see `ownerKey`), or who uses a foreign address, for messages. */
    readonly owner?: string;
    /** When a quarantined address is free again, in RFC 3339. */
    readonly reusableAt?: string;
}

/** What of one family is used. */
export interface FamilyUse {
    /** Used addresses that could have been chosen, by use. */
    readonly counts: Readonly<Record<AddressUse, bigint>>;
    /** When the first of the quarantined is free again, in RFC 3339. */
    readonly nextReusable: string | undefined;
    /** How many each owner has; NICs count for their VM (`namespace/vm`). */
    readonly owners: ReadonlyMap<string, number>;
    /** Used addresses of the pool's subnets that are never chosen. */
    readonly elsewhere: bigint;
}

/** The used addresses of a pool, indexed so that a free one is found in O(log n); build it once per snapshot. */
export interface UsedAddresses {
    /** Ranks within `automatic` that are taken, per family. */
    readonly ranks: Readonly<Record<Family, IntervalSet>>;
    readonly families: Readonly<Record<Family, FamilyUse>>;
}

/**
 * Where the addresses of a pool went. `addresses` is the sum of `outsideRanges`, `reserved`, `gateways`, `excluded`,
 * `staticOnly` and `total`; `total` is that of `used` and `free`; `used` is that of `active`, `retained`,
 * `quarantined` and `foreign`.
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
    readonly active: bigint;
    readonly retained: bigint;
    readonly quarantined: bigint;
    readonly foreign: bigint;
    readonly free: bigint;
    /** Used addresses that are not among `total`. */
    readonly usedElsewhere: bigint;
}

/** So many owners are named where a pool is full. */
const TOP_OWNERS = 3;

/**
 * Indexes the used addresses (canonical or not; those of other networks are left out). A text alone counts as active. Of
 * an address that is named several times the first counts, but a foreign use only where nothing reserves the address:
 * who uses a reserved address is most likely its owner.
 */
export function usedAddresses(pool: CompiledPool, addresses: Iterable<string | HeldAddress>): UsedAddresses {
    const found = perFamily(() => new Map<bigint, HeldAddress>());
    for (const each of addresses) {
        const held: HeldAddress = typeof each === "string" ? { address: each, use: "active" } : each;
        const address = readAddress(held.address);
        if (address === undefined || blockOf(pool, address) === undefined) {
            continue;
        }
        const { family, value } = address;
        const known = found[family].get(value);
        if (known === undefined || (known.use === "foreign" && held.use !== "foreign")) {
            found[family].set(value, held);
        }
    }
    const indexed = perFamily((family) => indexOf(pool.automatic[family], found[family]));
    return {
        ranks: perFamily((family) => indexed[family].ranks),
        families: perFamily((family) => indexed[family].use),
    };
}

function indexOf(
    automatic: IntervalSet,
    found: ReadonlyMap<bigint, HeldAddress>,
): { ranks: IntervalSet; use: FamilyUse } {
    const ranks: bigint[] = [];
    const counts = { active: 0n, retained: 0n, quarantined: 0n, foreign: 0n };
    const owners = new Map<string, number>();
    let nextReusable: string | undefined;
    for (const [value, { use, owner, reusableAt }] of found) {
        const rank = automatic.rank(value);
        if (rank === undefined) {
            continue;
        }
        ranks.push(rank);
        counts[use] += 1n;
        if (owner !== undefined) {
            const name = holderName(owner);
            owners.set(name, (owners.get(name) ?? 0) + 1);
        }
        if (use === "quarantined" && reusableAt !== undefined && isEarlier(reusableAt, nextReusable)) {
            nextReusable = reusableAt;
        }
    }
    const elsewhere = BigInt(found.size - ranks.length);
    return { ranks: IntervalSet.ofValues(ranks), use: { counts, nextReusable, owners, elsewhere } };
}

/** Counts of one family; see `PoolArithmetic`. Default: `defaultFamily`. */
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
        ...used.families[of].counts,
        free: total - taken,
        usedElsewhere: used.families[of].elsewhere,
    };
}

/**
 * A clause for "pool full": `0 free of 6: 8 addresses in 10.0.0.0/29, less 2 reserved (network, broadcast or anycast);
 * 6 used: 4 active, 1 retained, 1 quarantined (the next is reusable at 2026-11-21T15:00:00Z); top owners: prod/web (3)`.
 */
export function arithmeticClause(pool: CompiledPool, used: UsedAddresses, family?: Family): string {
    const of = family ?? defaultFamily(pool);
    const sum = poolArithmetic(pool, used, of);
    const networks = pool.blocks.filter(({ subnet }) => subnet.family === of).map(({ subnet }) => subnet.text);
    const left = counted([
        [sum.outsideRanges, "outside ranges"],
        [sum.reserved, "reserved (network, broadcast or anycast)"],
        [sum.gateways, sum.gateways === 1n ? "gateway" : "gateways"],
        [sum.excluded, "excluded"],
        [sum.staticOnly, "for static requests only"],
    ]);
    const { nextReusable, owners } = used.families[of];
    const reusable = nextReusable === undefined ? "" : ` (the next is reusable at ${nextReusable})`;
    const uses = counted([
        [sum.active, "active"],
        [sum.retained, "retained"],
        [sum.quarantined, `quarantined${reusable}`],
        [sum.foreign, "in use without a reservation"],
    ]);
    const kind = pool.families.length > 1 ? `${familyName(of)} addresses` : "addresses";
    return (
        `${String(sum.free)} free of ${String(sum.total)}: ${String(sum.addresses)} ${kind} in ${networks.join(", ")}` +
        `${left === "" ? "" : `, less ${left}`}; ${String(sum.used)} used${uses === "" ? "" : `: ${uses}`}` +
        (sum.free > 0n || owners.size === 0 ? "" : `; top owners: ${topOwners(owners)}`)
    );
}

function counted(parts: readonly (readonly [bigint, string])[]): string {
    return parts.flatMap(([count, what]) => (count === 0n ? [] : [`${String(count)} ${what}`])).join(", ");
}

function topOwners(owners: ReadonlyMap<string, number>): string {
    const sorted = [...owners].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
    const named = sorted.slice(0, TOP_OWNERS).map(([name, count]) => `${name} (${String(count)})`);
    return `${named.join(", ")}${sorted.length > TOP_OWNERS ? ", ..." : ""}`;
}

/** Whom addresses are counted for: a VM, for those of its NICs. */
function holderName(owner: string): string {
    const nic = nicOfOwner(owner);
    return nic === undefined ? owner : `${nic.namespace}/${nic.vm}`;
}

function isEarlier(time: string, than: string | undefined): boolean {
    return than === undefined || Date.parse(time) < Date.parse(than);
}
