import type { Lab } from "./lab";
import type { DataplaneMode } from "./requests";

/** All rules of the node's kernel as both programs print them, without packet counters. */
export async function allRules(lab: Lab): Promise<string> {
    const texts = [await lab.run("node", "nft", "list", "ruleset")];
    for (const program of [
        "iptables-nft-save",
        "ip6tables-nft-save",
        "iptables-legacy-save",
        "ip6tables-legacy-save",
    ]) {
        texts.push(await lab.run("node", program));
    }
    return texts
        .join("\n")
        .replace(/^#.*$/gm, "")
        .replace(/\[\d+:\d+\]|packets \d+ bytes \d+/g, "");
}

/**
 * Our rules as the kernel holds them, in an order that does not depend on how they came there: what a packet meets.
 */
export async function ourRules(lab: Lab, mode: DataplaneMode): Promise<unknown> {
    return mode === "nftables"
        ? [await nftTable(lab, "ip"), await nftTable(lab, "ip6")]
        : Promise.all([mode, mode.replace("iptables", "ip6tables")].map((program) => iptablesChains(lab, program)));
}

/** Of what `iptables-save` prints, our chains and the jumps into them, with their rules in their order. */
async function iptablesChains(lab: Lab, program: string): Promise<Record<string, string[]>> {
    const chains: Record<string, string[]> = {};
    for (const table of ["nat", "filter"]) {
        for (const line of (await lab.run("node", `${program}-save`, "-t", table)).split("\n")) {
            const [, chain] = /^(?:-A |:)(\S+)/.exec(line) ?? [];
            if (chain !== undefined && line.includes("WUKONG-")) {
                (chains[`${table} ${chain}`] ??= []).push(...(line.startsWith("-A") ? [line] : []));
            }
        }
    }
    return chains;
}

interface Listed {
    readonly map?: NamedSet;
    readonly set?: NamedSet;
    readonly chain?: { readonly name: string };
    readonly rule?: { readonly chain: string; readonly expr: unknown };
}
interface NamedSet {
    readonly name: string;
    readonly elem?: readonly unknown[];
}

/** Of the listing of a table, the chains with their rules and the sets with their elements, sorted by name and value. */
async function nftTable(lab: Lab, family: "ip" | "ip6"): Promise<Record<string, string[]>> {
    // What follows the first line are nft's remarks on statements for which it has no JSON.
    const [json = ""] = (await lab.run("node", "nft", "-j", "list", "table", family, "wukong")).split("\n");
    const listing = JSON.parse(json) as { nftables: Listed[] };
    const rules: Record<string, string[]> = {};
    for (const { map, set, chain, rule } of listing.nftables) {
        const named = map ?? set;
        if (named !== undefined && named.name !== "transaction" && !named.name.startsWith("__")) {
            rules[named.name] = (named.elem ?? []).map((element) => JSON.stringify(element)).sort();
        } else if (chain !== undefined) {
            rules[`chain ${chain.name}`] ??= [];
        } else if (rule !== undefined) {
            (rules[`chain ${rule.chain}`] ??= []).push(JSON.stringify(rule.expr));
        }
    }
    return rules;
}
