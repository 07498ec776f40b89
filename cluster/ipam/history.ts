import { type ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { IP_HISTORY } from "../kinds";
import type { PastTenancy, Reservation } from "./objects";
import {
    fits,
    listed,
    presentTenancy,
    readFilter,
    reservationsOf,
    selectorsOf,
    whoseOf,
    type Tenancy,
    type TenancyFilter,
} from "./query";

/** Which tenancies are meant, of the past and the present. */
export interface HistoryFilter extends TenancyFilter {
    /** Only tenancies that went on after this time, or after so many seconds before now (by the API server's clock). */
    readonly since?: Date | number;
}

/** How long records are kept, in days, where nothing else is said. */
export const HISTORY_DAYS = 90;

/** So many records are deleted at a time. */
const DELETIONS_AT_ONCE = 16;

/**
 * Past and present tenancies together, in the order in which they began. A tenancy that was released and keeps its
 * address (retained, in quarantine) comes once.
 * @throws ClusterError as `lookup`
 */
export async function history(client: ClusterClient, filter: HistoryFilter): Promise<Tenancy[]> {
    const { since, ...asked } = filter;
    const read = readFilter(asked);
    // In this order: what is released in between is then found twice instead of not at all.
    const reservations = await reservationsOf(client, read);
    const records = await listed<PastTenancy>(client, IP_HISTORY, selectorsOf(read));
    const now = client.serverNow();
    const start = typeof since === "number" ? now.getTime() - since * 1000 : (since?.getTime() ?? -Infinity);
    const known = new Set(reservations.map(tenancyId));
    return [
        ...records.filter((record) => fits(record.spec, read) && !known.has(tenancyId(record))).map(pastTenancy),
        ...reservations.map((reservation) => presentTenancy(reservation, now)),
    ]
        .filter(({ to }) => to === undefined || Date.parse(to) > start)
        .sort(byTime);
}

/**
 * Deletes the records of tenancies that ended more than so many days ago, by the API server's clock.
 * @returns how many were deleted
 * @throws ClusterError `invalid` for a number of days that is none, or as `lookup`
 */
export async function prune(client: ClusterClient, historyDays = HISTORY_DAYS): Promise<number> {
    if (!(historyDays >= 0)) {
        throw new ClusterError("invalid", `Records cannot be kept for ${historyDays} days: choose 0 or more.`);
    }
    const records = await listed<PastTenancy>(client, IP_HISTORY);
    const end = client.serverNow().getTime() - historyDays * 24 * 3600 * 1000;
    const old = records.filter(({ spec }) => Date.parse(spec.to) < end);
    let deleted = 0;
    for (let start = 0; start < old.length; start += DELETIONS_AT_ONCE) {
        const batch = old.slice(start, start + DELETIONS_AT_ONCE);
        const done = await Promise.all(
            batch.map(({ metadata: { name, uid = "" } }) => client.delete(IP_HISTORY, undefined, name, { uid })),
        );
        deleted += done.filter(Boolean).length;
    }
    return deleted;
}

/** What tells a tenancy from all others of its address, in the reservation and in its record. */
function tenancyId({ metadata, spec }: Reservation | PastTenancy): string {
    return [spec.space, spec.address, spec.allocationId ?? metadata.name].join(" ");
}

function pastTenancy({ spec }: PastTenancy): Tenancy {
    return {
        address: spec.address,
        family: spec.address.includes(":") ? "IPv6" : "IPv4",
        ...whoseOf(spec),
        state: "Ended",
        from: spec.from,
        to: spec.to,
        reason: spec.reason,
    };
}

/** Within a second the tenancy that ended first began first. */
function byTime(a: Tenancy, b: Tenancy): number {
    return Date.parse(a.from) - Date.parse(b.from) || endOf(a) - endOf(b) || 0;
}

function endOf({ to }: Tenancy): number {
    return to === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(to);
}
