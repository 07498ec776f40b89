import assert from "node:assert/strict";
import { BlockList, isIP, SocketAddress } from "node:net";
import fc from "fast-check";
import { Address4, Address6 } from "ip-address";
import {
    addressOf,
    broadcastAddress,
    contains,
    formatRange,
    networkAddress,
    overlaps,
    parseAddress,
    parseInterfaceAddress,
    parseRange,
    parseSubnet,
    readAddress,
    subnetOf,
} from "../../core/ip";
import { type Parsed } from "../../core/problem";

function value<T>(result: Parsed<T>): T {
    assert.ok(result.ok, result.ok ? undefined : result.rule);
    return result.value;
}

function rule(result: Parsed<unknown>): string {
    assert.ok(!result.ok, "it was accepted");
    assert.ok(result.remedy.length > 0);
    return result.rule;
}

const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
const v6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).filter((n) => n >> 32n !== 0xffffn);

describe("ip", () => {
    describe("addresses", () => {
        // RFC 5952, sections 1, 2 and 4: each text and its one recommended form.
        const canonical: [string, string][] = [
            ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
            ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
            ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
            ["2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"],
            ["2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"],
            ["2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"],
            ["2001:0db8::0001", "2001:db8::1"],
            ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
            ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
            ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
            ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"],
            ["0:0:0:0:0:0:0:0", "::"],
            ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
        ];
        for (const [text, form] of canonical) {
            it(`writes ${text} as ${form} (RFC 5952)`, () => assert.equal(value(parseAddress(text)).text, form));
        }

        const refused: [string, RegExp][] = [
            ["010.0.0.1", /not a canonical IPv4/],
            ["10.0.1", /not a canonical IPv4/],
            ["0x0a.0.0.1", /not a canonical IPv4/],
            ["167772160", /not a canonical IPv4/],
            [" 10.0.0.1", /not a canonical IPv4/],
            ["10.0.0.1\n", /not a canonical IPv4/],
            ["10.0.0.300", /not a canonical IPv4/],
            ["", /not a canonical IPv4/],
            ["10.0.0.1/24", /prefix length/],
            ["::ffff:10.0.0.1", /IPv4-mapped/],
            ["::ffff:a00:1", /IPv4-mapped/],
            ["64:ff9b::192.0.2.33", /dotted/],
            ["fe80::1%eth0", /zone/],
            ["2001:db8::g", /not an IPv6/],
            ["1::2::3", /not an IPv6/],
            ["1:2:3:4:5:6:7:8:9", /not an IPv6/],
            ["[::1]", /not an IPv6/],
        ];
        for (const [text, expected] of refused) {
            it(`refuses ${JSON.stringify(text)}`, () => assert.match(rule(parseAddress(text)), expected));
        }

        it("parses what it formats, and formats as ip-address does [case 73]", () => {
            fc.assert(
                fc.property(v4, (n) => {
                    const address = addressOf(4, n);
                    assert.equal(address.text, Address4.fromBigInt(n).correctForm());
                    assert.deepEqual(value(parseAddress(address.text)), address);
                }),
            );
            fc.assert(
                fc.property(v6, (n) => {
                    const address = addressOf(6, n);
                    assert.equal(new Address6(address.text).bigInt(), n);
                    assert.deepEqual(value(parseAddress(address.text)), address);
                    // Node's own parser and printer (libuv's inet_ntop) as a second opinion on the form, but for those
                    // it prints dotted.
                    if (n >> 32n !== 0n) {
                        assert.equal(
                            new SocketAddress({ address: address.text, family: "ipv6" }).address,
                            address.text,
                        );
                    }
                }),
            );
        });

        describe("read fast", () => {
            const fast = (text: string): unknown => {
                const result = parseAddress(text);
                const expected = result.ok ? { family: result.value.family, value: result.value.value } : undefined;
                assert.deepEqual(readAddress(text), expected, text);
                return expected;
            };

            it("are those that are parsed, whatever their spelling [case 73]", () => {
                const groups = fc.array(fc.stringMatching(/^0{0,3}[0-9a-fA-F]$/), { minLength: 8, maxLength: 8 });
                const gap = fc.tuple(fc.nat(7), fc.integer({ min: 1, max: 8 }));
                fc.assert(
                    fc.property(v4, v6, groups, gap, (n4, n6, spelled, [from, count]) => {
                        assert.ok(fast(addressOf(4, n4).text) && fast(addressOf(6, n6).text));
                        assert.ok(fast(spelled.join(":")));
                        assert.ok(
                            fast(`${spelled.slice(0, from).join(":")}::${spelled.slice(from + count).join(":")}`),
                        );
                    }),
                );
            });

            it("are refused where they are refused elsewhere", () => {
                for (const [text] of refused) {
                    assert.equal(fast(text), undefined);
                }
                for (const text of [
                    "1:2:3:4:5:6:7:8::",
                    "::1:2:3:4:5:6:7:8",
                    "1:2:3:4::5:6:7:8",
                    ":::",
                    ":1::2",
                    "1::2:",
                ]) {
                    assert.equal(fast(text), undefined);
                }
                fc.assert(
                    fc.property(fc.stringMatching(/^[0-9a-f.:]{1,20}$/), (text) => {
                        fast(text);
                    }),
                    { numRuns: 2000 },
                );
            });
        });

        it("accepts nothing that Node takes for no address", () => {
            fc.assert(
                fc.property(fc.stringMatching(/^[0-9a-f.:]{1,20}$/), (text) => {
                    assert.ok(!parseAddress(text).ok || isIP(text) !== 0, text);
                }),
                { numRuns: 2000 },
            );
        });
    });

    describe("networks", () => {
        it("requires a prefix in range", () => {
            for (const text of [
                "10.0.0.0",
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/08",
                "2001:db8::/129",
                "10.0.0.0/ 8",
            ]) {
                assert.match(rule(parseSubnet(text)), /prefix length/, text);
            }
        });

        it("refuses host bits and names the network", () => {
            const result = parseSubnet("10.0.0.5/24");
            assert.match(rule(result), /host bits/);
            assert.ok(!result.ok && result.remedy.includes("10.0.0.0/24"));
        });

        it("reads an interface address", () => {
            const { address, subnet, text } = value(parseInterfaceAddress("2001:DB8::5/64"));
            assert.deepEqual([address.text, subnet.text, text], ["2001:db8::5", "2001:db8::/64", "2001:db8::5/64"]);
        });

        it("has the bounds ip-address finds", () => {
            fc.assert(
                fc.property(v4, fc.integer({ min: 0, max: 32 }), (n, prefix) => {
                    const subnet = subnetOf(addressOf(4, n), prefix);
                    const oracle = new Address4(`${addressOf(4, n).text}/${String(prefix)}`);
                    assert.equal(subnet.first, oracle.startAddress().bigInt());
                    assert.equal(subnet.last, oracle.endAddress().bigInt());
                }),
            );
            fc.assert(
                fc.property(v6, fc.integer({ min: 0, max: 128 }), (n, prefix) => {
                    const subnet = subnetOf(addressOf(6, n), prefix);
                    const oracle = new Address6(`${addressOf(6, n).text}/${String(prefix)}`);
                    assert.equal(subnet.first, oracle.startAddress().bigInt());
                    assert.equal(subnet.last, oracle.endAddress().bigInt());
                }),
            );
        });

        it("contains what Node's block list contains", () => {
            const octet = fc.integer({ min: 0, max: 3 });
            fc.assert(
                fc.property(octet, octet, fc.integer({ min: 22, max: 32 }), (third, fourth, prefix) => {
                    const subnet = subnetOf(addressOf(4, 0x0a000000n + BigInt(third * 256 + fourth)), prefix);
                    const list = new BlockList();
                    list.addSubnet(addressOf(4, subnet.first).text, prefix);
                    for (const text of ["10.0.0.0", "10.0.0.3", "10.0.1.2", "10.0.2.255", "10.0.3.1"]) {
                        assert.equal(
                            contains(subnet, value(parseAddress(text))),
                            list.check(text),
                            `${subnet.text} ${text}`,
                        );
                    }
                }),
            );
        });

        it("keeps families apart", () => {
            const all4 = value(parseSubnet("0.0.0.0/0"));
            const all6 = value(parseSubnet("::/0"));
            assert.equal(contains(all6, value(parseAddress("10.0.0.1"))), false);
            assert.equal(overlaps(all4, all6), false);
            assert.equal(overlaps(all4, value(parseSubnet("10.0.0.0/8"))), true);
        });

        // RFC 3021 (/31), RFC 6164 (/127), RFC 4291 2.6.1 (subnet-router anycast).
        const special: [string, string | undefined, string | undefined][] = [
            ["10.0.0.0/24", "10.0.0.0", "10.0.0.255"],
            ["10.0.0.4/30", "10.0.0.4", "10.0.0.7"],
            ["10.0.0.0/31", undefined, undefined],
            ["10.0.0.0/32", undefined, undefined],
            ["2001:db8::/64", "2001:db8::", undefined],
            ["2001:db8::/126", "2001:db8::", undefined],
            ["2001:db8::/127", undefined, undefined],
            ["2001:db8::/128", undefined, undefined],
        ];
        for (const [cidr, network, broadcast] of special) {
            it(`${cidr} has network ${String(network)} and broadcast ${String(broadcast)}`, () => {
                const subnet = value(parseSubnet(cidr));
                assert.deepEqual([networkAddress(subnet)?.text, broadcastAddress(subnet)?.text], [network, broadcast]);
            });
        }
    });

    describe("ranges", () => {
        it("reads a single address, first-last, and on demand a network", () => {
            assert.equal(formatRange(value(parseRange("10.0.0.5"))), "10.0.0.5");
            assert.equal(formatRange(value(parseRange("2001:db8::1-2001:DB8::ff"))), "2001:db8::1-2001:db8::ff");
            assert.equal(formatRange(value(parseRange("10.0.5.0/24", { cidr: true }))), "10.0.5.0-10.0.5.255");
            assert.match(rule(parseRange("10.0.5.0/24")), /prefix length/);
        });

        it("refuses a reversed, mixed or broken range", () => {
            assert.match(rule(parseRange("10.0.0.9-10.0.0.3")), /start is after end/);
            assert.match(rule(parseRange("10.0.0.1-2001:db8::1")), /family/);
            assert.match(rule(parseRange("10.0.0.1-10.0.0.256")), /end of the range/);
            assert.match(rule(parseRange("10.0.0.1-")), /end of the range/);
        });
    });
});
