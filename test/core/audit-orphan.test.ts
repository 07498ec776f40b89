import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../core/audit";
import { type AuditView } from "../../core/audit-view";
import { before, NETWORK, nic, nodes, reserved, used, viewOf } from "./audit-views";

describe("an address whose NIC is gone", () => {
    const MINUTE = 60;
    const seen = (seconds: number): Partial<AuditView["reservations"][0]> => ({
        sighting: { since: before(seconds), allocationId: "allocation-1" },
    });
    /** What is said behind the sentence that is always the same. */
    const saidOf = (parts: Partial<AuditView>): [boolean, string] => {
        const [finding] = judge(viewOf(parts)).filter((each) => each.class === "Orphan");
        assert.ok(finding);
        return [finding.fixable, finding.message.replace(/^.*? its address\. /, "")];
    };

    it("is to be noted first", () => {
        assert.deepEqual(saidOf({ reservations: [reserved()] }), [
            true,
            "An audit with --fix releases it, 15 minutes after the first such audit.",
        ]);
    });

    it("waits 15 minutes", () => {
        const due = "An audit with --fix releases it from 2026-11-21T12:00:01Z on.";
        assert.deepEqual(saidOf({ reservations: [reserved(seen(15 * MINUTE - 1))] }), [true, due]);
        const now = "An audit with --fix releases it.";
        assert.deepEqual(saidOf({ reservations: [reserved(seen(15 * MINUTE))] }), [true, now]);
    });

    it("is noted anew where the note is of an earlier tenancy, or of the time to come", () => {
        for (const sighting of [
            { since: before(3600), allocationId: "allocation-0" },
            { since: before(-3600), allocationId: "allocation-1" },
            { since: "yesterday", allocationId: "allocation-1" },
        ]) {
            assert.match(saidOf({ reservations: [reserved({ sighting })] })[1], /after the first such audit/);
        }
    });

    it("is left alone while it is young", () => {
        const young = { ...seen(3600), since: before(60) };
        assert.deepEqual(saidOf({ reservations: [reserved(young)] }), [
            true,
            "It was reserved less than 60 seconds ago.",
        ]);
        assert.match(saidOf({ reservations: [reserved({ ...young, since: before(61) })] })[1], /releases it\.$/);
    });

    it("is kept while a source cannot be read", () => {
        const [fixable, reason] = saidOf({
            reservations: [reserved(seen(3600))],
            use: { ...used, unreadable: [nodes] },
        });
        assert.equal(fixable, false);
        assert.match(reason, /^It is not released while it is unknown who uses it: cannot list nodes: [^.]*\.$/);
    });

    const USERS: [string, Partial<AuditView>, string][] = [
        ["a NIC", { nics: [nic("prod/b/eth1", ["198.18.0.5"])] }, "NIC prod/b/eth1"],
        [
            "what a guest agent tells of a NIC on the pod network",
            { nics: [{ key: "prod/b/default", uses: [], reported: ["198.18.0.5"] }] },
            "NIC prod/b/default",
        ],
        ["a pod", { pods: [{ address: "198.18.0.5", holder: "pod prod/x" }] }, "pod prod/x"],
        [
            "a pod on the network",
            { pods: [{ address: "198.18.0.5", holder: "pod prod/x", network: NETWORK }] },
            "pod prod/x",
        ],
    ];
    for (const [what, parts, user] of USERS) {
        it(`is kept while it is used by ${what}`, () => {
            assert.deepEqual(saidOf({ reservations: [reserved(seen(3600))], ...parts }), [
                false,
                `It is not released while it is used by ${user}.`,
            ]);
        });
    }

    it("is not kept by who uses the same address elsewhere", () => {
        const elsewhere = {
            nics: [nic("prod/b/eth1", ["198.18.0.5"], { network: "prod/x" })],
            pods: [{ address: "198.18.0.5", holder: "pod prod/x", network: "prod/x" }],
        };
        assert.deepEqual(saidOf({ reservations: [reserved(seen(3600))], ...elsewhere }), [
            true,
            "An audit with --fix releases it.",
        ]);
        // Without a network, it is not known where it is used.
        const { network: _, ...anywhere } = reserved(seen(3600));
        assert.equal(saidOf({ reservations: [anywhere], ...elsewhere })[0], false);
    });

    it("is released under all of these conditions only", () => {
        const conditions = fc.record({
            age: fc.constantFrom(0, 59, 60, 61, 86_400),
            sight: fc.constantFrom(undefined, 0, 899, 900, 86_400),
            sameTenancy: fc.boolean(),
            readable: fc.boolean(),
            isUsed: fc.boolean(),
        });
        fc.assert(
            fc.property(conditions, ({ age, sight, sameTenancy, readable, isUsed }) => {
                const sighting = {
                    since: before(sight ?? 0),
                    allocationId: sameTenancy ? "allocation-1" : "allocation-0",
                };
                const [, reason] = saidOf({
                    reservations: [reserved({ since: before(age), ...(sight !== undefined && { sighting }) })],
                    use: { ...used, unreadable: readable ? [] : [nodes] },
                    pods: isUsed ? [{ address: "198.18.0.5", holder: "pod prod/x" }] : [],
                });
                const expected = age > 60 && (sight ?? 0) >= 900 && sameTenancy && readable && !isUsed;
                assert.equal(reason === "An audit with --fix releases it.", expected, reason);
            }),
            { numRuns: 500 },
        );
    });
});
