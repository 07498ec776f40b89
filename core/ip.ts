import { Address4, Address6 } from "ip-address";
import { type Parsed, parsed, refused } from "./problem";

export type Family = 4 | 6;

/** An IP address; `text` is canonical (dotted quad, or RFC 5952 for IPv6). */
export interface Address {
    readonly family: Family;
    readonly value: bigint;
    readonly text: string;
}

/** First and last address of a closed interval of one family. */
export interface AddressRange {
    readonly family: Family;
    readonly first: bigint;
    readonly last: bigint;
}

/** A network; `text` is its canonical CIDR. */
export interface Subnet extends AddressRange {
    readonly prefixLength: number;
    readonly text: string;
}

/** An address together with the subnet it lives in: `10.0.0.5/24`. */
export interface InterfaceAddress {
    readonly address: Address;
    readonly subnet: Subnet;
    /** Canonical `address/prefix`. */
    readonly text: string;
}

/** A decimal number from 0 to 255 without leading zeros. */
const OCTET = /^(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$/;

/** 16 bits of an IPv6 address. */
const GROUP = /^[0-9a-f]{1,4}$/i;

/** `IPv4` or `IPv6`, as Kubernetes writes it. */
export function familyName(family: Family): "IPv4" | "IPv6" {
    return family === 4 ? "IPv4" : "IPv6";
}

/** The address of a number. */
export function addressOf(family: Family, value: bigint): Address {
    const text = family === 4 ? Address4.fromBigInt(value).correctForm() : Address6.fromBigInt(value).correctForm();
    return { family, value, text };
}

/**
 * Parses one address without prefix. Strict: no spaces, no leading zeros (read as octal elsewhere), no short forms, no
 * zone, no IPv4-mapped or other dotted IPv6 form, whose meaning differs between programs.
 */
export function parseAddress(text: string): Parsed<Address> {
    if (text.includes("/")) {
        return refused("it has a prefix length where an address alone belongs", `write ${text.split("/")[0] ?? ""}`);
    }
    if (text.includes(":")) {
        return parseIPv6(text);
    }
    try {
        const octets = new Address4(text).toArray();
        return parsed({ family: 4, value: BigInt(octets.reduce((sum, octet) => sum * 256 + octet, 0)), text });
    } catch {
        return refused(
            "it is not a canonical IPv4 address (four decimal numbers from 0 to 255 without leading zeros)",
            "write it as 10.0.0.5",
        );
    }
}

/**
 * Family and number of an address, read several times as fast as by `parseAddress`: for the many that a cluster holds.
 * @returns undefined for what `parseAddress` refuses
 */
export function readAddress(text: string): Pick<Address, "family" | "value"> | undefined {
    if (!text.includes(":")) {
        const octets = text.split(".");
        return octets.length === 4 && octets.every((octet) => OCTET.test(octet))
            ? { family: 4, value: BigInt(octets.reduce((sum, octet) => sum * 256 + Number(octet), 0)) }
            : undefined;
    }
    const gap = text.indexOf("::");
    const head = hexOf(gap < 0 ? text : text.slice(0, gap));
    const tail = hexOf(gap < 0 ? "" : text.slice(gap + 2));
    const missing = head === undefined || tail === undefined ? -1 : 32 - head.length - tail.length;
    if (gap < 0 ? missing !== 0 : missing < 4) {
        return undefined;
    }
    const value = BigInt(`0x${head ?? ""}${"0".repeat(missing)}${tail ?? ""}`);
    return value >> 32n === 0xffffn ? undefined : { family: 6, value };
}

/** Parses a network in CIDR notation; the prefix is required and host bits are refused. */
export function parseSubnet(text: string): Parsed<Subnet> {
    const both = parseInterfaceAddress(text);
    if (!both.ok) {
        return both;
    }
    const { address, subnet } = both.value;
    return address.value === subnet.first
        ? parsed(subnet)
        : refused("it has host bits set behind the prefix", `write ${subnet.text} for the network`);
}

/** Parses an address with its prefix, such as `10.0.0.5/24`. */
export function parseInterfaceAddress(text: string): Parsed<InterfaceAddress> {
    const slash = text.indexOf("/");
    const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
    if (!address.ok) {
        return address;
    }
    const width = bits(address.value.family);
    const prefix = slash < 0 ? "" : text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > width) {
        return refused(
            `its prefix length must be a number from 0 to ${String(width)} behind a slash`,
            `write it as ${address.value.text}/${width === 32 ? "24" : "64"}`,
        );
    }
    const subnet = subnetOf(address.value, Number(prefix));
    return parsed({ address: address.value, subnet, text: `${address.value.text}/${prefix}` });
}

