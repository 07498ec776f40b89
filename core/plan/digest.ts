/** What is read of what `pulumi preview --json` prints (PreviewDigest of pkg/backend/display/json.go). */
export interface PreviewDigest {
    readonly steps?: readonly PreviewStep[];
    readonly diagnostics?: readonly PreviewDiagnostic[];
}

/** A step of a preview. */
export interface PreviewStep {
    /** `create`, `update`, `same`, `delete`, `replace` ... */
    readonly op: string;
    readonly urn: string;
    readonly oldState?: PreviewedState;
    readonly newState?: PreviewedState;
}

/** A resource before or after a step. */
export interface PreviewedState {
    readonly type: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
}

/** Something that the engine or a provider said. */
export interface PreviewDiagnostic {
    readonly urn?: string;
    readonly message?: string;
    /** `error`, `warning`, `info` ... */
    readonly severity?: string;
}

/** The digest in a text; undefined where it is none. */
export function parseDigest(text: string): PreviewDigest | undefined {
    try {
        const parsed: unknown = JSON.parse(text);
        return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
    } catch {
        return undefined;
    }
}
