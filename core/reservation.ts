import { hash } from "node:crypto";
import { type Address, parseAddress } from "./ip";
import { type Parsed, parsed, refused } from "./problem";

/** Longest name of an address space: it is part of object names and label values. */
const MAX_SPACE = 40;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Who an address is for: a NIC, or anything else by a free text. */
export type Owner =
    { readonly namespace: string; readonly vm: string; readonly nic: string } | { readonly free: string };

/**
 * Name of the IPReservation of an address: a function of space and address alone, so that the API server itself refuses
 * a second holder. `lan.v4-10.0.0.5`, `lan.v6-2001-db8--1-z` (the `-z` keeps names such as `2001:db8::` valid).
 */
export function reservationName(space: string, address: Address): string {
    return address.family === 4 ? `${space}.v4-${address.text}` : `${space}.v6-${address.text.replaceAll(":", "-")}-z`;
}

/** Space and address of a reservation's name; undefined for a name that `reservationName` does not make. */
export function parseReservationName(name: string): { space: string; address: Address } | undefined {
    const match = /^([^.]+)\.(?:v4-([0-9.]+)|v6-([0-9a-f-]+)-z)$/.exec(name);
    if (match === null) {
        return undefined;
    }
    const [, space = "", v4, v6 = ""] = match;
    const address = parseAddress(v4 ?? v6.replaceAll("-", ":"));
    return address.ok && reservationName(space, address.value) === name ? { space, address: address.value } : undefined;
}

/** Stable key of an owner: `namespace/vm/nic`, or `owner:<text>`, which no namespace can begin with. */
export function ownerKey(owner: Owner): string {
    return "free" in owner ? `owner:${owner.free}` : `${owner.namespace}/${owner.vm}/${owner.nic}`;
}

/** The NIC of an owner's key (`namespace/vm/nic`, or `namespace/vm/nic#1` for a further address); undefined for others. */
export function nicOfOwner(key: string): { namespace: string; vm: string; nic: string } | undefined {
    const match = /^(?!owner:)([^/]+)\/([^/]+)\/([^/#]+)(?:#\d+)?$/.exec(key);
    return match ? { namespace: match[1] ?? "", vm: match[2] ?? "", nic: match[3] ?? "" } : undefined;
}

/** Label value for a text that is no label value itself: the first 40 characters of the base32 (RFC 4648, lower case) of its SHA-256. */
export function hashLabel(key: string): string {
    return hash32(key, 40);
}

/** The space's name, or why it is none: a DNS label (RFC 1123) of at most 40 characters. */
export function parseSpace(text: string): Parsed<string> {
    return text.length <= MAX_SPACE && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)
        ? parsed(text)
        : refused(
              `a space is a DNS label: lower-case letters, digits and -, at most ${String(MAX_SPACE)} characters`,
              "choose such a name, for instance lan-100",
          );
}

/**
 * The address space of a network attachment definition (`namespace/name`) for addresses that come from no pool:
 * `net-<readable part>-<hash>`.
 */
export function spaceOfNetwork(nadName: string): string {
    const readable = nadName
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, 23)
        .replace(/^-+|-+$/g, "");
    return `net-${readable}-${hash32(nadName, 12)}`;
}

function hash32(text: string, length: number): string {
    const digest = hash("sha256", text, "buffer");
    let buffered = 0;
    let bitsBuffered = 0;
    let out = "";
    for (const byte of digest) {
        buffered = (buffered << 8) | byte;
        bitsBuffered += 8;
        while (bitsBuffered >= 5) {
            bitsBuffered -= 5;
            out += BASE32.charAt((buffered >>> bitsBuffered) & 31);
        }
        buffered &= (1 << bitsBuffered) - 1;
    }
    return out.slice(0, length);
}
