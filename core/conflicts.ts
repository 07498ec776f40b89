import { type Interval, type IntervalSet } from "./interval-set";
import { type AddressRange } from "./ip";
import { lenientAddress, lenientSubnet } from "./lenient-address";
import { type CompiledPool } from "./pool";
import { type ConflictPolicy, type ConflictSource } from "./pool-conflicts";
import { type Place, type Problem } from "./problem";

/** An address that somebody uses without a reservation. */
export interface ForeignAddress {
    /** Canonical. */
    readonly address: string;
    readonly source: ConflictSource;
    /** For messages: `NIC eth1 of VMI prod/db (status)`, `Service prod/web (clusterIP)`. */
    readonly holder: string;
    /** `namespace/vm/nic`, where a NIC has the address: the owner key that a reservation of it would have. */
    readonly ownerKey?: string;
}

/** A network from which others take addresses as they need them. */
export interface ForeignNetwork {
    /** As it is declared. */
    readonly cidr: string;
    readonly source: ConflictSource;
    /** For messages: `ServiceCIDR "kubernetes"`, `podCIDR of Node n1`. */
    readonly holder: string;
}

/** Something of a source that could not be read, so that it is unknown which addresses are in use there. */
export interface UnreadableSource {
    readonly source: ConflictSource;
    /** `cannot list nodes: ...` */
    readonly sentence: string;
}

/** What others use of addresses, as far as it can be seen. */
export interface ForeignUse {
    readonly addresses: readonly ForeignAddress[];
    readonly networks: readonly ForeignNetwork[];
    readonly unreadable: readonly UnreadableSource[];
}

/** The users of each address; its keys, canonical, are what an automatic choice leaves out. */
export type ForeignHolders = ReadonlyMap<string, readonly ForeignAddress[]>;

/** How many holders a message names. */
const NAMED = 3;

/** The users by address: build it once for all requests that ask. */
export function foreignHolders(use: ForeignUse): ForeignHolders {
    const holders = new Map<string, ForeignAddress[]>();
    for (const each of use.addresses) {
        const others = holders.get(each.address) ?? [];
        others.push(each);
        holders.set(each.address, others);
    }
    return holders;
}

/**
 * Why an address cannot be asked for by name: somebody else uses it, whatever the policy.
 * @param address with or without prefix length
 * @param ownerKey for whom it is: what the NIC uses itself is no conflict, also for its further addresses (`#1`)
 */
export function addressConflicts(holders: ForeignHolders, address: string, place: Place, ownerKey?: string): Problem[] {
    const nic = ownerKey?.replace(/#[0-9]+$/, "");
    // The status of a NIC and its cloud-init data tell of one use.
    const others = new Map<string, string>();
    for (const { holder, ownerKey: key } of holders.get(lenientAddress(address)?.text ?? "") ?? []) {
        if (key === undefined || (key !== nic && !others.has(key))) {
            others.set(key ?? holder, holder);
        }
    }
    return others.size === 0
        ? []
        : [
              {
                  ...place,
                  value: address,
                  rule: `the address is in use by ${listed([...others.values()])}`,
                  remedy: "choose another address, or leave it out to get a free one",
              },
          ];
}

/** The network that an address is of, where it is of one. @param address canonical */
export function networkOf(networks: readonly ForeignNetwork[], address: string): ForeignNetwork | undefined {
    const parsed = lenientAddress(address);
    return networks.find(({ cidr }) => {
        const subnet = lenientSubnet(cidr);
        return (
            parsed?.family === subnet?.family &&
            parsed !== undefined &&
            subnet !== undefined &&
            subnet.first <= parsed.value &&
            parsed.value <= subnet.last
        );
    });
}

/**
 * What of a pool others take addresses from: one problem for each of its blocks, an error under `Enforce`, a warning under
 * `Warn`. Addresses that the pool never gives out do not count, so an exclusion mends it.
 */
export function poolConflicts(use: ForeignUse, pool: CompiledPool, policy: ConflictPolicy): Problem[] {
    const networks = use.networks.flatMap(({ cidr, holder }) => {
        const subnet = lenientSubnet(cidr);
        return subnet === undefined ? [] : [{ holder, subnet }];
    });
    return pool.blocks.flatMap(({ subnet, usable }, index) => {
        const shared = networks.filter(
            (network) => network.subnet.family === subnet.family && reaches(usable, network.subnet),
        );
        return shared.length === 0
            ? []
            : ofPolicy(policy, {
                  subject: `IPPool "${pool.spec.name}"`,
                  field: `blocks[${String(index)}].cidr`,
                  value: subnet.text,
                  rule:
                      `${subnet.text} overlaps ${listed(shared.map((each) => `${each.subnet.text} (${each.holder})`))}, ` +
                      `from which addresses are given to others`,
                  remedy: `add ${shared.length === 1 ? (shared[0]?.subnet.text ?? "") : "them"} to the block's exclude, or choose another network`,
              });
    });
}

/** That it is unknown which addresses are in use: an error under `Enforce`, a warning under `Warn`. */
export function unreadableProblems(use: ForeignUse, policy: ConflictPolicy, place: Place): Problem[] {
    return use.unreadable.flatMap(({ source, sentence }) =>
        ofPolicy(policy, {
            ...place,
            rule: `addresses in use cannot be told: ${sentence.replace(/\.$/, "")}`,
            remedy: `mend that, or leave ${source} out of the pool's conflicts.sources`,
        }),
    );
}

function ofPolicy(policy: ConflictPolicy, problem: Problem): Problem[] {
    switch (policy) {
        case "Off":
            return [];
        case "Warn":
            return [{ ...problem, severity: "warning" }];
        case "Enforce":
            return [problem];
    }
}

/** True when a set has a member in a range, by binary search. */
function reaches({ intervals }: IntervalSet, { first, last }: AddressRange): boolean {
    let low = 0;
    let high = intervals.length;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if ((intervals[middle] as Interval).last < first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const interval = intervals[low];
    return interval !== undefined && interval.first <= last;
}

/** `a, b and 7 more`. */
function listed(texts: readonly string[]): string {
    const distinct = [...new Set(texts)];
    const more = distinct.length - NAMED;
    return distinct.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${String(more)} more` : "");
}
