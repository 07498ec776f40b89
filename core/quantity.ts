/** Multipliers of a quantity's suffix (apimachinery pkg/api/resource). */
const SUFFIXES: ReadonlyMap<string, bigint> = new Map([
    ["", 1n],
    ["k", 10n ** 3n],
    ["M", 10n ** 6n],
    ["G", 10n ** 9n],
    ["T", 10n ** 12n],
    ["P", 10n ** 15n],
    ["E", 10n ** 18n],
    ["Ki", 2n ** 10n],
    ["Mi", 2n ** 20n],
    ["Gi", 2n ** 30n],
    ["Ti", 2n ** 40n],
    ["Pi", 2n ** 50n],
    ["Ei", 2n ** 60n],
]);

/** Bytes of a memory quantity such as `4Gi` or `1.5G`, rounded down; `undefined` for what is none. */
export function memoryBytes(quantity: string): bigint | undefined {
    const match = /^(\d+)(?:\.(\d{1,9}))?([A-Za-z]*)$/.exec(quantity);
    const multiplier = SUFFIXES.get(match?.[3] ?? "");
    if (!match || multiplier === undefined) {
        return undefined;
    }
    const [, whole = "0", fraction = ""] = match;
    return (BigInt(whole + fraction) * multiplier) / 10n ** BigInt(fraction.length);
}
