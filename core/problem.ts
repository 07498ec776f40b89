/** One mistake in what a user declared; `rule` and `remedy` are clauses without capital and full stop. */
export interface Problem {
    /** The object when it is not a VM or a NIC, such as `IPPool "lan"`. */
    readonly subject?: string;
    /** `namespace/name` of the virtual machine, or its name alone. */
    readonly vm?: string;
    /** Logical name of the NIC. */
    readonly nic?: string;
    /** Path of the field inside its object, such as `ipConfig.address`. */
    readonly field: string;
    /** The offending value. Never put a secret here. */
    readonly value?: string | number | boolean;
    /** What is wrong and which rule says so. */
    readonly rule: string;
    /** Who holds the address, MAC, name, ... where somebody else does. */
    readonly holder?: string;
    /** What the user can do. */
    readonly remedy: string;
    /** @default "error" */
    readonly severity?: "error" | "warning";
}

/** The place a problem is found in, to be spread into it. */
export type Place = Pick<Problem, "subject" | "vm" | "nic" | "field">;

/** A parsed value, or why the text is none. */
export type Parsed<T> =
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rule: string; readonly remedy: string };

/** The problem as one sentence: what, where, the value, the rule, who holds it, what to do. */
export function describe(problem: Problem): string {
    const value = problem.value === undefined ? "" : ` ${JSON.stringify(problem.value)}`;
    const verdict = problem.severity === "warning" ? "is doubtful" : "is refused";
    const holder = problem.holder === undefined ? "" : `; it is held by ${problem.holder}`;
    return `${owner(problem)}${problem.field}${value} ${verdict}: ${problem.rule}${holder}; ${problem.remedy}.`;
}

/** The problems that forbid the change. */
export function errorsOf(problems: readonly Problem[]): Problem[] {
    return problems.filter((problem) => problem.severity !== "warning");
}

/** The problems that only deserve a word. */
export function warningsOf(problems: readonly Problem[]): Problem[] {
    return problems.filter((problem) => problem.severity === "warning");
}

/** A value that parses. */
export function parsed<T>(value: T): Parsed<T> {
    return { ok: true, value };
}

/** A value that does not, with the rule it breaks and the remedy. */
export function refused(rule: string, remedy: string): { ok: false; rule: string; remedy: string } {
    return { ok: false, rule, remedy };
}

function owner(problem: Problem): string {
    const parts: string[] = [];
    if (problem.subject !== undefined) {
        parts.push(problem.subject);
    }
    if (problem.nic !== undefined) {
        parts.push(`NIC "${problem.nic}"${problem.vm === undefined ? "" : ` of VM "${problem.vm}"`}`);
    } else if (problem.vm !== undefined) {
        parts.push(`VM "${problem.vm}"`);
    }
    return parts.length === 0 ? "" : `${parts.join(", ")}: `;
}
