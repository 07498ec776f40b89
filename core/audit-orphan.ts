import { type AuditedReservation, type AuditView } from "./audit-view";
import { type AuditedSpaces, nicKeyOf } from "./audit-spaces";

/** A NIC must have been seen gone for so long before its address is taken back. */
export const ORPHAN_MINUTES = 15;

/** An address is reserved before its VM is there: so long nothing is done about it. */
export const YOUNG_SECONDS = 60;

/**
 * What is to be done about the address of a NIC that is gone: `wait` until it has been seen gone for long enough, `release`
 * it, or `keep` it, as somebody may use it.
 */
export interface OrphanStep {
    readonly step: "wait" | "release" | "keep";
    /** Whether it is to be noted that it was seen. */
    readonly isNew: boolean;
    /** Why, as a sentence. */
    readonly reason: string;
}

/** The reservations of NICs that are gone, and not retained; none where it is not known which NICs there are. */
export function orphansOf({ reservations, nics }: Pick<AuditView, "reservations" | "nics">): AuditedReservation[] {
    if (!nics) {
        return [];
    }
    const present = new Set(nics.map(({ key }) => key));
    return reservations.filter((reservation) => {
        const key = nicKeyOf(reservation);
        return reservation.state === "Active" && !reservation.retain && key !== undefined && !present.has(key);
    });
}

/** What is to be done about each of `orphansOf`. */
export class OrphanSteps {
    /** Who uses an address, and on which network. */
    private readonly users = new Map<string, { readonly network?: string | undefined; readonly holder: string }[]>();

    constructor(
        private readonly view: AuditView,
        private readonly spaces: AuditedSpaces,
    ) {
        for (const { key, network, uses, reported = [] } of view.nics ?? []) {
            for (const address of new Set([...uses.map((use) => use.address), ...reported])) {
                this.addUser(address, network, `NIC ${key}`);
            }
        }
        for (const { address, network, holder } of view.pods) {
            this.addUser(address, network, holder);
        }
    }

    /** What is to be done about one of them. */
    public of(reservation: AuditedReservation): OrphanStep {
        const { since, allocationId, sighting } = reservation;
        const now = this.view.now.getTime();
        const isYoung = !(now - Date.parse(since) > YOUNG_SECONDS * 1000);
        const seen = sighting?.allocationId === allocationId ? Date.parse(sighting.since) : NaN;
        const isNew = !isYoung && !(seen <= now);
        const [unread] = this.view.use.unreadable;
        if (unread) {
            const why = unread.sentence.replace(/\.$/, "");
            return { step: "keep", isNew, reason: `It is not released while it is unknown who uses it: ${why}.` };
        }
        const users = this.usersOf(reservation);
        if (users.length > 0) {
            const names = users.join(" and ");
            return { step: "keep", isNew, reason: `It is not released while it is used by ${names}.` };
        }
        if (isYoung) {
            return { step: "wait", isNew, reason: `It was reserved less than ${String(YOUNG_SECONDS)} seconds ago.` };
        }
        if (isNew) {
            const when = `${String(ORPHAN_MINUTES)} minutes after the first such audit`;
            return { step: "wait", isNew, reason: `An audit with --fix releases it, ${when}.` };
        }
        const due = new Date(seen + ORPHAN_MINUTES * 60_000);
        const text = due.toISOString().replace(/\.\d+Z$/, "Z");
        return due.getTime() > now
            ? { step: "wait", isNew, reason: `An audit with --fix releases it from ${text} on.` }
            : { step: "release", isNew, reason: "An audit with --fix releases it." };
    }

    private addUser(address: string, network: string | undefined, holder: string): void {
        const users = this.users.get(address) ?? [];
        this.users.set(address, users);
        users.push({ network, holder });
    }

    /** Machines and pods on a network of the space, or on any where it has none. */
    private usersOf({ space, address }: AuditedReservation): string[] {
        const networks = this.spaces.networksOf(space);
        return (this.users.get(address) ?? [])
            .filter(({ network }) => network === undefined || networks.size === 0 || networks.has(network))
            .map(({ holder }) => holder)
            .sort();
    }
}
