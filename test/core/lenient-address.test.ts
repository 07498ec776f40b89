import assert from "node:assert/strict";
import { lenientAddress, lenientSubnet } from "../../core/lenient-address";

describe("addresses that others wrote", () => {
    const read: [string, string | undefined][] = [
        ["10.0.0.5", "10.0.0.5"],
        ["10.0.0.5/24", "10.0.0.5"],
        ["10.0.0.5/255.255.255.0", "10.0.0.5"],
        // What kube-apiserver 1.35 takes for externalIPs, and what its warnings say that it means.
        ["010.000.001.005", "10.0.1.5"],
        ["::ffff:1.2.3.4", "1.2.3.4"],
        ["2001:DB8:0::7", "2001:db8::7"],
        // RFC 4291 2.5.5.2, written in full.
        ["0:0:0:0:0:FFFF:102:304", "1.2.3.4"],
        ["2001:db8::5/64", "2001:db8::5"],
        ["None", undefined],
        ["", undefined],
        ["/24", undefined],
        ["10.0.0.256", undefined],
        ["10.0.0", undefined],
        ["00.0.0", undefined],
        ["::ffff:1.2.3.400", undefined],
        ["node-1", undefined],
    ];
    for (const [text, address] of read) {
        it(`takes ${JSON.stringify(text)} for ${address ?? "none"}`, () =>
            assert.equal(lenientAddress(text)?.text, address));
    }

    const networks: [string, string | undefined][] = [
        ["10.96.0.0/16", "10.96.0.0/16"],
        ["10.96.7.1/16", "10.96.0.0/16"],
        ["fd00::1/108", "fd00::/108"],
        ["10.96.0.0/33", undefined],
        ["10.96.0.0", undefined],
        ["10.96.0.0/", undefined],
    ];
    for (const [text, network] of networks) {
        it(`takes ${text} for ${network === undefined ? "no network" : `the network ${network}`}`, () =>
            assert.equal(lenientSubnet(text)?.text, network));
    }
});
