/** What several owners say of a key: the first of them in their order counts. */
type Claim = { readonly owner: string; readonly value: string } | Map<string, string>;

/** The values of the keys of one set or map, as their owners claim them, and which of them change. */
export class Claims {
    private readonly claims = new Map<string, Claim>();
    /** Values that touched keys had before; undefined where they had none. */
    private touched = new Map<string, string | undefined>();

    public add(key: string, owner: string, value: string): void {
        this.touch(key);
        const claim = this.claims.get(key);
        if (claim instanceof Map) {
            claim.set(owner, value);
        } else if (claim === undefined || claim.owner === owner) {
            this.claims.set(key, { owner, value });
        } else {
            this.claims.set(key, new Map([[claim.owner, claim.value]]).set(owner, value));
        }
    }

    public remove(key: string, owner: string): void {
        this.touch(key);
        const claim = this.claims.get(key);
        if (!(claim instanceof Map) || (claim.delete(owner) && claim.size === 0)) {
            this.claims.delete(key);
        }
    }

    /** All keys with their values. */
    public *entries(): Generator<[key: string, value: string]> {
        for (const [key, claim] of this.claims) {
            yield [key, valueOf(claim)];
        }
    }

    /** What has changed since this was last asked for: keys with their values before and after. */
    public takeChanges(): { key: string; before: string | undefined; after: string | undefined }[] {
        const changes = Array.from(this.touched, ([key, before]) => {
            const claim = this.claims.get(key);
            return { key, before, after: claim && valueOf(claim) };
        }).filter(({ before, after }) => before !== after);
        this.touched = new Map();
        return changes;
    }

    private touch(key: string): void {
        if (!this.touched.has(key)) {
            const claim = this.claims.get(key);
            this.touched.set(key, claim && valueOf(claim));
        }
    }
}

function valueOf(claim: Claim): string {
    if (!(claim instanceof Map)) {
        return claim.value;
    }
    const [first = "", ...others] = claim.keys();
    return claim.get(others.reduce((least, owner) => (owner < least ? owner : least), first)) ?? "";
}
