import { type Family, familyName, parseAddress, readAddress } from "../ip";
import type { InterfaceStatus } from "../kubevirt-objects";
import { isLinkLocal } from "../link-local";
import { observeNic } from "../nic-observation";
import { nicOfOwner, ownerKey } from "../reservation";
import type { PoolSubnets } from "./pool-subnets";

/** What is read of the `spec` of an IPReservation. */
export interface ReservedAddress {
    /** Canonical. */
    readonly address: string;
    readonly space: string;
    readonly pool?: string;
    readonly state: string;
    /** `namespace/name` of the NetworkAttachmentDefinition on which a NIC uses the address. */
    readonly network?: string;
    readonly owner: { readonly key: string };
}

/** The addresses in use by NICs, for look-ups. */
export class ReservationIndex {
    private readonly byNic = new Map<string, ReservedAddress[]>();
    private readonly byAddress = new Map<string, string>();
    private readonly spaces = new Map<string, Set<string>>();

    constructor(reservations: Iterable<ReservedAddress>) {
        for (const reservation of reservations) {
            const nic = reservation.state === "Active" ? nicOfOwner(reservation.owner.key) : undefined;
            if (nic === undefined) {
                continue;
            }
            const key = ownerKey(nic);
            entry(this.byNic, key, () => []).push(reservation);
            if (reservation.network !== undefined) {
                this.byAddress.set(`${reservation.network} ${reservation.address}`, key);
                entry(this.spaces, reservation.network, () => new Set<string>()).add(reservation.space);
            }
        }
        for (const held of this.byNic.values()) {
            held.sort((a, b) => ordinal(a) - ordinal(b) || (a.address < b.address ? -1 : 1));
        }
    }

    /** What a NIC (`namespace/vm/nic`) holds on a network, its first address first. */
    public ofNic(key: string, network: string): readonly ReservedAddress[] {
        return (this.byNic.get(key) ?? []).filter((each) => each.network === undefined || each.network === network);
    }

    /** The NIC (`namespace/vm/nic`) that holds an address on a network. */
    public holderOf(network: string, address: string): string | undefined {
        return this.byAddress.get(`${network} ${address}`);
    }

    /** The spaces of the addresses that NICs use on a network. */
    public spacesOf(network: string): ReadonlySet<string> {
        return this.spaces.get(network) ?? new Set();
    }
}

/** The address by which a NIC is reached, in one family. */
export interface NicAddress {
    /** Canonical. */
    readonly address: string;
    readonly from: "reservation" | "guest agent";
    /** As CIDR; undefined where no pool has the address. */
    readonly subnet?: string;
}

/** A NIC whose address is wanted. */
export interface AddressedNic {
    /** `namespace/vm/nic`. */
    readonly key: string;
    /** `namespace/name` of its NetworkAttachmentDefinition. */
    readonly network: string;
    readonly status: InterfaceStatus;
    /** An address that it has also while its guest reports none. */
    readonly lastAddress?: string;
}

/**
 * The address of a NIC: the first that is reserved for it, else the first that the guest reports. A guest can report
 * what it likes, so an address that is reserved for another NIC of the network is not believed.
 * @returns the address, or why there is none, as a clause
 */
export function addressOfNic(
    { key: nic, network, status, lastAddress }: AddressedNic,
    family: Family,
    reservations: ReservationIndex,
    subnets: PoolSubnets,
): NicAddress | string {
    const reserved = reservations
        .ofNic(nic, network)
        .find(({ address }) => readAddress(address)?.family === family && isEndpoint(address));
    if (reserved !== undefined) {
        const { address, pool, space } = reserved;
        const subnet = subnets.ofPool(pool, address) ?? subnets.ofSpaces(new Set([space]), address);
        return { address, from: "reservation", ...(subnet !== undefined && { subnet }) };
    }
    const { observedAddresses } = observeNic(status);
    const reported = [...observedAddresses, ...(lastAddress === undefined ? [] : [lastAddress])].filter(
        (address) => readAddress(address)?.family === family && isEndpoint(address),
    );
    const believed = reported.find((address) => [undefined, nic].includes(reservations.holderOf(network, address)));
    if (believed !== undefined) {
        const subnet = subnets.ofSpaces(reservations.spacesOf(network), believed);
        return { address: believed, from: "guest agent", ...(subnet !== undefined && { subnet }) };
    }
    const [disputed] = reported;
    const none = `no active IPReservation of ${nic} has an ${familyName(family)} address`;
    return disputed === undefined
        ? `${none}, and its guest agent reports none`
        : `${none}, and ${disputed}, which its guest agent reports, is reserved for ${reservations.holderOf(network, disputed) ?? ""}`;
}

/** The network of an address alone, where no larger one is known. */
export function hostSubnet(address: string): string {
    return `${address}/${address.includes(":") ? "128" : "32"}`;
}

/**
 * What an EndpointSlice may hold: no unspecified, loopback, link-local or multicast address (`ValidateEndpointIP` of
 * Kubernetes). One that it may not would keep all others out of their slice.
 */
function isEndpoint(text: string): boolean {
    const address = parseAddress(text);
    if (!address.ok || isLinkLocal(address.value)) {
        return false;
    }
    const { family, value } = address.value;
    return family === 4
        ? value !== 0n && value >> 24n !== 127n && value >> 28n !== 0xen
        : value > 1n && value >> 120n !== 0xffn;
}

/** Which of its addresses a NIC's reservation is for: `namespace/vm/nic#1` is its second. */
function ordinal({ owner }: ReservedAddress): number {
    return Number(/#(\d+)$/.exec(owner.key)?.[1] ?? 0);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
    const value = map.get(key) ?? make();
    map.set(key, value);
    return value;
}
