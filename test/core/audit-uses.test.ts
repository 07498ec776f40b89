import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../core/audit";
import { type AuditView, compareFindings, type Finding, findingKey } from "../../core/audit-view";
import { nic, reserved, viewOf } from "./audit-views";

describe("who uses an address", () => {
    /** Addresses of the pool, ones beside it, and ones of the network's own space. */
    const address = fc.constantFrom<string[]>(
        "198.18.0.1",
        "198.18.0.2",
        "198.18.0.3",
        "198.18.0.15",
        "198.18.9.9",
        "2001:db8::2",
    );
    const key = fc.constantFrom("prod/a/eth1", "prod/b/eth1", "prod/c/eth1", "prod/c/eth2");
    const owner = fc.oneof(
        key,
        key.map((each) => `${each}#1`),
        fc.constant("owner:vip"),
    );
    const state = fc.constantFrom("Active", "Retained", "Quarantined", "Reusable");
    const reservations = fc.uniqueArray(fc.record({ address, owner, state }), { selector: (each) => each.address });
    const nics = fc.uniqueArray(fc.tuple(key, fc.uniqueArray(address)), { selector: ([each]) => each });
    const world = fc.record({ reservations, nics });
    type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

    const viewOfWorld = (each: World): AuditView =>
        viewOf({
            // One that is always there, so that the network is known to be the space's.
            reservations: [reserved({ address: "198.18.0.14" }), ...each.reservations.map((parts) => reserved(parts))],
            nics: each.nics.map(([name, addresses]) => nic(name, addresses)),
        });

    /** The same another way: by a table over addresses, with what was drawn in it. */
    const expectedOf = (each: World): string[] => {
        const pool = new Set(["198.18.0.1", "198.18.0.2", "198.18.0.3", "2001:db8::2"]);
        const lines: string[] = [];
        for (const text of ["198.18.0.1", "198.18.0.2", "198.18.0.3", "198.18.0.15", "198.18.9.9", "2001:db8::2"]) {
            const users = each.nics.filter(([, addresses]) => addresses.includes(text)).map(([name]) => name);
            const held = each.reservations.find((reservation) => reservation.address === text);
            const of = held?.owner.split("#")[0];
            if (users.length > 1) {
                lines.push(`Duplicate ${text}`);
            } else if (users.length === 1) {
                const isOther = of !== "owner:vip" && of !== users[0];
                if (held?.state === "Active") {
                    lines.push(...(isOther ? [`OwnerMismatch ${text}`] : []));
                } else if (held?.state === "Retained") {
                    lines.push(...(of === users[0] ? [`Missing ${text}`] : isOther ? [`OwnerMismatch ${text}`] : []));
                } else if (held?.state === "Quarantined" || pool.has(text)) {
                    lines.push(`Missing ${text}`);
                }
            }
        }
        return lines.sort();
    };

    it("is told once for each address, as a table over all of them has it", () => {
        fc.assert(
            fc.property(world, (each) => {
                const found = judge(viewOfWorld(each))
                    .filter((finding) => ["Missing", "Duplicate", "OwnerMismatch"].includes(finding.class))
                    .map((finding) => `${finding.class} ${finding.address ?? ""}`);
                assert.deepEqual(found.sort(), expectedOf(each));
            }),
            { numRuns: 1000 },
        );
    });

    it("does not depend on the order in which it is read, and each finding has a key of its own", () => {
        const shuffled = world.chain((each) =>
            fc.tuple(
                fc.constant(viewOfWorld(each)),
                fc.shuffledSubarray(each.reservations, { minLength: each.reservations.length }),
                fc.shuffledSubarray(each.nics, { minLength: each.nics.length }),
            ),
        );
        fc.assert(
            fc.property(shuffled, ([view, otherReservations, otherNics]) => {
                const findings = judge(view);
                const others = judge(viewOfWorld({ reservations: otherReservations, nics: otherNics }));
                assert.deepEqual(others, findings);
                assert.equal(new Set(findings.map(findingKey)).size, findings.length);
                const isOrdered = (finding: Finding, index: number): boolean =>
                    index === 0 || compareFindings(findings[index - 1]!, finding) < 0;
                assert.ok(findings.every(isOrdered));
            }),
        );
    });
});