/** Parses `first-last` or a single address; with `cidr` also a network in CIDR notation. */
export function parseRange(text: string, options: { cidr?: boolean } = {}): Parsed<AddressRange> {
    if (options.cidr === true && text.includes("/")) {
        return parseSubnet(text);
    }
    const dash = text.indexOf("-");
    const first = parseAddress(dash < 0 ? text : text.slice(0, dash));
    const last = dash < 0 ? first : parseAddress(text.slice(dash + 1));
    if (!first.ok || !last.ok) {
        const { rule, remedy } = (first.ok ? last : first) as { rule: string; remedy: string };
        return refused(`${first.ok ? "the end of the range" : "the address"}: ${rule}`, remedy);
    }
    if (first.value.family !== last.value.family) {
        return refused("start and end are not of one family (IPv4 or IPv6)", "write both in the same family");
    }
    if (first.value.value > last.value.value) {
        return refused("its start is after end, so that it is empty", `write ${last.value.text}-${first.value.text}`);
    }
    return parsed({ family: first.value.family, first: first.value.value, last: last.value.value });
}

/** A range as text: `first-last`, or the one address. */
export function formatRange(range: AddressRange): string {
    const first = addressOf(range.family, range.first).text;
    return range.first === range.last ? first : `${first}-${addressOf(range.family, range.last).text}`;
}

/** The subnet of a given prefix length around an address. */
export function subnetOf(address: Address, prefixLength: number): Subnet {
    const hostBits = BigInt(bits(address.family) - prefixLength);
    const first = (address.value >> hostBits) << hostBits;
    const last = first + (1n << hostBits) - 1n;
    const text = `${addressOf(address.family, first).text}/${String(prefixLength)}`;
    return { family: address.family, first, last, prefixLength, text };
}

/** True when the address lies in the range, or the inner range wholly in the outer one; false across families. */
export function contains(outer: AddressRange, inner: Pick<Address, "family" | "value"> | AddressRange): boolean {
    const [first, last] = "value" in inner ? [inner.value, inner.value] : [inner.first, inner.last];
    return outer.family === inner.family && outer.first <= first && last <= outer.last;
}

/** True when two ranges of one family share an address. */
export function overlaps(a: AddressRange, b: AddressRange): boolean {
    return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/**
 * The first address where hosts may not use it: the IPv4 network address, the IPv6 subnet-router anycast address
 * (RFC 4291 2.6.1). A /31, /32 (RFC 3021), /127 and /128 (RFC 6164) have none.
 */
export function networkAddress(subnet: Subnet): Address | undefined {
    return bits(subnet.family) - subnet.prefixLength < 2 ? undefined : addressOf(subnet.family, subnet.first);
}

/** The IPv4 broadcast address; IPv6, /31 and /32 have none. */
export function broadcastAddress(subnet: Subnet): Address | undefined {
    return subnet.family === 6 || 32 - subnet.prefixLength < 2 ? undefined : addressOf(4, subnet.last);
}

/** Width of an address in bits. */
export function bits(family: Family): number {
    return family === 4 ? 32 : 128;
}

/** The digits of groups of an IPv6 address, four for each. */
function hexOf(groups: string): string | undefined {
    let hex = "";
    for (const group of groups === "" ? [] : groups.split(":")) {
        if (!GROUP.test(group)) {
            return undefined;
        }
        hex += group.padStart(4, "0");
    }
    return hex;
}

function parseIPv6(text: string): Parsed<Address> {
    if (text.includes("%")) {
        return refused(
            "it has a zone (the part behind %), which means nothing on another machine",
            "leave the zone out",
        );
    }
    if (text.includes(".")) {
        return refused(
            "it is an IPv6 address with a dotted part (IPv4-mapped or similar), which programs read differently",
            "write the IPv4 address, or the IPv6 address in hexadecimal only",
        );
    }
    try {
        const address = new Address6(text);
        const value = address.bigInt();
        const mapped = value >> 32n === 0xffffn;
        return mapped
            ? refused("it is an IPv4-mapped IPv6 address", `write ${addressOf(4, value & 0xffffffffn).text}`)
            : parsed({ family: 6, value, text: address.correctForm() });
    } catch {
        return refused("it is not an IPv6 address", "write it as 2001:db8::5");
    }
}
