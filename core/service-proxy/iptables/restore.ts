import { type Chains, type Table } from "./port-chains";
import { JUMPS, SHARED } from "./ruleset";

/** By this comment a chain's jumps are known to be the node agent's. */
export const COMMENT = "wukong service proxy";

/** What a kernel has of ours, read from `iptables-save`. */
export interface Present {
    /** Names of chains behind the prefix. */
    readonly chains: readonly string[];
    /** The jumps into our chains, as `-A` rules. */
    readonly jumps: readonly string[];
    /** Our chains' rules, in their order. */
    readonly rules: readonly string[];
    /** Names behind the prefix of chains that are not ours. */
    readonly others: readonly string[];
}

/** Chains that are not of one port. */
const FIXED = new Set(["MARK-MASQ", "POSTROUTING", "REJECT", "FILTER", ...Object.keys(SHARED)]);

/** Whether a chain is ours, by its name behind the prefix: the hash of a port's is that of `nameHash`. */
function isOurs(chain: string): boolean {
    return FIXED.has(chain) || /^(SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/.test(chain);
}

/** Reads what `iptables-save` of one table printed. */
export function presentIn(save: string, prefix: string): Present {
    const lines = save.split("\n");
    const named = lines.flatMap((line) =>
        line.startsWith(`:${prefix}-`) ? [line.slice(prefix.length + 2).split(" ")[0] ?? ""] : [],
    );
    return {
        chains: named.filter(isOurs),
        jumps: lines.filter(
            (line) =>
                /^-A (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) /.test(line) &&
                line.includes(`"${COMMENT}" -j ${prefix}-`),
        ),
        rules: lines.filter((line) => isOurs(chainOf(line, prefix))),
        others: named.filter((chain) => !isOurs(chain)),
    };
}

/** Whether a kernel has the chains of a table and the jumps into them, each chain with as many rules as were written. */
export function isComplete(prefix: string, table: Table, written: Chains, present: Present): boolean {
    const counts = new Map(present.chains.map((chain) => [chain, 0]));
    for (const rule of present.rules) {
        const chain = chainOf(rule, prefix);
        counts.set(chain, (counts.get(chain) ?? 0) + 1);
    }
    return (
        missingJumps(prefix, table, present).length === 0 &&
        counts.size === written.size &&
        Array.from(written).every(([chain, rules]) => counts.get(chain) === rules.length)
    );
}

/** The chain that a rule is of, behind the prefix; "" where it is of another prefix's. */
function chainOf(rule: string, prefix: string): string {
    const start = `-A ${prefix}-`;
    return rule.startsWith(start) ? (rule.slice(start.length).split(" ", 1)[0] ?? "") : "";
}

/**
 * An input of `iptables-restore --noflush`: chains that are written anew and chains that go. The table changes as a whole.
 * @param jumps rules into our chains that are missing
 */
export function restoreText(
    prefix: string,
    table: Table,
    { written, removed, jumps = [] }: { written: Chains; removed: readonly string[]; jumps?: readonly string[] },
): string {
    return [
        `*${table}`,
        ...[...written.keys(), ...removed].map((chain) => `:${prefix}-${chain} - [0:0]`),
        ...Array.from(written).flatMap(([chain, rules]) => rules.map((rule) => `-A ${prefix}-${chain} ${rule}`)),
        ...jumps,
        ...removed.map((chain) => `-X ${prefix}-${chain}`),
        "COMMIT",
        "",
    ].join("\n");
}

/** The chains in portions of about so many rules, in their order: a chain's own rules stay together. */
export function portions(chains: Chains, rulesOfOne: number): Chains[] {
    const all: Map<string, readonly string[]>[] = [];
    let rules = rulesOfOne;
    for (const [chain, of] of chains) {
        if (rules >= rulesOfOne) {
            all.push(new Map());
            rules = 0;
        }
        all.at(-1)?.set(chain, of);
        rules += of.length + 1;
    }
    return all;
}

/** The rules into our chains that are not present. */
export function missingJumps(prefix: string, table: Table, present: Present): string[] {
    return JUMPS[table].flatMap(([from, to]) =>
        present.jumps.some((jump) => jump.startsWith(`-A ${from} `) && jump.endsWith(` -j ${prefix}-${to}`))
            ? []
            : [`-I ${from} 1 -m comment --comment "${COMMENT}" -j ${prefix}-${to}`],
    );
}

/** Kinds of chains, those that jump to others first: a chain that is jumped to does not go. */
const KINDS = ["FILTER", "SERVICES", "NODEPORTS", "FW", "EXT", "SVL", "SVC", "SEP"];

/**
 * Inputs of `iptables-restore --noflush` that leave nothing of ours, in portions of so many chains; none where there is
 * nothing.
 */
export function cleanupTexts(
    prefix: string,
    table: Table,
    { chains, jumps }: Pick<Present, "chains" | "jumps">,
    chainsOfOne: number,
): string[] {
    const rank = (chain: string): number => {
        const index = KINDS.indexOf(chain.split("-")[0] ?? "");
        return index < 0 ? KINDS.length : index;
    };
    const sorted = [...chains].sort((a, b) => rank(a) - rank(b));
    const texts: string[] = [];
    for (let i = 0; i < Math.max(sorted.length, Math.min(jumps.length, 1)); i += chainsOfOne) {
        texts.push(
            restoreText(prefix, table, {
                written: new Map(),
                removed: sorted.slice(i, i + chainsOfOne),
                jumps: i === 0 ? jumps.map((jump) => jump.replace("-A ", "-D ")) : [],
            }),
        );
    }
    return texts;
}
