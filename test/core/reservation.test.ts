import assert from "node:assert/strict";
import fc from "fast-check";
import { addressOf } from "../../core/ip";
import {
    ownerKey,
    hashLabel,
    parseReservationName,
    parseSpace,
    reservationName,
    spaceOfNetwork,
} from "../../core/reservation";

/** Names of Kubernetes objects of custom resources: DNS subdomains (RFC 1123). */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const space = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/);
const address = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((n) => addressOf(4, n)),
    fc
        .bigInt({ min: 0n, max: 2n ** 128n - 1n })
        .filter((n) => n >> 32n !== 0xffffn)
        .map((n) => addressOf(6, n)),
    fc.constantFrom(addressOf(6, 0n), addressOf(6, 1n), addressOf(6, 0x20010db8n << 96n)),
);

describe("reservation", () => {
    it("is named by space and address [case 21]", () => {
        assert.equal(reservationName("lan-100", addressOf(4, 0x0a000005n)), "lan-100.v4-10.0.0.5");
        assert.equal(reservationName("lan", addressOf(6, (0x20010db8n << 96n) + 1n)), "lan.v6-2001-db8--1-z");
        assert.equal(reservationName("lan", addressOf(6, 0x20010db8n << 96n)), "lan.v6-2001-db8---z");
    });

    it("has a valid object name from which space and address can be read back [case 73]", () => {
        fc.assert(
            fc.property(space, address, (inSpace, of) => {
                const name = reservationName(inSpace, of);
                assert.match(name, SUBDOMAIN);
                assert.ok(name.length <= 100);
                assert.deepEqual(parseReservationName(name), { space: inSpace, address: of });
            }),
        );
    });

    for (const name of [
        "lan.v4-010.0.0.5",
        "lan.v4-10.0.0.5-z",
        "lan.v6-2001-0db8--1-z",
        "lan.v6-2001-db8--1",
        "v4-10.0.0.5",
        "a.b.v4-10.0.0.5",
    ]) {
        it(`knows that ${name} is no reservation's name`, () => assert.equal(parseReservationName(name), undefined));
    }

    it("keys owners so that a free text is never a NIC's", () => {
        assert.equal(ownerKey({ namespace: "prod", vm: "vm-a", nic: "nic0" }), "prod/vm-a/nic0");
        assert.equal(ownerKey({ free: "prod/vm-a/nic0" }), "owner:prod/vm-a/nic0");
    });

    it("labels owners with base32 of SHA-256 (Python's base64.b32encode)", () => {
        assert.equal(hashLabel("prod/vm-a/nic0"), "sz7uodetogyp767fw7cxyyesv2dfltnwaoy2m4rw");
        assert.equal(hashLabel("owner:x"), "wojz7d7uz3srgzws3mz3bc4inbwlc5fjhbfnorbp");
    });

    it("takes DNS labels of at most 40 characters as spaces", () => {
        for (const text of ["lan", "lan-100", "0", "a".repeat(40)]) {
            assert.deepEqual(parseSpace(text), { ok: true, value: text });
        }
        for (const text of ["A_b", "a".repeat(41), "", "-a", "a-", "a.b"]) {
            const result = parseSpace(text);
            assert.ok(!result.ok && result.rule.includes("DNS label"), text);
        }
    });

    it("derives a space from any network's name, and others from others", () => {
        assert.equal(spaceOfNetwork("prod/vlan100"), "net-prod-vlan100-dg3tisqk36gt");
        fc.assert(
            fc.property(fc.stringMatching(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,80}$/), (nad) => {
                assert.ok(parseSpace(spaceOfNetwork(nad)).ok, spaceOfNetwork(nad));
            }),
        );
        assert.notEqual(spaceOfNetwork("a/b-c"), spaceOfNetwork("a-b/c"));
    });
});
