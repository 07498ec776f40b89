/**
 * Numbers from 0 up to 1 that a seed determines: mulberry32, by Tommy Ettinger (public domain), which passes gjrand.
 */
export function seeded(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

/** A seed: that of the environment, to repeat a run, or any. */
export function seedOf(variable: string): number {
    return Number(process.env[variable] ?? Math.floor(Math.random() * 2 ** 31));
}
