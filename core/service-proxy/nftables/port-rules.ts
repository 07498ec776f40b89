import { hash } from "node:crypto";
import { contains, parseSubnet, readAddress } from "../../ip";
import { disjoint, endpointText, frontendsOf, hashOf, nameHash, type Route, routesOf } from "../frontends";
import type { ProxyEndpoint, ProxyPort } from "../model";
import { addressType, familyWord, MARK, markText } from "./layout";

/** An element of a set or map of the table; its value is empty in a set. Or a chain or map itself: see `CHAINS`, `MAPS`. */
export interface Item {
    readonly set: string;
    readonly key: string;
    readonly value: string;
}

/** Stands for the chains of the table among its sets: the value of such an item is the chain's rules, a line for each. */
export const CHAINS = "chain";

/** Stands in the same way for the maps that ports have for themselves: the value of such an item is the map's definition. */
export const MAPS = "map";

/**
 * What a port adds to the table.
 * @param group number of the port's subnets among all (see `groupsOf`), from 1 on
 */
export function itemsOf(port: ProxyPort, group: number): Item[] {
    const items = new Items(port);
    if (port.clusterIP !== "") {
        items.add("cluster-ips", port.clusterIP);
    }
    for (const route of routesOf(port)) {
        addRoute(items, port, route, group);
    }
    addGuard(items, port);
    return items.all;
}

/** Gathers items, each once. */
class Items {
    public readonly all: Item[] = [];
    private readonly ids = new Set<string>();
    public readonly protocol: string;

    public constructor(port: ProxyPort) {
        this.protocol = port.protocol.toLowerCase();
    }

    public add(set: string, key: string, value = ""): void {
        const id = `${set} ${key}`;
        if (!this.ids.has(id)) {
            this.ids.add(id);
            this.all.push({ set, key, value });
        }
    }
}

function addRoute(items: Items, port: ProxyPort, { frontend, from, backends, masquerade }: Route, own: number): void {
    const node = frontend.address === undefined ? "node-" : "";
    const at = `${items.protocol} . ${String(frontend.port)}`;
    const key = frontend.address === undefined ? at : `${frontend.address} . ${at}`;
    const served = from === "node" ? `${node}own-services` : `${node}services`;
    const unserved = from === "node" ? `${node}own-unserved` : `${node}unserved`;
    if (backends.endpoints.length === 0) {
        items.add(unserved, key, backends.whenEmpty === "drop" ? "drop" : "goto refuse");
        if (from === "node") {
            items.add(served, key, "accept"); // or the node would be served as those outside are
        }
        return;
    }
    if (from === "node") {
        items.add(unserved, key, "accept");
    }
    const group = masquerade === "Always" ? 0 : own;
    const slots = port.affinitySeconds === undefined ? undefined : slotsOf(backends.endpoints);
    backends.endpoints.forEach((endpoint, index) => {
        const to = `${endpoint.address} . ${String(endpoint.port)}`;
        items.add(`${node}endpoints`, `${key} . ${markText(group, slots?.[index] ?? index)}`, to);
        if (port.protocol === "TCP") {
            items.add("sources", to);
        }
    });
    if (group !== 0) {
        addNear(items, port, group, backends.endpoints);
    }
    const purpose = `${node}${from === "node" ? "own" : frontend.scope}`;
    items.add(
        served,
        key,
        `goto ${addChoice(items, port, purpose, { node, group, slots, n: backends.endpoints.length })}`,
    );
}

