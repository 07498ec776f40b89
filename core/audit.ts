import { orphansOf, OrphanSteps } from "./audit-orphan";
import { AuditedSpaces, named, nicKeyOf } from "./audit-spaces";
import { useFindings } from "./audit-uses";
import { type AuditedNic, type AuditedReservation, type AuditView, compareFindings, type Finding } from "./audit-view";
import { whyUnusable } from "./compiled-pool";
import { type ForeignAddress, foreignHolders, type ForeignHolders, poolConflicts } from "./conflicts";
import { lenientAddress } from "./lenient-address";
import { conflictsOf, validatePool } from "./pool";
import { CONFLICT_SOURCES, type ConflictSource } from "./pool-conflicts";
import { describe, errorsOf } from "./problem";

/** What of a reservation a finding has. */
type Held = Pick<Finding, "space" | "address" | "owner" | "pool">;

/** All that is not as it should be, in the order of `compareFindings`. */
export function judge(view: AuditView): Finding[] {
    const spaces = new AuditedSpaces(view);
    const nics = view.nics && new Map(view.nics.map((nic) => [nic.key, nic]));
    const holders = foreignHolders(view.use);
    return [
        ...useFindings(view, spaces),
        ...orphanFindings(view, spaces),
        ...view.reservations.flatMap((reservation) => [
            ...nicFindings(reservation, nics),
            ...outside(reservation, spaces),
            ...conflict(reservation, holders, spaces),
            ...tombstone(reservation),
        ]),
        ...poolFindings(view, spaces),
        ...view.use.unreadable.map(unreadable),
        ...[...view.expired].map(([space, count]) => expired(space, count, view.historyDays)),
    ]
        .filter(({ space }) => view.space === undefined || space === undefined || space === view.space)
        .sort(compareFindings);
}

function orphanFindings(view: AuditView, spaces: AuditedSpaces): Finding[] {
    const steps = new OrphanSteps(view, spaces);
    return orphansOf(view).map((reservation) => {
        const { step, reason } = steps.of(reservation);
        return {
            class: "Orphan",
            ...of(reservation),
            message: `${named(reservation.owner)} is gone, and stack ${reservation.manager} has not released its address. ${reason}`,
            fixable: step !== "keep",
        };
    });
}

/** Declared against observed, of an address that a NIC has. */
function nicFindings(reservation: AuditedReservation, nics: ReadonlyMap<string, AuditedNic> | undefined): Finding[] {
    const { state, address, macAddress } = reservation;
    const nic = state === "Active" ? nics?.get(nicKeyOf(reservation) ?? "") : undefined;
    if (!nic) {
        return [];
    }
    const findings: Finding[] = [];
    if (macAddress !== undefined && nic.macAddress !== undefined && macAddress !== nic.macAddress) {
        findings.push({
            class: "MacMismatch",
            ...of(reservation),
            message: `The reservation has the MAC address ${macAddress}, and the NIC ${nic.macAddress}. Run \`pulumi up\`.`,
            fixable: false,
        });
    }
    const { reported = [] } = nic;
    if (reported.length > 0 && !reported.includes(address)) {
        findings.push({
            class: "Drifted",
            ...of(reservation),
            message: `The guest agent reports ${reported.join(", ")} for the NIC, not the reserved address. Set that in the guest.`,
            fixable: false,
        });
    }
    return findings;
}

/** What rests after its release is nobody's: no one is waiting for it. */
function outside(reservation: AuditedReservation, spaces: AuditedSpaces): Finding[] {
    const { pool, address: text } = reservation;
    const address = lenientAddress(text);
    if (pool === undefined || !address || !isReserved(reservation)) {
        return [];
    }
    const compiled = spaces.pool(pool);
    const rule = compiled ? whyUnusable(compiled, address) : "the pool is gone";
    return rule === undefined
        ? []
        : [
              {
                  class: "Outside",
                  ...of(reservation),
                  message:
                      `IPPool "${pool}" would not give the address out any more: ${rule}. ` +
                      `Have the pool give it out again, or ${named(reservation.owner)} release it.`,
                  fixable: false,
              },
          ];
}

