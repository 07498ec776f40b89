import { type Problem } from "./problem";

/** In the order of severity. */
export const CONFLICT_POLICIES = ["Enforce", "Warn", "Off"] as const;

/** All of them. */
export const CONFLICT_SOURCES = ["VirtualMachines", "Services", "Nodes", "Whereabouts"] as const;

/** What a source means that cannot be read: `Enforce`, an error; `Warn`, a warning. With `Off` none is read. */
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];

/** Who else uses addresses. */
export type ConflictSource = (typeof CONFLICT_SOURCES)[number];

/** How a pool keeps clear of addresses that others use. */
export interface PoolConflicts {
    /** What a source means that cannot be read; an address that is found in use is never given out. @default "Warn" */
    readonly policy?: ConflictPolicy;
    /** Whose addresses are not given out. @default all of them */
    readonly sources?: readonly ConflictSource[];
}

/** The policy of a pool and the sources that are to be read for it; none where the policy is `Off`. */
export function conflictsOf(conflicts: PoolConflicts | undefined): Required<PoolConflicts> {
    const policy = conflicts?.policy ?? "Warn";
    return { policy, sources: policy === "Off" ? [] : (conflicts?.sources ?? CONFLICT_SOURCES) };
}

/** What is wrong with the values, which a program may have from anywhere. */
export function conflictProblems(conflicts: PoolConflicts, subject: string): Problem[] {
    const problems: Problem[] = [];
    const { policy, sources } = conflicts;
    if (policy !== undefined && !CONFLICT_POLICIES.includes(policy)) {
        problems.push({
            subject,
            field: "conflicts.policy",
            value: policy,
            rule: `a policy is one of ${CONFLICT_POLICIES.join(", ")}`,
            remedy: "write one of them, or leave it out for Warn",
        });
    }
    for (const [index, source] of (sources ?? []).entries()) {
        if (!CONFLICT_SOURCES.includes(source) || sources?.indexOf(source) !== index) {
            problems.push({
                subject,
                field: `conflicts.sources[${String(index)}]`,
                value: source,
                rule: `a source is one of ${CONFLICT_SOURCES.join(", ")}, each named once`,
                remedy: "leave sources out for all of them",
            });
        }
    }
    if (sources?.length === 0) {
        problems.push({
            subject,
            field: "conflicts.sources",
            rule: "it names no source",
            remedy: 'leave it out for all of them; policy "Off" reads none',
        });
    }
    return problems;
}
