import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseAddress } from "../../core/ip";

/** A token of fewer characters could be guessed. */
const SHORTEST_TOKEN = 16;

/**
 * The token that readers must send.
 * @returns undefined where none is asked for, which only loopback may do
 * @throws Error where the address needs a token and there is none, or the file holds none that is good
 */
export function readerToken(host: string, tokenFile: string | undefined): string | undefined {
    if (tokenFile === undefined) {
        if (!isLoopback(host)) {
            throw new Error(
                `The status API at ${host} can be reached from other machines, and then needs a token for its readers: ` +
                    `name a file with one (--status-token-file), or listen at 127.0.0.1.`,
            );
        }
        return undefined;
    }
    const token = readToken(tokenFile);
    if (token.length < SHORTEST_TOKEN) {
        throw new Error(
            `The file ${tokenFile} holds a token of ${token.length} characters; it must have ${SHORTEST_TOKEN} or more. ` +
                `Make one by \`openssl rand -hex 32\`.`,
        );
    }
    return token;
}

/** The token of an `Authorization` header (RFC 6750); undefined where it has none. */
export function bearerOf(header: string | undefined): string | undefined {
    return /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header ?? "")?.[1];
}

/** Whether two tokens are the same, in a time that tells nothing of where they differ. */
export function isSameToken(a: string, b: string): boolean {
    const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(a), digest(b));
}

function readToken(file: string): string {
    try {
        return readFileSync(file, "utf8").trim();
    } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`The token of the status API's readers cannot be read: ${why}.`, { cause });
    }
}

/** 127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1 (RFC 4291 2.5.3). */
function isLoopback(host: string): boolean {
    const address = parseAddress(host);
    if (!address.ok) {
        return host === "localhost";
    }
    const { family, value } = address.value;
    return family === 4 ? value >> 24n === 127n : value === 1n;
}
