import { type AuditedReservation, type AuditView } from "./audit-view";
import { compileReadable, type CompiledPool } from "./compiled-pool";
import { type Address } from "./ip";
import { lenientAddress } from "./lenient-address";
import { isLinkLocal } from "./link-local";
import { nicOfOwner, ownerKey, spaceOfNetwork } from "./reservation";

/** The reservations, pools and networks of an audit, by space. */
export class AuditedSpaces {
    private readonly held = new Map<string, AuditedReservation>();
    private readonly families = new Set<string>();
    private readonly spacesByNetwork = new Map<string, Set<string>>();
    private readonly networksBySpace = new Map<string, Set<string>>();
    private readonly poolsBySpace = new Map<string, CompiledPool[]>();
    private readonly poolsByName = new Map<string, CompiledPool>();

    constructor({ reservations, pools }: Pick<AuditView, "reservations" | "pools">) {
        for (const reservation of reservations) {
            // What anybody may have is nobody's.
            if (reservation.state !== "Reusable") {
                this.add(reservation);
            }
        }
        for (const { spec } of pools) {
            const pool = compileReadable(spec);
            this.poolsByName.set(spec.name, pool);
            this.poolsBySpace.set(spec.space, [...(this.poolsBySpace.get(spec.space) ?? []), pool]);
        }
    }

    /** The reservation of an address, unless anybody may have it. */
    public holding(space: string, address: string): AuditedReservation | undefined {
        return this.held.get(`${space} ${address}`);
    }

    /** The networks on which NICs use the space's addresses. */
    public networksOf(space: string): ReadonlySet<string> {
        return this.networksBySpace.get(space) ?? new Set();
    }

    /** A pool by its name. */
    public pool(name: string): CompiledPool | undefined {
        return this.poolsByName.get(name);
    }

    /** The pool of a space that gives an address out. */
    public poolFor(space: string, address: Address): CompiledPool | undefined {
        return this.poolsBySpace.get(space)?.find(({ usable }) => usable[address.family].contains(address.value));
    }

    /**
     * The space that an address is of on a network which may be of several: the one that has it reserved, or has a pool for
     * it, or that of the network itself, where it has any address of the family. Any other address is of the first, where
     * it can be used twice at most.
     */
    public homeOf(network: string, text: string): string | undefined {
        const address = lenientAddress(text);
        const spaces = [...(this.spacesByNetwork.get(network) ?? [])].sort();
        if (!address) {
            return undefined;
        }
        return (
            spaces.find((space) => this.isReserved(space, address.text)) ??
            spaces.find((space) => this.poolFor(space, address)) ??
            (isLinkLocal(address)
                ? undefined
                : (spaces.find((space) => this.isOfNetwork(space, network, address)) ?? spaces[0]))
        );
    }

    /** Whether a space is the network's own, for addresses from no pool, and has any of the family. */
    public isOfNetwork(space: string, network: string, { family }: Address): boolean {
        return space === spaceOfNetwork(network) && this.families.has(`${space} ${String(family)}`);
    }

    private isReserved(space: string, address: string): boolean {
        const state = this.holding(space, address)?.state;
        return state === "Active" || state === "Retained";
    }

    private add(reservation: AuditedReservation): void {
        const { space, address, network } = reservation;
        this.held.set(`${space} ${address}`, reservation);
        this.families.add(`${space} ${address.includes(":") ? "6" : "4"}`);
        if (network !== undefined) {
            this.spacesByNetwork.set(network, (this.spacesByNetwork.get(network) ?? new Set()).add(space));
            this.networksBySpace.set(space, (this.networksBySpace.get(space) ?? new Set()).add(network));
        }
    }
}

/** The NIC that an address is reserved for, `namespace/vm/nic`; undefined for other owners. */
export function nicKeyOf({ owner }: Pick<AuditedReservation, "owner">): string | undefined {
    const nic = nicOfOwner(owner);
    return nic && ownerKey(nic);
}

/** An owner for messages: `NIC eth1 of VM prod/web`, or the text of another one. */
export function named(owner: string): string {
    const nic = nicOfOwner(owner);
    return nic ? `NIC ${nic.nic} of VM ${nic.namespace}/${nic.vm}` : JSON.stringify(owner.replace(/^owner:/, ""));
}
