import { pluck } from "./kube-object";
import type { JsonObject } from "./values";

/** A Status that the API server answered with. */
export class KubeError extends Error {
    constructor(
        message: string,
        readonly code: number,
        readonly reason: string,
        readonly detailsKind: string,
    ) {
        super(message);
    }

    static fromResponse(code: number, body: string): KubeError {
        try {
            const status = JSON.parse(body) as JsonObject;
            return new KubeError(
                String(status.message ?? body),
                code,
                String(status.reason ?? ""),
                String(pluck(status, "details", "kind") ?? ""),
            );
        } catch {
            // The server's own "404 page not found" for a path of no API is plain text.
            return code === 404
                ? new KubeError("the server could not find the requested resource", code, "NotFound", "")
                : new KubeError(body.trim() || `the server answered ${code}`, code, "", "");
        }
    }
}

/** The API server has no such kind. */
export class NoMatchError extends Error {
    constructor(kind: string, apiVersion: string) {
        super(`no matches for kind "${kind}" in version "${apiVersion}"`);
    }
}

export function isReason(error: unknown, reason: string): boolean {
    return error instanceof KubeError && error.reason === reason;
}

export function isGone(error: unknown): boolean {
    return error instanceof NoMatchError || (error instanceof KubeError && error.code === 404);
}
