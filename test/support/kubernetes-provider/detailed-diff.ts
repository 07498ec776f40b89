import { touches } from "./force-new";
import { formatPropertyPath } from "./property-path";
import { isObject, isUnknown, type Json, type JsonObject } from "./values";

export type ChangeKind = "ADD" | "UPDATE" | "DELETE";

export interface Change {
    path: (string | number)[];
    kind: ChangeKind;
    replace: boolean;
}

export interface DiffOptions {
    /** Paths whose change replaces the object. */
    forceNew: string[][];
    /** Built-in types omit `false`, `0` and `""` where they write them, so an added one is no change. */
    zeroIsAbsent: boolean;
}

/** What changes from the live object, pruned to the old inputs, to the new inputs; keyed by property path. */
export function detailedDiff(old: JsonObject, news: JsonObject, options: DiffOptions): Map<string, Change> {
    const changes = new Map<string, Change>();
    const record = (path: (string | number)[], kind: ChangeKind, value: Json): void => {
        changes.set(formatPropertyPath(path), { path, kind, replace: touches(path, value, options.forceNew) });
    };

    const compare = (path: (string | number)[], before: Json | undefined, after: Json | undefined): void => {
        if (after === undefined || after === null) {
            if (before !== undefined && before !== null) {
                record(path, "DELETE", null);
            }
        } else if (before === undefined) {
            if (!(options.zeroIsAbsent && isZero(after))) {
                record(path, "ADD", after);
            }
        } else if (isUnknown(after)) {
            record(path, "UPDATE", after);
        } else if (isObject(before) && isObject(after)) {
            for (const key of new Set([...Object.keys(after), ...Object.keys(before)])) {
                compare([...path, key], before[key], after[key]);
            }
        } else if (Array.isArray(before) && Array.isArray(after)) {
            for (let i = 0; i < Math.max(before.length, after.length); i++) {
                compare([...path, i], before[i], after[i]);
            }
        } else if (before !== after) {
            record(path, "UPDATE", after);
        }
    };

    compare([], old, news);
    return changes;
}

function isZero(value: Json): boolean {
    return value === false || value === 0 || value === "";
}
