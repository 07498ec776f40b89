import { type Impact, IMPACTS } from "../impact";
import type { PlannedChange, PlannedImpact } from "./change";
import type { PreviewDiagnostic, PreviewDigest, PreviewStep } from "./digest";

export type { PlannedImpact } from "./change";
export { parseDigest } from "./digest";

/** A change to a VM's network, or to the VM as a whole. */
export interface PlannedAction extends Omit<PlannedChange, "action"> {
    readonly action: PlannedChange["action"] | "delete" | "replace";
}

/** What a preview plans for a VM. */
export interface VmPlan {
    /** `namespace/name`. */
    readonly vm: string;
    /** The heaviest of its changes. */
    readonly impact: PlannedImpact;
    readonly changes: readonly PlannedAction[];
}

/** What a preview comes to. */
export interface Plan {
    /** The VMs whose network changes, by name. */
    readonly vms: readonly VmPlan[];
    /** What the preview refuses, a sentence each. */
    readonly refusals: readonly string[];
}

/** From nothing to what cannot be had; what is not known may be anything that can. */
const ORDER: readonly PlannedImpact[] = [...IMPACTS.filter((impact) => impact !== "refused"), "unknown", "refused"];

const POWER_STATE = /(^|[:/])wukong:PowerState$/;

/** The plan in a preview's digest. */
export function planOf({ steps = [], diagnostics = [] }: PreviewDigest): Plan {
    const byVm = new Map<string, PlannedAction[]>();
    for (const step of steps) {
        const state = step.newState ?? step.oldState;
        if (state && POWER_STATE.test(state.type)) {
            const vm = vmOf(step);
            byVm.set(vm, [...(byVm.get(vm) ?? []), ...changesOf(step)]);
        }
    }
    return {
        vms: [...byVm]
            .filter(([, changes]) => changes.length > 0)
            .map(([vm, changes]) => ({ vm, impact: heaviest(changes.map(({ impact }) => impact)), changes }))
            .sort((a, b) => (a.vm < b.vm ? -1 : 1)),
        refusals: [...new Set(diagnostics.flatMap(refusalOf))],
    };
}

/** True where a change costs more than what is allowed. */
export function isAbove(impact: PlannedImpact, allowed: Impact): boolean {
    return ORDER.indexOf(impact) > ORDER.indexOf(allowed);
}

function heaviest(impacts: readonly PlannedImpact[]): PlannedImpact {
    return impacts.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a), "none");
}

function vmOf({ newState, oldState }: PreviewStep): string {
    const { namespace, vm } = { ...oldState?.inputs, ...newState?.inputs };
    return `${text(namespace)}/${text(vm)}`;
}

/** A VM ends with its power state: the one goes, or is made anew, with the other. */
function changesOf({ op, newState }: PreviewStep): PlannedAction[] {
    switch (op) {
        case "create":
        case "update":
        case "create-replacement":
            return listed(newState?.inputs?.["changes"]);
        case "delete":
            return [{ action: "delete", impact: "restart", reason: "the VM is deleted" }];
        case "replace":
            return [{ action: "replace", impact: "restart", reason: "the VM is deleted and made anew" }];
        default:
            // What has not changed still has the changes of its last update.
            return [];
    }
}

function listed(changes: unknown): PlannedAction[] {
    return (Array.isArray(changes) ? (changes as unknown[]) : []).filter(
        (each): each is PlannedAction =>
            typeof each === "object" && each !== null && "action" in each && "impact" in each,
    );
}

/** What of an error is for the user: not the engine's words around a refusal, nor the frames of a program that crashed. */
function refusalOf({ severity, message = "" }: PreviewDiagnostic): string[] {
    const sentence = message
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "" && !/^at .*:\d+:\d+\)?$/.test(line))
        .join(" ")
        .replace(/^error: /, "")
        .replace(/^\S+ resource '[^']*' has a problem: /, "");
    return severity !== "error" || sentence === "" || sentence === "preview failed" ? [] : [sentence];
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "unknown";
}
