import type { JsonObject } from "./values";

/** An object that is there but did not become ready (or did not go) in time; it is kept in the state. */
export class AwaitError extends Error {
    constructor(
        message: string,
        readonly object: JsonObject,
        readonly reasons: string[] = [],
    ) {
        super(message);
    }
}

/** A dry run that cannot be done because the namespace comes later in the same program. */
export class NamespaceMissingError extends Error {}

/** What the engine saves together with the failure: pulumi's ErrorResourceInitFailed. */
export class InitializationError extends Error {
    constructor(
        message: string,
        readonly id: string,
        readonly properties: JsonObject,
        readonly reasons: string[],
        readonly inputs?: JsonObject,
    ) {
        super(message);
    }
}

export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
