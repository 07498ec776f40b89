import { InvalidArgumentError } from "commander";
import { parseAddress, parseInterfaceAddress } from "../../core/ip";
import { normalizeMac } from "../../core/mac";
import type { Parsed } from "../../core/problem";
import { nicOfOwner, parseSpace } from "../../core/reservation";
import type { Tenancy, TenancyFilter } from "../../cluster/ipam";
import { parseVm } from "../../cluster/ipam/query";
import type { Column } from "../output/table";

/** The members of a tenancy, for help texts. */
export const TENANCY_FIELDS = `  address     the address, without prefix length
  family      IPv4 or IPv6
  space       the scope in which the address is unique
  pool        the IPPool it was taken from (not for an address without one)
  owner       namespace/vm/nic, namespace/vm/nic#1 for a further address, or owner:<text>
  manager     the stack, as organization/project/stack
  vm          namespace/name of the virtual machine (only for addresses of NICs)
  nic         logical name of the NIC (only for addresses of NICs)
  macAddress  (only where one is bound to the address)
  state       Active, Retained (kept for its owner), Quarantined (at rest until reusableAt),
              Reusable (whoever asks first gets it) or Ended (of the past)
  origin      Auto, Static or Adopted (not when Ended)
  from        when the owner got it (this and other times: RFC 3339)
  to          when the owner released it (not when Active)
  reason      why (not when Active)
  reusableAt  when it is, or was, free again (only when Quarantined or Reusable)`;

/** Columns that tell one tenancy from another. */
export const TENANCY_COLUMNS: readonly Column<Tenancy>[] = [
    { header: "ADDRESS", value: ({ address }) => address },
    { header: "SPACE", value: ({ space }) => space, shrinks: true },
    { header: "POOL", value: ({ pool }) => pool, shrinks: true },
    { header: "OWNER", value: ({ owner }) => owner, shrinks: true },
    { header: "MAC", value: ({ macAddress }) => macAddress },
    { header: "STATE", value: ({ state }) => state },
];

/** Columns of tenancies in the course of time. */
export const HISTORY_COLUMNS: readonly Column<Tenancy>[] = [
    ...TENANCY_COLUMNS,
    { header: "FROM", value: ({ from }) => from },
    { header: "TO", value: ({ to }) => to },
    { header: "REASON", value: ({ reason }) => reason, shrinks: true },
];

/** Since when a tenancy is in its state. */
export function sinceOf({ from, to }: Tenancy): string {
    return to ?? from;
}

/** What an argument of the command line asks about. @throws InvalidArgumentError */
export function parseSubject(text: string): TenancyFilter {
    const cidr = parseInterfaceAddress(text);
    if (cidr.ok) {
        return { address: cidr.value.address.text };
    }
    const mac = normalizeMac(text);
    if (mac.ok) {
        return { macAddress: mac.value };
    }
    if (parseVm(text).ok) {
        return { vm: text };
    }
    if (text.startsWith("owner:") || nicOfOwner(text)) {
        return { owner: text };
    }
    const address = parseAddress(text);
    if (address.ok) {
        return { address: address.value.text };
    }
    if (/^[0-9./]+$|:/.test(text)) {
        throw refusal(/^(..[:-]){5}..$/.test(text) ? mac.rule : address.rule);
    }
    throw refusal(
        "it is no address, MAC address, virtual machine (namespace/name) or owner (namespace/vm/nic or owner:<text>)",
    );
}

/** What an argument asks about, for messages. */
export function nameOfSubject({ address, macAddress, vm, owner }: TenancyFilter): string {
    return address ?? macAddress ?? vm ?? owner ?? "";
}

/** An address in canonical form. @throws InvalidArgumentError */
export const addressArgument = optionOf((text) => {
    const address = parseAddress(text);
    return address.ok ? { ok: true, value: address.value.text } : address;
});
/** An option's value in canonical form. @throws InvalidArgumentError */
export const spaceOption = optionOf(parseSpace);
/** An option's value in canonical form. @throws InvalidArgumentError */
export const vmOption = optionOf(parseVm);

function optionOf(parse: (text: string) => Parsed<string>): (text: string) => string {
    return (text) => {
        const result = parse(text);
        if (!result.ok) {
            throw refusal(result.rule);
        }
        return result.value;
    };
}

function refusal(rule: string): InvalidArgumentError {
    return new InvalidArgumentError(`${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`);
}
