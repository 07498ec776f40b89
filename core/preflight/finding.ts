import type { Impact } from "../impact";

/** What a finding is about. */
export type PreflightArea = "KubeVirt" | "Multus" | "Nodes" | "Addresses" | "Permissions" | "Changes";

/**
 * `ok`; `warning`: it works, in a worse way; `missing`: something does not work without it; `unknown`: it could not be
 * looked at. Of a change to a running VM: what it costs.
 */
export type PreflightStatus = "ok" | "warning" | "missing" | "unknown" | Exclude<Impact, "none" | "boot">;

/** One thing that was looked at. */
export interface PreflightFinding {
    readonly area: PreflightArea;
    readonly check: string;
    readonly status: PreflightStatus;
    /** What there is, and what follows from it. */
    readonly found: string;
    /** What to do; absent where nothing needs to be done. */
    readonly remedy?: string;
}

/** What a check found, without its name. */
export type Verdict = Pick<PreflightFinding, "status" | "found" | "remedy">;

export function ok(found: string): Verdict {
    return { status: "ok", found };
}

export function warning(found: string, remedy: string): Verdict {
    return { status: "warning", found, remedy };
}

export function missing(found: string, remedy: string): Verdict {
    return { status: "missing", found, remedy };
}

export function unknown(found: string, remedy: string): Verdict {
    return { status: "unknown", found, remedy };
}
