/**
 * Parses a path as `ignoreChanges` and detailed diffs write it: `spec.ports[0]`, `metadata.annotations["a.b/c"]`, `*` for
 * any one step.
 */
export function parsePropertyPath(path: string): (string | number)[] {
    const steps: (string | number)[] = [];
    const pattern = /\.?([^.[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]/gy;
    while (pattern.lastIndex < path.length) {
        const match = pattern.exec(path);
        if (!match) {
            throw new Error(`failed to parse ignore path: "${path}" is not a property path`);
        }
        const [, name, index, quoted] = match;
        if (index !== undefined) {
            steps.push(index === "*" ? "*" : Number(index));
        } else {
            steps.push(name ?? quoted!.replaceAll('\\"', '"'));
        }
    }
    return steps;
}

/** The text of a path in detailed diffs. */
export function formatPropertyPath(steps: readonly (string | number)[]): string {
    let path = "";
    for (const step of steps) {
        if (typeof step === "number") {
            path += `[${step}]`;
        } else if (/[."[\]]/.test(step)) {
            path += `["${step.replaceAll('"', '\\"')}"]`;
        } else {
            path += path === "" ? step : `.${step}`;
        }
    }
    return path;
}

/** Whether `path` is `prefix` or lies below it. */
export function isWithin(path: readonly (string | number)[], prefix: readonly (string | number)[]): boolean {
    return prefix.length <= path.length && prefix.every((step, i) => step === "*" || step === path[i]);
}
