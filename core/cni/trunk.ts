import { type Place, type Problem } from "../problem";
import { shown } from "./checks";

/** VLANs that a guest sees tagged: ids, and ranges such as `"200-299"`. */
export type Trunk = readonly (number | string)[];

/** An entry of a trunk as the CNI plugins bridge and ovs-cni read it. */
export type TrunkEntry = { readonly id: number } | { readonly minID: number; readonly maxID: number };

/** Everything wrong with a trunk beside a native VLAN. */
export function trunkProblems(place: Place, trunk: Trunk | undefined, native: number | undefined): Problem[] {
    if (trunk === undefined) {
        return [];
    }
    if (!Array.isArray(trunk)) {
        const remedy = 'write it as [101, "200-299"]';
        return [{ ...place, ...shown(trunk), rule: "a trunk is a list of VLAN ids and ranges", remedy }];
    }
    const problems = trunk.flatMap((entry: number | string, index): Problem[] =>
        parse(entry)
            ? []
            : [
                  {
                      ...place,
                      field: `${place.field}[${String(index)}]`,
                      value: entry,
                      rule: "it is a VLAN id in 1-4094 (IEEE 802.1Q) or a range of them, low end first",
                      remedy: 'write it as 101 or "200-299"',
                  },
              ],
    );
    return problems.length > 0 || trunkEntries(trunk, native).length > 0
        ? problems
        : [
              {
                  ...place,
                  value: trunk.join(", "),
                  rule: "the trunk has no VLAN beside the native one",
                  remedy: "list the VLANs that the guest is to see tagged, or leave trunk out",
              },
          ];
}

/**
 * A valid trunk for the plugin, in order, without overlaps and without the native VLAN: bridge adds the trunk after the
 * native VLAN, and a second time would make it tagged and leave untagged frames without a VLAN.
 */
export function trunkEntries(trunk: Trunk, native: number | undefined): TrunkEntry[] {
    const merged: [number, number][] = [];
    for (const [low, high] of trunk.flatMap((entry) => without(parse(entry), native)).sort(([a], [b]) => a - b)) {
        const last = merged.at(-1);
        if (last && low <= last[1] + 1) {
            last[1] = Math.max(last[1], high);
        } else {
            merged.push([low, high]);
        }
    }
    return merged.map(([low, high]) => (low === high ? { id: low } : { minID: low, maxID: high }));
}

function without(range: readonly [number, number] | undefined, native: number | undefined): [number, number][] {
    if (range === undefined) {
        return [];
    }
    const [low, high] = range;
    const parts: [number, number][] =
        native === undefined || native < low || native > high
            ? [[low, high]]
            : [
                  [low, native - 1],
                  [native + 1, high],
              ];
    return parts.filter(([from, to]) => from <= to);
}

function parse(entry: unknown): [number, number] | undefined {
    const [, from, to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(String(entry)) ?? [];
    const [low, high] = [Number(from), Number(to)];
    return low >= 1 && low <= high && high <= 4094 ? [low, high] : undefined;
}
