import type * as pulumi from "@pulumi/pulumi";
import { clientFor, type ClusterClient } from "../cluster/client";
import { ClusterError, isUnreachable } from "../cluster/errors";
import { MIGRATION, VIRTUAL_MACHINE_RESTART } from "../cluster/kinds";
import { missing, type Need } from "../cluster/preflight";
import { describe, type Problem } from "../core/problem";
import type { Consent } from "../core/consent";
import type { CommonInputs, ConsentInputs } from "./connection";
import "./engine-watch";

/** What the engine sends, in check and diff of a preview, for a value that is not known yet (`rpc.unknownValue`). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** True where the value, or anything in it, is not known yet. */
export function containsUnknown(value: unknown): boolean {
    if (value === UNKNOWN) {
        return true;
    }
    return typeof value === "object" && value !== null && Object.values(value).some(containsUnknown);
}

/**
 * Whether what a later delete needs has changed: it gets only what the last create or update stored, so a change of
 * these is an update, if one that changes nothing in the cluster.
 */
export function storedAnew<I extends CommonInputs & ConsentInputs & { timeoutSeconds?: number }>(
    olds: I,
    news: I,
): boolean {
    const fields = ["timeoutSeconds", "onMigrationRequired", "onRestartRequired"] as const;
    return differs(olds.connection, news.connection) || fields.some((field) => olds[field] !== news[field]);
}

/** What the VM's owner agrees to. */
export function consentOf({ onMigrationRequired, onRestartRequired }: ConsentInputs): Consent {
    return { onMigrationRequired: onMigrationRequired ?? "wait", onRestartRequired: onRestartRequired ?? "report" };
}

/** What is done to the VM, in its namespace, only where its owner agrees to it. */
export function needsOfConsent({
    namespace,
    ...inputs
}: CommonInputs & ConsentInputs & { readonly namespace: string }): Need[] {
    const { onMigrationRequired, onRestartRequired } = consentOf(inputs);
    return [
        ...(onMigrationRequired === "request" ? [{ kind: MIGRATION, namespace, verbs: ["create"] } as const] : []),
        ...(onRestartRequired === "restart"
            ? [{ kind: VIRTUAL_MACHINE_RESTART, namespace, verbs: ["update"] } as const]
            : []),
    ];
}

/** Whether a value has changed, or may have: one that is not known yet counts as another. */
export function differs(before: unknown, after: unknown): boolean {
    return containsUnknown(after) || JSON.stringify(before) !== JSON.stringify(after);
}

/** Inputs as they reach `check`: any of them may be unknown, and those of a new resource's predecessor are absent. */
export interface CheckRequest<I extends CommonInputs> {
    readonly olds: I | undefined;
    readonly news: I;
}

/** The inputs to go on with and what is wrong with them. */
export interface Checked<I> {
    readonly inputs: I;
    readonly problems: readonly (Problem | string)[];
}

/**
 * Makes the engine's `check` of a function that works on typed inputs. Failures to read the cluster become sentences.
 */
export function checkWith<I extends CommonInputs>(
    check: (request: CheckRequest<I>) => Promise<Checked<I>>,
): (olds: unknown, news: unknown) => Promise<pulumi.dynamic.CheckResult> {
    return async (olds, news) => {
        const typed = news as I;
        const before = isEmpty(olds) ? undefined : (olds as I);
        try {
            const { inputs, problems } = await check({ olds: before, news: typed });
            const failures: pulumi.dynamic.CheckFailure[] = [];
            for (const problem of problems) {
                if (typeof problem === "string") {
                    failures.push({ property: "", reason: problem });
                } else if (problem.severity === "warning") {
                    warnOnce(describe(problem));
                } else {
                    failures.push({ property: "", reason: describe(problem) });
                }
            }
            return { inputs: storable(inputs), failures };
        } catch (error) {
            if (error instanceof ClusterError) {
                return { inputs: storable(typed), failures: [{ property: "", reason: error.message }] };
            }
            throw error;
        }
    };
}

/**
 * The client for a check, once the cluster is known to answer and to have and allow what is needed; `undefined` where
 * the check goes on without the cluster: it is not known yet, or a preview cannot reach it (which is told as a warning).
 * @param objects what the component writes through the kubernetes provider
 * @throws ClusterError naming all that is missing
 */
export async function clientForCheck(
    inputs: CommonInputs,
    what: string,
    needs: readonly Need[],
    objects: readonly Omit<Need, "verbs">[] = [],
): Promise<ClusterClient | undefined> {
    if (containsUnknown(inputs.connection)) {
        return undefined;
    }
    try {
        const client = clientFor(inputs.connection);
        const written = inputs.writesObjects === true ? objects.map((object) => ({ ...object, verbs: WRITE })) : [];
        const sentences = await missing(client, [...needs, ...written]);
        if (sentences.length > 0) {
            throw new ClusterError("failed", sentences.join(" "));
        }
        return client;
    } catch (error) {
        if (inputs.preview === true && isUnreachable(error) && error instanceof Error) {
            warnOnce(`${error.message} What ${what} will find there is not checked.`);
            return undefined;
        }
        throw error;
    }
}

/** What the kubernetes provider does with an object over its life. */
const WRITE = ["get", "create", "patch", "delete"] as const;

/** Makes a handler whose errors reach the user as their message alone: the host prints the stack of what it catches. */
export function plainErrors<A extends unknown[], R>(handler: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
        try {
            return await handler(...args);
        } catch (error) {
            if (error instanceof ClusterError) {
                error.stack = "";
            }
            throw error;
        }
    };
}

const warned = new Set<string>();

/** Tells the user something about the run, once: the host shows the provider's output as messages of the stack. */
export function warnOnce(sentence: string): void {
    if (!warned.has(sentence)) {
        warned.add(sentence);
        tell(`warning: ${sentence}`);
    }
}

/** Writes a line that the engine shows beside the changes. */
export function tell(line: string): void {
    process.stdout.write(`${line}\n`);
}

/** The inputs without what only this run is about. */
function storable<I extends CommonInputs>(inputs: I): I {
    const stored = { ...inputs };
    delete stored.preview;
    delete stored.writesObjects;
    return stored;
}

function isEmpty(olds: unknown): boolean {
    return typeof olds !== "object" || olds === null || Object.keys(olds).length === 0;
}
