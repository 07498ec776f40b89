/** Does the work for each item, for at most so many at a time. */
export async function inParallel<T>(
    limit: number,
    items: readonly T[],
    work: (item: T) => Promise<void>,
): Promise<void> {
    const waiting = items.values();
    // Workers that share one iterator: each takes the next item when it is done with its last.
    await Promise.all(
        Array.from({ length: limit }, async () => {
            for (const item of waiting) {
                await work(item);
            }
        }),
    );
}
