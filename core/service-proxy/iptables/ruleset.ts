import type { Family } from "../../ip";
import type { ProxyPort, ProxyState } from "../model";
import { type Chains, chainsOf, isNode, type PortChains, type SharedChain, type Table } from "./port-chains";

/** How the chains of a table change. */
export interface TableChange {
    readonly family: Family;
    readonly table: Table;
    /** Chains to be written anew, whether they were there or not; those that lead to others come last. */
    readonly written: Chains;
    readonly removed: readonly string[];
}

/** A chain comes after those that it jumps to. */
export const SHARED: Readonly<Record<SharedChain, Table>> = {
    NODEPORTS: "nat",
    SERVICES: "nat",
    REFUSED: "filter",
    "CLUSTER-IPS": "filter",
    INVALID: "filter",
};

/** The mark of packets that are to be masqueraded: one bit, beside kube-proxy's 0x4000. */
const MASQUERADE_BIT = "0x8000";
const MASQUERADE = `${MASQUERADE_BIT}/${MASQUERADE_BIT}`;

/** The chains for a state, a function of that state alone. A port that is the same object as before is not looked at again. */
export class ChainSet {
    private readonly planned = new Map<ProxyPort, PortChains>();
    private readonly shared = new Map<string, string>();

    public constructor(private readonly prefix: string) {}

    /** Goes over to another state. */
    public update({ ports }: ProxyState): TableChange[] {
        const now = new Set(ports);
        const before: Record<Family, Map<string, readonly string[]>> = { 4: new Map(), 6: new Map() };
        let isChanged = false;
        for (const [port, { own }] of this.planned) {
            if (!now.has(port)) {
                isChanged = true;
                own.forEach((rules, chain) => before[port.family].set(chain, rules));
                this.planned.delete(port);
            }
        }
        const written: Record<Family, Map<string, readonly string[]>> = { 4: new Map(), 6: new Map() };
        for (const port of ports) {
            if (!this.planned.has(port)) {
                isChanged = true;
                const chains = chainsOf(port, this.prefix);
                this.planned.set(port, chains);
                for (const [chain, rules] of chains.own) {
                    if (before[port.family].get(chain)?.join("\n") !== rules.join("\n")) {
                        written[port.family].set(chain, rules);
                    }
                    before[port.family].delete(chain);
                }
            }
        }
        return isChanged ? this.changes(ports, written, before) : [];
    }

    /** All chains of a table, those that lead to others last. */
    public all(ports: readonly ProxyPort[], family: Family, table: Table): Map<string, readonly string[]> {
        const chains = new Map<string, readonly string[]>(firstChains(family, table));
        for (const port of table === "nat" ? ports : []) {
            if (port.family === family) {
                this.planned.get(port)?.own.forEach((rules, chain) => chains.set(chain, rules));
            }
        }
        for (const [chain, rules] of this.sharedOf(ports, family)) {
            if (SHARED[chain] === table) {
                chains.set(chain, rules);
            }
        }
        if (table === "filter") {
            chains.set("FILTER", filterRules(this.prefix));
        }
        return chains;
    }

    /** What a port has, as it was planned last. */
    public chainsOf(port: ProxyPort): PortChains | undefined {
        return this.planned.get(port);
    }

    private changes(
        ports: readonly ProxyPort[],
        written: Record<Family, Map<string, readonly string[]>>,
        removed: Record<Family, Map<string, readonly string[]>>,
    ): TableChange[] {
        return ([4, 6] as const).flatMap((family) => {
            const changed = this.sharedOf(ports, family).filter(([chain, rules]) => this.isOther(family, chain, rules));
            return (["nat", "filter"] as const).flatMap((table): TableChange[] => {
                const chains = new Map(table === "nat" ? written[family] : []);
                changed.forEach(([chain, rules]) => SHARED[chain] === table && chains.set(chain, rules));
                const gone = table === "nat" ? [...removed[family].keys()] : [];
                return chains.size + gone.length === 0 ? [] : [{ family, table, written: chains, removed: gone }];
            });
        });
    }

    /** The chains that have a part of each port. */
    private sharedOf(ports: readonly ProxyPort[], family: Family): [SharedChain, readonly string[]][] {
        const chains = Object.keys(SHARED) as SharedChain[];
        const rules = Object.fromEntries(chains.map((chain) => [chain, new Set<string>()])) as Record<
            SharedChain,
            Set<string>
        >;
        for (const port of ports) {
            const planned = port.family === family ? this.planned.get(port) : undefined;
            if (planned !== undefined) {
                for (const chain of chains) {
                    planned.shared[chain].forEach((rule) => rules[chain].add(rule));
                }
            }
        }
        rules.SERVICES.add(`${isNode(family)} -j ${this.prefix}-NODEPORTS`);
        return chains.map((chain) => [chain, [...rules[chain]]]);
    }

    private isOther(family: Family, chain: string, rules: readonly string[]): boolean {
        const key = `${String(family)} ${chain}`;
        const text = rules.join("\n");
        const isOther = this.shared.get(key) !== text;
        this.shared.set(key, text);
        return isOther;
    }
}

/** The chains that do not depend on Services, and to which theirs jump. */
function firstChains(family: Family, table: Table): [string, string[]][] {
    if (table === "nat") {
        const unmark = `-j MARK --set-xmark ${MASQUERADE_BIT}/0x0`;
        return [
            ["MARK-MASQ", [`-j MARK --set-xmark ${MASQUERADE}`]],
            ["POSTROUTING", [`-m mark ! --mark ${MASQUERADE} -j RETURN`, unmark, "-j MASQUERADE --random-fully"]],
        ];
    }
    const unreachable = family === 4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
    return [["REJECT", ["-p tcp -j REJECT --reject-with tcp-reset", `-j REJECT --reject-with ${unreachable}`]]];
}

/** What becomes of packets that go on: those that were given an endpoint pass. */
function filterRules(prefix: string): string[] {
    return [
        `-p tcp -m conntrack --ctstate INVALID -j ${prefix}-INVALID`,
        "-m conntrack ! --ctstate NEW -j RETURN",
        "-m conntrack --ctstate DNAT -j RETURN",
        `-j ${prefix}-REFUSED`,
        `-j ${prefix}-CLUSTER-IPS`,
    ];
}

/** The jumps from the kernel's own chains into ours. */
export const JUMPS: Readonly<Record<Table, readonly (readonly [from: string, to: string])[]>> = {
    nat: [
        ["PREROUTING", "SERVICES"],
        ["OUTPUT", "SERVICES"],
        ["POSTROUTING", "POSTROUTING"],
    ],
    filter: [
        ["INPUT", "FILTER"],
        ["FORWARD", "FILTER"],
        ["OUTPUT", "FILTER"],
    ],
};

/** The rules of a port as `iptables-save` prints them, from its address to its endpoints, and then who is refused. */
export function explanation(prefix: string, { own, shared }: PortChains): string[] {
    const { SERVICES, NODEPORTS, ...refusing } = shared;
    const chains = [
        ...Object.entries({ SERVICES, NODEPORTS }),
        ...Array.from(own).reverse(),
        ...Object.entries(refusing),
    ];
    return chains.flatMap(([chain, rules]) => rules.map((rule) => `-A ${prefix}-${chain} ${rule}`));
}