/**
 * Who else uses a reserved address, of those that the pool is to keep clear of. What is reserved for something other than
 * a NIC may well be reserved for a Service or a node; Whereabouts gives out addresses to pods alone.
 */
function conflict(reservation: AuditedReservation, holders: ForeignHolders, spaces: AuditedSpaces): Finding[] {
    const { address, pool } = reservation;
    const sources: readonly ConflictSource[] =
        pool === undefined ? CONFLICT_SOURCES : conflictsOf(spaces.pool(pool)?.spec.conflicts).sources;
    const mayBeOwner = ({ source }: ForeignAddress): boolean =>
        nicKeyOf(reservation) === undefined && source !== "Whereabouts";
    const users = (isReserved(reservation) ? (holders.get(address) ?? []) : [])
        .filter((user) => sources.includes(user.source) && !mayBeOwner(user))
        .map(({ holder }) => holder);
    return users.length === 0
        ? []
        : [
              {
                  class: "ExternalConflict",
                  ...of(reservation),
                  message: `The address is used by ${[...new Set(users)].sort().join(" and ")}, and reserved for ${named(reservation.owner)}.`,
                  fixable: false,
              },
          ];
}

function tombstone(reservation: AuditedReservation): Finding[] {
    const { state, releasedAt, reusableAt } = reservation;
    const since = reusableAt ?? releasedAt;
    return state !== "Reusable"
        ? []
        : [
              {
                  class: "TombstoneExpired",
                  ...of(reservation),
                  message: `The address is free${since === undefined ? "" : ` since ${since}`}. --fix removes the object.`,
                  fixable: true,
              },
          ];
}

function poolFindings({ pools, reservations, use }: AuditView, spaces: AuditedSpaces): Finding[] {
    const inUse = new Set(reservations.filter(isReserved).map(({ pool }) => pool));
    return pools.flatMap(({ spec, deletingSince }): Finding[] => {
        const place = { space: spec.space, pool: spec.name };
        const errors = errorsOf(validatePool(spec));
        const { policy, sources } = conflictsOf(spec.conflicts);
        const networks = use.networks.filter(({ source }) => sources.includes(source));
        const compiled = spaces.pool(spec.name);
        const problems = compiled ? poolConflicts({ ...use, networks }, compiled, policy) : [];
        return [
            ...(errors.length === 0
                ? []
                : [
                      {
                          class: "UnreadableSource" as const,
                          ...place,
                          message: sentences(errors.map(describe)),
                          fixable: false,
                      },
                  ]),
            ...(problems.length === 0
                ? []
                : [
                      {
                          class: "ExternalConflict" as const,
                          ...place,
                          message: sentences(problems.map(describe)),
                          fixable: false,
                      },
                  ]),
            ...(deletingSince === undefined || inUse.has(spec.name)
                ? []
                : [
                      {
                          class: "PoolDeleting" as const,
                          ...place,
                          message: `The pool is being deleted since ${deletingSince}, and nothing of it is reserved. --fix lets it go.`,
                          fixable: true,
                      },
                  ]),
        ];
    });
}

function unreadable({ sentence }: { sentence: string }): Finding {
    const source = /^cannot list ([^: ]+)/.exec(sentence)?.[1];
    return {
        class: "UnreadableSource",
        ...(source !== undefined && { source }),
        message: `Addresses in use cannot be told: ${sentence.replace(/\.$/, "")}.`,
        fixable: false,
    };
}

function expired(space: string, count: number, days: number): Finding {
    const records = count === 1 ? "1 record tells of a tenancy" : `${String(count)} records tell of tenancies`;
    return {
        class: "HistoryExpired",
        space,
        message: `${records} that ended more than ${String(days)} days ago. --fix removes ${count === 1 ? "it" : "them"}.`,
        fixable: true,
    };
}

function isReserved({ state }: AuditedReservation): boolean {
    return state === "Active" || state === "Retained";
}

function of({ space, address, owner, pool }: AuditedReservation): Held {
    return { space, address, owner, ...(pool !== undefined && { pool }) };
}

function sentences(texts: readonly string[]): string {
    return texts.join(" ");
}
