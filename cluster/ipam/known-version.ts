interface Waiting {
    readonly version: bigint;
    readonly done: (isKnown: boolean) => void;
}

/**
 * The version of a kind's objects up to which everything is known, and who waits for a later one. The versions of the
 * objects of one kind are in the order of the writes
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
 */
export class KnownVersion {
    private known = 0n;
    private readonly waiting = new Set<Waiting>();

    public get text(): string {
        return String(this.known);
    }

    public includes(version: bigint): boolean {
        return version <= this.known;
    }

    /** Takes note that everything up to a version is known, and nothing more. */
    public reach(version: bigint): void {
        this.known = version;
        this.end((each) => each.version <= this.known, true);
    }

    /** Takes note that nothing more will be told by itself. */
    public isLeftBehind(): void {
        this.end(() => true, false);
    }

    /** Waits until a version is known; false where it has not been told in time. */
    public async until(version: bigint, milliseconds: number): Promise<boolean> {
        if (this.includes(version)) {
            return true;
        }
        return new Promise((resolve) => {
            const late = setTimeout(() => {
                this.waiting.delete(waiting);
                resolve(false);
            }, milliseconds);
            const done = (isKnown: boolean): void => {
                clearTimeout(late);
                resolve(isKnown);
            };
            const waiting = { version, done };
            this.waiting.add(waiting);
        });
    }

    private end(which: (each: Waiting) => boolean, isKnown: boolean): void {
        for (const each of [...this.waiting].filter(which)) {
            this.waiting.delete(each);
            each.done(isKnown);
        }
    }
}
