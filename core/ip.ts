import { Address4, Address6 } from "ip-address";
import { Parsed, parsed, refused } from "./problem";

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
    void text;
    return refused("it is not implemented", "wait");
}

/** Parses a network in CIDR notation; the prefix is required and host bits are refused. */
export function parseSubnet(text: string): Parsed<Subnet> {
    void text;
    return refused("it is not implemented", "wait");
}

/** Parses an address with its prefix, such as `10.0.0.5/24`. */
export function parseInterfaceAddress(text: string): Parsed<InterfaceAddress> {
    void text;
    return refused("it is not implemented", "wait");
}

/** Parses `first-last` or a single address; with `cidr` also a network in CIDR notation. */
export function parseRange(text: string, options?: { cidr?: boolean }): Parsed<AddressRange> {
    void text;
    void options;
    return refused("it is not implemented", "wait");
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
export function contains(outer: AddressRange, inner: Address | AddressRange): boolean {
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
