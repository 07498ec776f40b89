import { type Family, familyName } from "../../ip";
import { portKey, type ProxyPort, type ProxyState } from "../model";
import { Claims } from "./claims";
import { groupsOf, type Item, itemsOf } from "./port-rules";

/** How a family's table changes. Chains are items too, in `CHAINS` of port-rules.ts. */
export interface Change {
    readonly family: Family;
    readonly removed: readonly Item[];
    /** Also those whose value has changed, which are in `removed` with the one before. */
    readonly added: readonly Item[];
}

interface Planned {
    readonly owner: string;
    readonly subnets: string;
    readonly group: number;
    readonly items: readonly Item[];
}

/**
 * The elements and chains of both families' tables for a state, a function of that state alone: it does not matter by which
 * states it came there. A port that is the same object as before is not looked at again.
 */
export class Ruleset {
    private readonly planned = new Map<ProxyPort, Planned>();
    private readonly sets: Record<Family, Map<string, Claims>> = { 4: new Map(), 6: new Map() };
    /** How many ports have each list of subnets. */
    private readonly lists = new Map<string, number>();
    private groups = new Map<string, number>();

    /** Goes over to another state. */
    public update({ ports }: ProxyState): Change[] {
        const now = new Set(ports);
        const gone = Array.from(this.planned.keys()).filter((port) => !now.has(port));
        const come = ports.filter((port) => !this.planned.has(port));
        if (gone.length + come.length === 0) {
            return [];
        }
        for (const port of gone) {
            this.count(listOf(port), -1);
            this.forget(port); // before the numbering, which gives the ports that are there
        }
        for (const port of come) {
            this.count(listOf(port), 1);
        }
        const moved = this.renumber();
        for (const port of moved) {
            this.forget(port);
        }
        for (const port of [...come, ...moved]) {
            this.plan(port);
        }
        return ([4, 6] as const).flatMap((family) => this.takeChange(family) ?? []);
    }

    /** All elements and chains of a family's table, in no order. */
    public all(family: Family): Item[] {
        return Array.from(this.sets[family]).flatMap(([set, claims]) =>
            Array.from(claims.entries(), ([key, value]) => ({ set, key, value })),
        );
    }

    /** What a port has in the table, as it was planned last. */
    public itemsOf(port: ProxyPort): readonly Item[] {
        return this.planned.get(port)?.items ?? [];
    }

    private count(list: string, by: 1 | -1): void {
        const count = (this.lists.get(list) ?? 0) + by;
        if (count === 0) {
            this.lists.delete(list);
        } else {
            this.lists.set(list, count);
        }
    }

    /** Numbers the lists of subnets; gives the ports whose list got another number, which is rare: two hashes were the same. */
    private renumber(): ProxyPort[] {
        if (
            this.lists.size === this.groups.size &&
            Array.from(this.lists.keys()).every((list) => this.groups.has(list))
        ) {
            return [];
        }
        this.groups = groupsOf(this.lists.keys());
        return Array.from(this.planned)
            .filter(([, { subnets, group }]) => this.groups.has(subnets) && this.groups.get(subnets) !== group)
            .map(([port]) => port);
    }

    private plan(port: ProxyPort): void {
        const subnets = listOf(port);
        const group = this.groups.get(subnets) ?? 0;
        const planned = { owner: portKey(port), subnets, group, items: itemsOf(port, group) };
        this.planned.set(port, planned);
        for (const { set, key, value } of planned.items) {
            this.claimsOf(port.family, set).add(key, planned.owner, value);
        }
    }

    private forget(port: ProxyPort): void {
        const planned = this.planned.get(port);
        this.planned.delete(port);
        for (const { set, key } of planned?.items ?? []) {
            this.claimsOf(port.family, set).remove(key, planned?.owner ?? "");
        }
    }

    private claimsOf(family: Family, set: string): Claims {
        const sets = this.sets[family];
        const claims = sets.get(set) ?? new Claims();
        sets.set(set, claims);
        return claims;
    }

    private takeChange(family: Family): Change | undefined {
        const removed: Item[] = [];
        const added: Item[] = [];
        for (const [set, claims] of this.sets[family]) {
            for (const { key, before, after } of claims.takeChanges()) {
                if (before !== undefined) {
                    removed.push({ set, key, value: before });
                }
                if (after !== undefined) {
                    added.push({ set, key, value: after });
                }
            }
        }
        return removed.length + added.length === 0 ? undefined : { family, removed, added };
    }
}

function listOf({ family, subnets }: ProxyPort): string {
    return `${familyName(family)} ${subnets.join(", ")}`;
}
