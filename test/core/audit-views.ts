import type { AuditedNic, AuditedReservation, AuditView } from "../../core/audit-view";
import type { PoolSpec } from "../../core/pool";
import { spaceOfNetwork } from "../../core/reservation";

export const SPACE = "lan";
export const NETWORK = "prod/lan";
export const NOW = new Date("2026-11-21T12:00:00Z");

/** RFC 3339: so many seconds before `NOW`. */
export function before(seconds: number): string {
    return new Date(NOW.getTime() - seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** 198.18.0.1 to .14 of a /28, and a few of IPv6. */
export const POOL: PoolSpec = {
    name: "web",
    space: SPACE,
    blocks: [{ cidr: "198.18.0.0/28" }, { cidr: "2001:db8::/64", ranges: ["2001:db8::1-2001:db8::f"] }],
};

/** What an audit has read: a cluster in which nothing is, but for what the test has in it. */
export function viewOf(parts: Partial<AuditView>): AuditView {
    return {
        now: NOW,
        pools: [{ spec: POOL }],
        reservations: [],
        nics: [],
        use: { addresses: [], networks: [], unreadable: [] },
        pods: [],
        expired: new Map(),
        historyDays: 90,
        ...parts,
    };
}

/** An address that is reserved for `prod/a/eth1` for a day. */
export function reserved(parts: Partial<AuditedReservation> = {}): AuditedReservation {
    return {
        space: SPACE,
        address: "198.18.0.5",
        state: "Active",
        retain: false,
        owner: "prod/a/eth1",
        manager: "acme/shop/prod",
        allocationId: "allocation-1",
        since: before(24 * 3600),
        pool: POOL.name,
        network: NETWORK,
        ...parts,
    };
}

/** A NIC whose guest has these addresses. */
export function nic(key: string, addresses: readonly string[], parts: Partial<AuditedNic> = {}): AuditedNic {
    const name = key.split("/")[2]!;
    return {
        key,
        network: NETWORK,
        macAddress: "02:00:00:00:00:0a",
        uses: addresses.map((address) => ({ nic: name, address, from: "status" })),
        ...(addresses.length > 0 && { reported: addresses }),
        ...parts,
    };
}

/** One in the network's own space, which comes from no pool. */
export function reservedAlone(parts: Partial<AuditedReservation> = {}): AuditedReservation {
    const { pool: _, ...alone } = reserved({ space: spaceOfNetwork(NETWORK), ...parts });
    return alone;
}

/** What others use: nothing. */
export const used = { addresses: [], networks: [], unreadable: [] };

/** A source that cannot be read. */
export const nodes = { source: "Nodes", sentence: "cannot list nodes: the cluster refused it." } as const;
