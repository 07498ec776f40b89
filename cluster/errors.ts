/** What kept a request from its answer, as far as it decides what to do next. */
export type ClusterErrorReason =
    | "no-cluster"
    | "unreachable"
    | "unauthorized"
    | "forbidden"
    | "not-found"
    | "already-exists"
    | "conflict"
    | "invalid"
    | "deadline"
    | "failed";

/** What an API server refuses a request with. */
export interface RefusedAnswer {
    /** HTTP status. */
    readonly code: number;
    /** The server's own words. */
    readonly message: string;
}

/** A failure to read or change the cluster; the message is a sentence for the user. */
export class ClusterError extends Error {
    /** What the API server answered; undefined where it did not. */
    public readonly answer: RefusedAnswer | undefined;

    constructor(
        /** What kept the request from its answer. */
        public readonly reason: ClusterErrorReason,
        message: string,
        options?: ErrorOptions & { answer?: RefusedAnswer },
    ) {
        super(message, options);
        this.name = "ClusterError";
        this.answer = options?.answer;
    }
}

/** True for the errors that say no more than that nobody answered; a preview goes on without the cluster then. */
export function isUnreachable(error: unknown): boolean {
    return error instanceof ClusterError && (error.reason === "unreachable" || error.reason === "no-cluster");
}

export function hasReason(error: unknown, reason: ClusterErrorReason): boolean {
    return error instanceof ClusterError && error.reason === reason;
}

/** The API server's `Status` object, as far as it is read here. */
interface Status {
    reason?: string;
    message?: string;
}

/** The error for an answer other than 2xx. */
export function errorOfStatus(code: number, body: string, request: string, server: string): ClusterError {
    const status = parseStatus(body);
    const said = status.message ?? (body.trim() || `HTTP ${String(code)}`);
    const error = (reason: ClusterErrorReason, message: string): ClusterError =>
        new ClusterError(reason, message, { answer: { code, message: said } });
    switch (code) {
        case 401:
            return error(
                "unauthorized",
                `The cluster at ${server} does not accept the kubeconfig's credentials for ${request}. Renew them.`,
            );
        case 403:
            return error("forbidden", `The cluster at ${server} refused ${request}: ${said}.`);
        case 404:
            return error("not-found", `${request}: ${said}.`);
        case 409:
            return error(status.reason === "AlreadyExists" ? "already-exists" : "conflict", `${request}: ${said}.`);
        case 400:
        case 422:
            return error("invalid", `The cluster at ${server} refused ${request}: ${said}.`);
        default:
            return error("failed", `The cluster at ${server} failed on ${request}: ${said}.`);
    }
}

function parseStatus(body: string): Status {
    try {
        const parsed: unknown = JSON.parse(body);
        return typeof parsed === "object" && parsed !== null ? parsed : {};
    } catch {
        return {};
    }
}
