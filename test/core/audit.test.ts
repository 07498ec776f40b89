import assert from "node:assert/strict";
import { judge } from "../../core/audit";
import { type AuditView, FINDING_CLASSES } from "../../core/audit-view";
import { spaceOfNetwork } from "../../core/reservation";
import { before, NETWORK, nic, nodes, POOL, reserved, reservedAlone, SPACE, used, viewOf } from "./audit-views";

const OWN = spaceOfNetwork(NETWORK);

/** Class, space, address, owner, pool and source of each finding. */
function told(view: AuditView): string[] {
    return judge(view).map(({ class: kind, space, address, owner, pool, source }) =>
        [kind, space, address, owner, pool, source].map((part) => part ?? "-").join(" "),
    );
}

describe("an audit", () => {
    const GOOD: [string, Partial<AuditView>][] = [
        ["of nothing", {}],
        ["of a NIC with its address", { reservations: [reserved()], nics: [nic("prod/a/eth1", ["198.18.0.5"])] }],
        ["of a VM that is off", { reservations: [reserved()], nics: [nic("prod/a/eth1", [])] }],
        [
            "of a NIC with both families and a further address",
            {
                reservations: [
                    reserved(),
                    reserved({ address: "2001:db8::5" }),
                    reserved({ address: "198.18.0.6", owner: "prod/a/eth1#1" }),
                ],
                nics: [nic("prod/a/eth1", ["198.18.0.5", "198.18.0.6", "2001:db8::5", "fe80::5"])],
            },
        ],
        [
            "of one that is released and rests",
            { reservations: [reserved({ state: "Quarantined", pool: "gone", reusableAt: before(-60) })] },
        ],
        ["of one that is retained for a NIC that is gone", { reservations: [reserved({ state: "Retained" })] }],
        ["of one that is to be retained", { reservations: [reserved({ retain: true })] }],
        [
            "of one for something other than a NIC, on whatever NIC it is",
            {
                reservations: [reserved({ owner: "owner:vip" })],
                nics: [nic("prod/a/eth1", ["198.18.0.5"])],
                use: {
                    ...used,
                    addresses: [{ address: "198.18.0.5", source: "Services", holder: "Service prod/vip" }],
                },
            },
        ],
        [
            "of a NIC on a network of no space",
            {
                reservations: [reserved()],
                nics: [nic("prod/a/eth1", []), nic("prod/b/eth1", ["198.18.0.5"], { network: "prod/x" })],
            },
        ],
        [
            "of addresses that no pool gives out",
            {
                reservations: [reserved()],
                nics: [nic("prod/a/eth1", []), nic("prod/b/eth1", ["198.18.1.5", "198.18.0.15"])],
            },
        ],
        [
            "of link-local addresses, also on several NICs",
            {
                reservations: [reservedAlone(), reservedAlone({ address: "2001:db8::5" })],
                nics: [
                    nic("prod/a/eth1", ["198.18.0.5", "2001:db8::5", "fe80::1", "169.254.1.1"]),
                    nic("prod/b/eth1", ["fe80::1", "169.254.1.1"]),
                ],
            },
        ],
        [
            "of a family that the network's own space has no address of",
            {
                reservations: [reservedAlone()],
                nics: [nic("prod/a/eth1", ["198.18.0.5"]), nic("prod/b/eth1", ["2001:db8:1::5"])],
            },
        ],
        [
            "of a network whose addresses are of two spaces",
            {
                reservations: [reserved(), reservedAlone({ address: "198.18.9.5", owner: "prod/b/eth1" })],
                nics: [nic("prod/a/eth1", ["198.18.0.5"]), nic("prod/b/eth1", ["198.18.9.5"])],
            },
        ],
        [
            "of a Service on the address, where the pool is not to keep clear of Services",
            {
                pools: [{ spec: { ...POOL, conflicts: { sources: ["Nodes"] } } }],
                reservations: [reserved()],
                nics: [nic("prod/a/eth1", [])],
                use: {
                    ...used,
                    addresses: [{ address: "198.18.0.5", source: "Services", holder: "Service prod/web" }],
                    networks: [{ cidr: "198.18.0.0/16", source: "Services", holder: 'ServiceCIDR "kubernetes"' }],
                },
            },
        ],
        [
            "of a pool that is being deleted, and in use",
            {
                pools: [{ spec: POOL, deletingSince: before(60) }],
                reservations: [reserved()],
                nics: [nic("prod/a/eth1", [])],
            },
        ],
    ];
    for (const [what, parts] of GOOD) {
        it(`finds nothing wrong ${what}`, () => {
            assert.deepEqual(judge(viewOf(parts)), []);
        });
    }

    const on = nic("prod/a/eth1", ["198.18.0.5"]);
    const off = nic("prod/a/eth1", []);
    const BAD: [string, Partial<AuditView>, string[]][] = [
        [
            "an address of a pool that is not reserved",
            { reservations: [reserved()], nics: [on, nic("prod/b/eth1", ["198.18.0.6"])] },
            ["Missing lan 198.18.0.6 prod/b/eth1 web -"],
        ],
        [
            "an address of the network's own space that is not reserved",
            {
                reservations: [reservedAlone()],
                nics: [on, nic("prod/b/eth1", ["198.18.77.6"])],
            },
            [`Missing ${OWN} 198.18.77.6 prod/b/eth1 - -`],
        ],
        [
            "an address in cloud-init data that is not reserved",
            {
                reservations: [reserved()],
                nics: [
                    on,
                    nic("prod/b/eth1", [], { uses: [{ nic: "eth1", address: "2001:db8::6", from: "cloud-init" }] }),
                ],
            },
            ["Missing lan 2001:db8::6 prod/b/eth1 web -"],
        ],
        [
            "an address that is used although it was released",
            { reservations: [reserved({ state: "Quarantined" })], nics: [on] },
            ["Missing lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "an address that is retained for the NIC, and used although it was released",
            { reservations: [reserved({ state: "Retained", retain: true })], nics: [on] },
            ["Missing lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "two NICs with the address of one",
            { reservations: [reserved()], nics: [on, nic("prod/b/eth1", ["198.18.0.5"])] },
            ["Duplicate lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "two NICs of one space on different networks",
            {
                reservations: [
                    reserved(),
                    reserved({ address: "198.18.0.9", owner: "prod/b/eth1", network: "prod/lan-2" }),
                ],
                nics: [on, nic("prod/b/eth1", ["198.18.0.5", "198.18.0.9"], { network: "prod/lan-2" })],
            },
            ["Duplicate lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "two NICs with an address that nobody has reserved",
            {
                reservations: [reserved()],
                nics: [off, nic("prod/b/eth1", ["198.18.200.1"]), nic("prod/c/eth1", ["198.18.200.1"])],
            },
            ["Duplicate lan 198.18.200.1 - - -"],
        ],
        ["an address whose VM is gone", { reservations: [reserved()] }, ["Orphan lan 198.18.0.5 prod/a/eth1 web -"]],
        [
            "an address whose NIC is gone",
            { reservations: [reserved({ owner: "prod/a/eth1#2" })], nics: [nic("prod/a/eth10", [])] },
            ["Orphan lan 198.18.0.5 prod/a/eth1#2 web -"],
        ],
        [
            "another NIC with the address",
            { reservations: [reserved()], nics: [off, nic("prod/b/eth1", ["198.18.0.5"])] },
            ["OwnerMismatch lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "another NIC with a retained address",
            { reservations: [reserved({ state: "Retained" })], nics: [nic("prod/b/eth1", ["198.18.0.5"])] },
            ["OwnerMismatch lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "another MAC address",
            { reservations: [reserved({ macAddress: "02:00:00:00:00:0b" })], nics: [on] },
            ["MacMismatch lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "an address that the pool excludes",
            {
                pools: [{ spec: { ...POOL, blocks: [{ cidr: "198.18.0.0/28", exclude: ["198.18.0.5"] }] } }],
                reservations: [reserved()],
                nics: [on],
            },
            ["Outside lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "an address whose pool is gone, retained",
            { reservations: [reserved({ pool: "old", state: "Retained" })] },
            ["Outside lan 198.18.0.5 prod/a/eth1 old -"],
        ],
        [
            "a guest with another address than the reserved one",
            { reservations: [reserved()], nics: [nic("prod/a/eth1", ["198.18.5.5"])] },
            ["Drifted lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "a guest with one of two addresses",
            {
                reservations: [reserved(), reserved({ address: "198.18.0.6", owner: "prod/a/eth1#1" })],
                nics: [on],
            },
            ["Drifted lan 198.18.0.6 prod/a/eth1#1 web -"],
        ],
        [
            "a Service on a reserved address",
            {
                reservations: [reserved()],
                nics: [on],
                use: {
                    ...used,
                    addresses: [{ address: "198.18.0.5", source: "Services", holder: "Service prod/web" }],
                },
            },
            ["ExternalConflict lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "a pod of Whereabouts on an address for something other than a NIC",
            {
                reservations: [reservedAlone({ space: SPACE, owner: "owner:vip" })],
                use: { ...used, addresses: [{ address: "198.18.0.5", source: "Whereabouts", holder: "pool x" }] },
            },
            ["ExternalConflict lan 198.18.0.5 owner:vip - -"],
        ],
        [
            "a pool from which pods get their addresses",
            { use: { ...used, networks: [{ cidr: "198.18.0.8/29", source: "Nodes", holder: "podCIDR of Node n1" }] } },
            ["ExternalConflict lan - - web -"],
        ],
        ["a source that cannot be read", { use: { ...used, unreadable: [nodes] } }, ["UnreadableSource - - - - nodes"]],
        [
            "a pool that gives out nothing",
            { pools: [{ spec: { ...POOL, blocks: [{ cidr: "198.18.0.0/28", ranges: ["198.18.0.9-198.18.0.3"] }] } }] },
            ["UnreadableSource lan - - web -"],
        ],
        [
            "an address that anybody may have",
            { reservations: [reserved({ state: "Reusable", reusableAt: before(60) })] },
            ["TombstoneExpired lan 198.18.0.5 prod/a/eth1 web -"],
        ],
        [
            "a pool that somebody deletes",
            {
                pools: [{ spec: POOL, deletingSince: before(60) }],
                reservations: [reserved({ state: "Quarantined" })],
            },
            ["PoolDeleting lan - - web -"],
        ],
        ["old records", { expired: new Map([["lan", 3]]) }, ["HistoryExpired lan - - - -"]],
    ];
    for (const [what, parts, expected] of BAD) {
        it(`finds ${what}`, () => {
            assert.deepEqual(told(viewOf(parts)), expected);
        });
    }

    it("has a case for each class", () => {
        const classes = new Set(BAD.flatMap(([, , expected]) => expected.map((line) => line.split(" ")[0])));
        assert.deepEqual([...classes].sort(), [...FINDING_CLASSES].sort());
    });

    it("says what it is about", () => {
        const [finding] = judge(
            viewOf({ reservations: [reserved()], nics: [off, nic("prod/b/eth1", ["198.18.0.5"])] }),
        );
        assert.deepEqual(finding, {
            class: "OwnerMismatch",
            space: SPACE,
            address: "198.18.0.5",
            owner: "prod/a/eth1",
            pool: "web",
            message:
                "NIC eth1 of VM prod/b uses the address (status), which is reserved for NIC eth1 of VM prod/a by stack " +
                "acme/shop/prod. Give it another.",
            fixable: false,
        });
    });

    it("says nothing of NICs where it does not know them", () => {
        const { nics: _, ...view } = viewOf({
            reservations: [reserved({ macAddress: "02:00:00:00:00:0b" })],
            use: { ...used, unreadable: [nodes] },
        });
        assert.deepEqual(told(view), ["UnreadableSource - - - - nodes"]);
    });

    it("is of one space where that is asked for, with what is of no space", () => {
        const all = {
            reservations: [reserved(), reservedAlone({ space: "other" })],
            expired: new Map([
                ["lan", 1],
                ["other", 1],
            ]),
            use: { ...used, unreadable: [nodes] },
        };
        assert.deepEqual(told(viewOf({ ...all, space: "lan" })), [
            "Orphan lan 198.18.0.5 prod/a/eth1 web -",
            "HistoryExpired lan - - - -",
            "UnreadableSource - - - - nodes",
        ]);
        assert.equal(judge(viewOf(all)).length, 5);
    });

    it("takes what is reserved in another space of the network for reserved", () => {
        const view = viewOf({
            space: "a",
            pools: [{ spec: POOL }, { spec: { ...POOL, name: "a", space: "a" } }],
            reservations: [
                reserved(),
                reserved({ space: "a", address: "198.18.0.9", pool: "a", owner: "prod/b/eth1" }),
            ],
            nics: [on, nic("prod/b/eth1", [])],
        });
        assert.deepEqual(told(view), []);
    });

    it("is ordered by space, then address, then class", () => {
        const view = viewOf({
            reservations: [
                reserved({ address: "::a", owner: "prod/z/eth1", pool: "old" }),
                reserved({ address: "198.18.0.10", owner: "prod/z/eth1" }),
                reserved({ address: "198.18.0.9", owner: "prod/z/eth1" }),
                reservedAlone({ space: "a", address: "198.18.0.11", owner: "prod/z/eth1" }),
            ],
            expired: new Map([["lan", 1]]),
            use: { ...used, unreadable: [nodes] },
        });
        assert.deepEqual(
            told(view).map((line) => line.split(" ").slice(0, 3).join(" ")),
            [
                "Orphan a 198.18.0.11",
                "Orphan lan 198.18.0.9",
                "Orphan lan 198.18.0.10",
                "Orphan lan ::a",
                "Outside lan ::a",
                "HistoryExpired lan -",
                "UnreadableSource - -",
            ],
        );
    });
});
