import type { Address, Family } from "./ip";

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 2.5.6). */
const LINK_LOCAL: Readonly<Record<Family, { prefix: bigint; shift: bigint }>> = {
    4: { prefix: 0xa9fen, shift: 16n },
    6: { prefix: 0xfe80n >> 6n, shift: 118n },
};

/** Whether it is an address that a NIC chooses itself. */
export function isLinkLocal({ family, value }: Address): boolean {
    const { prefix, shift } = LINK_LOCAL[family];
    return value >> shift === prefix;
}
