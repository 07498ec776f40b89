import { type AuditedNic, type AuditView, type Finding } from "./audit-view";
import { type AuditedSpaces, named, nicKeyOf } from "./audit-spaces";
import { lenientAddress } from "./lenient-address";
import { type NicAddress } from "./machine-addresses";

/** Who uses an address of a space. */
interface AddressUsers {
    readonly space: string;
    readonly address: string;
    readonly users: { readonly nic: AuditedNic; readonly from: NicAddress["from"] }[];
}

/**
 * What is wrong with who uses an address: `Duplicate`, `OwnerMismatch` or `Missing`, at most one of them for each address.
 * An address that is reserved for something other than a NIC may be on any NIC: it may be one that several take in turn.
 */
export function useFindings({ nics = [] }: AuditView, spaces: AuditedSpaces): Finding[] {
    return groupedUsers(nics, spaces).flatMap((use) => duplicate(use, spaces) ?? mismatch(use, spaces) ?? []);
}

function groupedUsers(nics: readonly AuditedNic[], spaces: AuditedSpaces): AddressUsers[] {
    const groups = new Map<string, AddressUsers>();
    for (const nic of nics) {
        for (const { address, from } of nic.network === undefined ? [] : nic.uses) {
            const space = spaces.homeOf(nic.network ?? "", address);
            if (space !== undefined) {
                const group = groups.get(`${space} ${address}`) ?? { space, address, users: [] };
                group.users.push({ nic, from });
                groups.set(`${space} ${address}`, group);
            }
        }
    }
    return [...groups.values()];
}

function duplicate({ space, address, users }: AddressUsers, spaces: AuditedSpaces): Finding | undefined {
    if (users.length < 2) {
        return undefined;
    }
    const held = spaces.holding(space, address);
    const names = users.map(({ nic, from }) => `${named(nic.key)} (${from})`).sort();
    const holder = held?.state === "Active" || held?.state === "Retained" ? held : undefined;
    return {
        class: "Duplicate",
        space,
        address,
        ...(holder && { owner: holder.owner }),
        ...(holder?.pool !== undefined && { pool: holder.pool }),
        message:
            `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""} use one address. It is reserved for ` +
            `${holder ? named(holder.owner) : "nobody"}: give ${users.length > 2 ? "the others others" : "the other another"}.`,
        fixable: false,
    };
}

function mismatch({ space, address, users: [user] }: AddressUsers, spaces: AuditedSpaces): Finding | undefined {
    if (!user) {
        return undefined;
    }
    const { nic, from } = user;
    const held = spaces.holding(space, address);
    const ownKey = held && nicKeyOf(held);
    const place = { space, address, fixable: false };
    const what = `${named(nic.key)} uses the address (${from})`;
    if (held && (held.state === "Active" || (held.state === "Retained" && ownKey !== nic.key))) {
        return ownKey === undefined || ownKey === nic.key
            ? undefined
            : {
                  ...place,
                  class: "OwnerMismatch",
                  owner: held.owner,
                  ...(held.pool !== undefined && { pool: held.pool }),
                  message: `${what}, which is reserved for ${named(held.owner)} by stack ${held.manager}. Give it another.`,
              };
    }
    const pool = held ? held.pool : poolOf(user.nic, space, address, spaces);
    if (pool === null) {
        return undefined;
    }
    const why = held
        ? `, and its reservation was released${held.releasedAt === undefined ? "" : ` at ${held.releasedAt}`}`
        : ", and it is not reserved";
    return {
        ...place,
        class: "Missing",
        owner: nic.key,
        ...(pool !== undefined && { pool }),
        message: `${what}${why}. Declare it as ipConfig.address of the NIC, or give the NIC another.`,
    };
}

/** The pool that an address is of, undefined for one of a network's own space, or null for one that may be used as it is. */
function poolOf(nic: AuditedNic, space: string, text: string, spaces: AuditedSpaces): string | undefined | null {
    const address = lenientAddress(text);
    if (!address) {
        return null;
    }
    const pool = spaces.poolFor(space, address)?.spec.name;
    return pool ?? (spaces.isOfNetwork(space, nic.network ?? "", address) ? undefined : null);
}
