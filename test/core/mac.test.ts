import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { macFor, normalizeMac } from "../../core/mac";

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);

describe("mac", () => {
    it("is locally administered unicast, canonical, and a function of the three names [case 32]", () => {
        fc.assert(
            fc.property(label, label, label, (namespace, vm, nic) => {
                const mac = macFor(namespace, vm, nic);
                assert.match(mac, /^02(:[0-9a-f]{2}){5}$/);
                assert.equal(macFor(namespace, vm, nic), mac);
                assert.deepEqual(normalizeMac(mac), { ok: true, value: mac });
            }),
        );
    });

    it("is the head of the SHA-256 of namespace/vm/nic behind 02, today and in every later release", () => {
        const digest = createHash("sha256").update("demo/web-vm/eth1").digest();
        const expected = `02:${[...digest.subarray(0, 5)].map((n) => n.toString(16).padStart(2, "0")).join(":")}`;
        assert.equal(macFor("demo", "web-vm", "eth1"), expected);
        // printf demo/web-vm/eth1 | sha256sum
        assert.equal(macFor("demo", "web-vm", "eth1"), "02:11:df:93:1b:ae");
    });

    it("differs between NICs, VMs and namespaces", () => {
        const macs = [
            macFor("a", "b", "c"),
            macFor("a", "b", "d"),
            macFor("a", "d", "c"),
            macFor("d", "b", "c"),
            macFor("b", "a", "c"),
        ];
        assert.equal(new Set(macs).size, macs.length);
    });

    // Go's net.ParseMAC, which KubeVirt calls, documents these forms (src/net/mac.go).
    for (const text of ["02:00:5e:10:00:01", "02-00-5E-10-00-01", "0200.5e10.0001", "02:00:5E:10:00:01"]) {
        it(`reads ${text} [case 32]`, () =>
            assert.deepEqual(normalizeMac(text), { ok: true, value: "02:00:5e:10:00:01" }));
    }

    it("accepts a universally administered address", () => {
        assert.deepEqual(normalizeMac("52:54:00:12:34:56"), { ok: true, value: "52:54:00:12:34:56" });
    });

    const refused: [string, RegExp][] = [
        ["02:00:5e:10:00:00:00:01", /six octets/],
        ["02:00:5e:10:00", /six octets/],
        ["02:00-5e:10:00:01", /six octets/],
        ["2:0:5e:10:0:1", /six octets/],
        ["02005e100001", /six octets/],
        ["02:00:5e:10:00:0g", /six octets/],
        ["02:00:5e:10:00:01\n", /six octets/],
        ["", /six octets/],
        ["01:00:5e:10:00:01", /multicast/],
        ["ff:ff:ff:ff:ff:ff", /multicast/],
        ["00:00:00:00:00:00", /zero/],
        ["0200.0000.0000", /reserves/],
    ];
    for (const [text, rule] of refused) {
        it(`refuses ${JSON.stringify(text)}${/multicast/.test(rule.source) ? " [case 32]" : ""}`, () => {
            const result = normalizeMac(text);
            assert.ok(!result.ok);
            assert.match(result.rule, rule);
        });
    }
});
