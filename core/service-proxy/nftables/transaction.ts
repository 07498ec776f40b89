import { familyWord, layoutOf, STAMP_SET, TABLE } from "./layout";
import { CHAINS, type Item, MAPS } from "./port-rules";
import type { Change, Ruleset } from "./ruleset";
import type { Family } from "../../ip";

/** So many elements are in one command: nft takes a line of any length, and one command is read faster than many. */
const ELEMENTS_OF_A_COMMAND = 5000;

/**
 * A transaction of nft that brings the tables from one state to the next, and leaves the chains that are not used any more,
 * which kernels before 6.2 do not give away in the same transaction.
 * @param stamp a number that no transaction before it had
 */
export function changeText(changes: readonly Change[], stamp: number): string {
    return [
        ...changes.flatMap(({ family, removed, added }) => {
            const ruleChains = added.filter(isChain);
            return [
                ...mapLines(family, added),
                ...ruleChains.map(({ key }) => `add chain ${table(family)} ${key}`),
                ...ruleChains.map(({ key }) => `flush chain ${table(family)} ${key}`),
                ...ruleChains.flatMap((chain) => ruleLines(family, chain)),
                ...elementLines("delete", family, removed),
                ...elementLines("add", family, added),
            ];
        }),
        ...stampLines(stamp),
    ].join("\n");
}

/** The chains and maps of a change that nothing leads to any more. */
export function unusedOf({ removed, added }: Change): Item[] {
    const stay = new Set(added.filter(isOwn).map(({ set, key }) => `${set} ${key}`));
    return removed.filter((item) => isOwn(item) && !stay.has(`${item.set} ${item.key}`));
}

/** A transaction of nft that removes chains, which may jump to each other, and maps, which they may use. */
export function removalText(items: readonly (readonly [Family, Item])[], stamp: number): string {
    const lines = (verb: string, kind: string): string[] =>
        items.flatMap(([family, { set, key }]) => (set === kind ? [`${verb} ${kind} ${table(family)} ${key}`] : []));
    return [...lines("flush", CHAINS), ...lines("delete", CHAINS), ...lines("delete", MAPS), ...stampLines(stamp)].join(
        "\n",
    );
}

/** The maps of a state in which the kernel notes what each client was given: of the packets' making, and so handed on. */
export function learnedMaps(ruleset: Ruleset, families: readonly Family[]): (readonly [Family, Item])[] {
    return families.flatMap((family) =>
        ruleset
            .all(family)
            .filter(({ set }) => set === MAPS)
            .map((item) => [family, item] as const),
    );
}

/** A transaction of nft that makes maps where they are missing. */
export function mapsText(maps: readonly (readonly [Family, Item])[]): string {
    return maps.flatMap(([family, item]) => [`add table ${table(family)}`, ...mapLines(family, [item])]).join("\n");
}

/** Commands of nft that list maps, in the form in which it takes them back. */
export function listText(maps: readonly (readonly [Family, Item])[]): string {
    return maps.map(([family, { key }]) => `list map ${table(family)} ${key}\n`).join("");
}

/**
 * A transaction of nft that makes the tables anew, whatever is there. A connection does not notice: conntrack has its
 * addresses.
 * @param learned the maps of `learnedMaps` as nft prints them, which are taken along
 */
export function fullText(ruleset: Ruleset, families: readonly Family[], learned: string, stamp: number): string {
    return [
        ...families.flatMap((family) => {
            const items = ruleset.all(family);
            const ruleChains = items.filter(isChain);
            return [
                `table ${table(family)} {}`,
                `delete table ${table(family)}`,
                layoutOf(family),
                ...mapLines(family, items),
                ...ruleChains.map(({ key }) => `add chain ${table(family)} ${key}`),
                ...ruleChains.flatMap((chain) => ruleLines(family, chain)),
                ...elementLines("add", family, items),
            ];
        }),
        learned,
        ...stampLines(stamp),
    ].join("\n");
}

/** A transaction of nft that changes nothing but the stamp. */
export function stampText(stamp: number): string {
    return stampLines(stamp).join("\n");
}

/** The stamp of the last transaction of ours, read from what nft lists of its set. */
export function stampIn(listing: string): number | undefined {
    const stamp = /elements = \{ (0x[0-9a-f]+) \}/.exec(listing)?.[1];
    return stamp === undefined ? undefined : Number(stamp);
}

/** A transaction of nft that leaves nothing of ours. */
export function cleanupText(families: readonly Family[]): string {
    return families.flatMap((family) => [`table ${table(family)} {}`, `delete table ${table(family)}`]).join("\n");
}

/** What decides about a port, as nft prints it. */
export function explanation(family: Family, items: readonly Item[]): string[] {
    const ruleChains = items.filter(isChain);
    return [
        ...items
            .filter((item) => !isOwn(item))
            .map(({ set, key, value }) => `${table(family)} ${set} { ${elementText({ set, key, value })} }`),
        ...ruleChains.flatMap(({ key, value }) =>
            value.split("\n").map((rule) => `${table(family)} ${key} ${rule}`.trimEnd()),
        ),
    ];
}

function isChain({ set }: Item): boolean {
    return set === CHAINS;
}

/** Whether an item is no element, but a chain or map itself. */
function isOwn({ set }: Item): boolean {
    return set === CHAINS || set === MAPS;
}

function mapLines(family: Family, items: readonly Item[]): string[] {
    return items.flatMap(({ set, key, value }) =>
        set === MAPS ? [`add map ${table(family)} ${key} { ${value} }`] : [],
    );
}

function table(family: Family): string {
    return `${familyWord(family)} ${TABLE}`;
}

function stampLines(stamp: number): string[] {
    const set = `${table(4)} ${STAMP_SET}`;
    return [`flush set ${set}`, `add element ${set} { ${String(stamp)} }`, ""];
}

function ruleLines(family: Family, { key, value }: Item): string[] {
    return value
        .split("\n")
        .filter((rule) => rule !== "")
        .map((rule) => `add rule ${table(family)} ${key} ${rule}`);
}

function elementLines(verb: "add" | "delete", family: Family, items: readonly Item[]): string[] {
    const bySet = new Map<string, Item[]>();
    for (const item of items) {
        if (!isOwn(item)) {
            bySet.set(item.set, bySet.get(item.set) ?? []);
            bySet.get(item.set)?.push(item);
        }
    }
    return Array.from(bySet).flatMap(([set, members]) => {
        const texts = members.map((member) => (verb === "add" ? elementText(member) : member.key));
        const commands: string[] = [];
        for (let i = 0; i < texts.length; i += ELEMENTS_OF_A_COMMAND) {
            const part = texts.slice(i, i + ELEMENTS_OF_A_COMMAND).join(", ");
            commands.push(`${verb} element ${table(family)} ${set} { ${part} }`);
        }
        return commands;
    });
}

function elementText({ key, value }: Pick<Item, "key" | "value" | "set">): string {
    return value === "" ? key : `${key} : ${value}`;
}
