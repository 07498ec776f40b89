/** One measured figure, and what it may be at most; without a limit it is for the record. */
export interface Figure {
    readonly bench: string;
    readonly name: string;
    readonly value: number;
    readonly unit: string;
    /** What the limit is for: the value itself, or its ratio to what it is compared with. @default the value */
    readonly ratio?: number;
    readonly limit?: number;
}

/** Prints a figure on a line of its own, and says whether it keeps its limit. */
export function report({ bench, name, value, unit, ratio, limit }: Figure): boolean {
    const kept = limit === undefined || (ratio ?? value) <= limit;
    const shownRatio = ratio ?? (limit ? value / limit : undefined);
    const fields = [`ratio=${shownRatio?.toFixed(2) ?? "-"}`, `limit=${limit ?? "-"}`, kept ? "ok" : "short"];
    console.log(["bench", bench, name, String(Number(value.toFixed(3))), unit, ...fields].join(" "));
    return kept;
}

/** The middle one of several measurements. */
export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const [low = 0, high = 0] = [
        sorted[Math.floor((sorted.length - 1) / 2)],
        sorted[Math.ceil((sorted.length - 1) / 2)],
    ];
    return (low + high) / 2;
}

/** How long some work takes, in seconds. */
export async function seconds(work: () => Promise<void>): Promise<number> {
    const since = performance.now();
    await work();
    return (performance.now() - since) / 1000;
}
