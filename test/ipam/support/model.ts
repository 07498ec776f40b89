import type { Reservation } from "../../../cluster/ipam/objects";

/** An address that somebody has, or had. */
export interface Entry {
    readonly owner: string;
    readonly use: "in use" | "kept" | "at rest" | "rested";
    readonly retain: boolean;
    readonly reservation: Reservation;
}

/** What is to be true of the addresses of a space, in the plainest way. */
export class Model {
    private readonly entries = new Map<string, Entry>();

    public set(address: string, entry: Entry | undefined): void {
        if (entry) {
            this.entries.set(address, entry);
        } else {
            this.entries.delete(address);
        }
    }

    public nth(index: number): [string, Entry] | undefined {
        const all = [...this.entries];
        return all[index % Math.max(all.length, 1)];
    }

    /** Which addresses an owner may get: its own, or else any that nobody has. */
    public mayHave(owner: string): string[] {
        const own = [...this.entries].filter(([, entry]) => entry.owner === owner).map(([address]) => address);
        const usable = [1, 2, 3, 5, 6].map((last) => `198.18.0.${last}`);
        const free = usable.filter((address) => {
            const use = this.entries.get(address)?.use;
            return use === undefined || use === "rested";
        });
        return own.length > 0 ? own : free;
    }

    public states(): string[] {
        return [...this.entries].map(
            ([address, { owner, use, retain }]) =>
                `${address} ${owner} ${use}${use === "in use" && retain ? ", to be kept" : ""}`,
        );
    }
}
