import { blockOf, type CompiledPool, defaultFamily, whyUnusable } from "./compiled-pool";
import {
    type Address,
    type Family,
    familyName,
    type InterfaceAddress,
    parseAddress,
    parseInterfaceAddress,
} from "./ip";
import { arithmeticClause, type UsedAddresses } from "./pool-usage";
import { type Parsed, type Place, type Problem } from "./problem";

export { blockOf, compilePool, defaultFamily } from "./compiled-pool";
export type { CompiledBlock, CompiledPool } from "./compiled-pool";
export type { PoolBlock } from "./pool-block";
export { conflictsOf } from "./pool-conflicts";
export type { ConflictPolicy, ConflictSource, PoolConflicts } from "./pool-conflicts";
export { canonicalPool, validatePool } from "./pool-spec";
export type { PoolSpec } from "./pool-spec";
export { arithmeticClause, poolArithmetic, usedAddresses } from "./pool-usage";
export type { AddressUse, HeldAddress, PoolArithmetic, UsedAddresses } from "./pool-usage";

/** Why a pool chooses no address: it has no such block, is disabled, or is full. Default: `defaultFamily`. */
export function whyNoAddress(
    pool: CompiledPool,
    used: UsedAddresses,
    family: Family = defaultFamily(pool),
): Pick<Problem, "rule" | "remedy"> {
    if (!pool.families.includes(family)) {
        return { rule: `the pool has no ${familyName(family)} block`, remedy: "add one, or choose another pool" };
    }
    if (pool.spec.disabled === true) {
        return {
            rule: "the pool is disabled, so that nothing more is chosen from it",
            remedy: "choose another pool, or ask for an address by name",
        };
    }
    const full = pool.families.length > 1 ? `full for ${familyName(family)}` : "full";
    return {
        rule: `the pool is ${full} (${arithmeticClause(pool, used, family)})`,
        remedy: "widen the pool's ranges, or release addresses",
    };
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
    if (block && "address" in result.value && result.value.subnet.prefixLength !== block.subnet.prefixLength) {
        return problem(
            `its prefix length is not that of ${block.subnet.text} in pool "${pool.spec.name}"`,
            `write ${asked.text}/${String(block.subnet.prefixLength)}, or the address alone`,
        );
    }
    const rule = whyUnusable(pool, asked);
    const another = block ? "another address" : "an address of the pool";
    return rule === undefined ? [] : problem(rule, `choose ${another}, or leave address out to get one`);
}