/** Adds the chain that chooses among `n` endpoints, and what it needs. */
function addChoice(
    items: Items,
    port: ProxyPort,
    purpose: string,
    { node, group, slots, n }: { node: string; group: number; slots: number[] | undefined; n: number },
): string {
    const isRoundRobin = port.scheduler === "RoundRobin" && n > 1;
    const number = `numgen ${isRoundRobin ? "inc" : "random"} mod ${String(n)}`;
    if (slots === undefined) {
        const name = isRoundRobin
            ? `round-robin-${hashOf(port)}-${purpose}`
            : `${node}random-${String(n)}-${String(group)}`;
        const mark = n === 1 ? markText(group) : `${number} offset ${markText(group)}`;
        items.add(CHAINS, name, `ct mark set ${mark} goto ${node}pick`);
        return name;
    }
    // Keyed by the client alone: nft 1.0.6 cannot write to a map whose key is longer than 16 bytes.
    const ip = familyWord(port.family);
    const clients = `clients-${hashOf(port)}-${String(group)}`;
    items.add(MAPS, clients, `type ${addressType(port.family)} : mark; flags dynamic,timeout;`);
    const keep = `${node}keep-${hashOf(port)}-${String(group)}`;
    const entry = `${ip} saddr timeout ${String(port.affinitySeconds)}s : ct mark`;
    items.add(CHAINS, keep, `update @${clients} { ${entry} }\ngoto ${node}pick`);
    const name = `affinity-${hashOf(port)}-${purpose}`;
    const choices = slots.map((slot, index) => `${String(index)} : ${markText(group, slot)}`).join(", ");
    const mark = n === 1 ? markText(group, slots[0]) : `${number} map { ${choices} }`;
    // Where the endpoint is gone, the first rule comes back, and an update would leave the old entry as it is.
    items.add(
        CHAINS,
        name,
        [
            `ct mark set ${ip} saddr map @${clients} jump ${keep}`,
            `delete @${clients} { ${ip} saddr : ct mark }`,
            `ct mark set ${mark} goto ${keep}`,
        ].join("\n"),
    );
    return name;
}

/** Adds what masquerades clients of the endpoints' own subnets, and endpoints that reach themselves. */
function addNear(items: Items, port: ProxyPort, group: number, endpoints: readonly ProxyEndpoint[]): void {
    const subnets = disjoint(port.subnets, port.family);
    const name = `near-${String(group)}`;
    const saddr = `${familyWord(port.family)} saddr`;
    items.add(CHAINS, name, subnets.length === 0 ? "" : `${saddr} { ${subnets.join(", ")} } masquerade fully-random`);
    items.add("masquerades", markText(group), `goto ${name}`);
    const ranges = subnets.map((subnet) => parseSubnet(subnet)).flatMap((each) => (each.ok ? [each.value] : []));
    for (const { address } of endpoints) {
        const value = readAddress(address);
        if (value !== undefined && !ranges.some((range) => contains(range, value))) {
            items.add("hairpins", `${address} . ${address}`);
        }
    }
}

/** Adds who may come from outside, where not everybody may. */
function addGuard(items: Items, port: ProxyPort): void {
    if (port.sourceRanges === undefined) {
        return;
    }
    const ranges = disjoint(port.sourceRanges, port.family);
    if (ranges.some((range) => range.endsWith("/0"))) {
        return;
    }
    const list = ranges.join(", ");
    const name = `from-${nameHash(`${String(port.family)} ${list}`)}`;
    const isIn = ranges.length === 0 ? "" : `${familyWord(port.family)} saddr { ${list} } return\n`;
    for (const frontend of frontendsOf(port)) {
        if (frontend.scope === "external") {
            const node = frontend.address === undefined ? "node-" : "";
            const at = `${items.protocol} . ${String(frontend.port)}`;
            items.add(
                `${node}guarded`,
                frontend.address === undefined ? at : `${frontend.address} . ${at}`,
                `jump ${name}`, // an address of the node may be guarded by one Service and its port by another
            );
            items.add(CHAINS, name, `${isIn}drop`);
        }
    }
}

/** A number for each endpoint that it keeps while others come and go: a client comes back to the number. */
function slotsOf(endpoints: readonly ProxyEndpoint[]): number[] {
    return numbered(endpoints.map(endpointText), 0, MARK.slots);
}

/**
 * The numbers of all lists of subnets, from 1 on; 0 is for masquerading all.
 * @param lists the distinct lists, as text
 */
export function groupsOf(lists: Iterable<string>): Map<string, number> {
    const sorted = [...lists].sort();
    const numbers = numbered(sorted, 1, MARK.groups);
    return new Map(sorted.map((list, index) => [list, numbers[index] as number]));
}

/** Gives each text a number below `end` by its hash, or the next that is free. */
function numbered(texts: readonly string[], first: number, end: number): number[] {
    const taken = new Set<number>();
    const range = end - first;
    return texts.map((text) => {
        let number = parseInt(hash("sha256", text, "hex").slice(0, 8), 16) % range;
        while (taken.has(number) && taken.size < range) {
            number = (number + 1) % range;
        }
        taken.add(number);
        return first + number;
    });
}
