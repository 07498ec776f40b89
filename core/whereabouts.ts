import { type Address, addressOf, bits, parseAddress } from "./ip";
import { lenientAddress } from "./lenient-address";

/** An address that Whereabouts has given to a pod. */
export interface PodAddress {
    readonly address: Address;
    /** `namespace/name`. */
    readonly pod: string | undefined;
}

/** What is read of `spec` of an IPPool of whereabouts.cni.cncf.io. */
export interface WhereaboutsPoolSpec {
    readonly range?: string;
    /** By the offset of the address to that of `range`. */
    readonly allocations?: Readonly<Record<string, { readonly podref?: string }>>;
}

/**
 * The addresses that a pool of Whereabouts has given out. Its offsets count from the address that `range` is written with
 * (`GetIPPool`, pkg/storage/kubernetes/ipam.go), which is the network address since it stores the range without host
 * bits (pkg/config/config.go). Whereabouts ignores what is no number too.
 */
export function poolAllocations({ range = "", allocations = {} }: WhereaboutsPoolSpec): PodAddress[] {
    const base = lenientAddress(range);
    if (base === undefined) {
        return [];
    }
    return Object.entries(allocations).flatMap(([offset, { podref }]) => {
        const value = /^[0-9]+$/.test(offset) ? base.value + BigInt(offset) : -1n;
        return value < 0n || value >> BigInt(bits(base.family)) !== 0n
            ? []
            : [{ address: addressOf(base.family, value), pod: podref }];
    });
}

/**
 * The addresses that the name of an OverlappingRangeIPReservation may mean (`NormalizeIP`, pkg/storage/kubernetes/ipam.go):
 * an IPv4 address, or an IPv6 one with `-` for `:` and a `0` behind a last `:`, both with `<network name>-` before them
 * where the network has a name. Where that ends like an IPv6 address begins, the name has several meanings, and all are
 * told: an address too many is never given out, one too few is given out twice.
 */
export function reservedAddresses(name: string): Address[] {
    const parts = name.split("-");
    const v4 = parseAddress(parts.at(-1) ?? "");
    if (v4.ok && v4.value.family === 4) {
        return [v4.value];
    }
    return parts.flatMap((_part, start) => {
        const v6 = parseAddress(parts.slice(start).join(":"));
        return v6.ok && v6.value.family === 6 ? [v6.value] : [];
    });
}
