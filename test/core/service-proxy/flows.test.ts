import assert from "node:assert/strict";
import { changedUdpPorts, parseFlows, staleFlows } from "../../../core/service-proxy/flows";
import type { ProxyPort } from "../../../core/service-proxy/model";

/** As `conntrack -L -p udp` of conntrack-tools 1.4.7 prints entries. */
const LISTING = `udp      17 28 src=192.0.2.2 dst=10.96.0.10 sport=40001 dport=53 src=10.10.0.11 dst=10.10.0.1 sport=8053 dport=40001 [ASSURED] mark=0 use=1
udp      17 12 src=192.0.2.2 dst=10.96.0.10 sport=40002 dport=53 [UNREPLIED] src=10.10.0.12 dst=192.0.2.2 sport=8053 dport=40002 mark=0 use=1
udp      17 12 src=192.0.2.3 dst=10.96.0.10 sport=40003 dport=53 [UNREPLIED] src=10.96.0.10 dst=192.0.2.3 sport=53 dport=40003 mark=0 use=1
udp      17 12 src=192.0.2.3 dst=192.0.2.1 sport=40004 dport=30053 src=10.10.0.11 dst=192.0.2.3 sport=8053 dport=40004 mark=0 use=1
udp      17 12 src=192.0.2.3 dst=203.0.113.9 sport=40005 dport=30053 src=10.10.0.11 dst=192.0.2.3 sport=8053 dport=40005 mark=0 use=1
udp      17 12 src=fd00::2 dst=fd00:96::10 sport=40006 dport=53 src=fd00:10::11 dst=fd00::2 sport=8053 dport=40006 mark=0 use=1
tcp      6 431999 ESTABLISHED src=192.0.2.2 dst=10.96.0.10 sport=40007 dport=53 src=10.10.0.12 dst=192.0.2.2 sport=8053 dport=40007 [ASSURED] mark=0 use=1
`;

function dns(hosts: number[], others: Partial<ProxyPort> = {}): ProxyPort {
    const endpoints = hosts.map((host) => ({ address: `10.10.0.${host}`, port: 8053 }));
    return {
        service: "default/dns",
        name: "dns",
        family: 4,
        protocol: "UDP",
        clusterIP: "10.96.0.10",
        port: 53,
        externalIPs: [],
        scheduler: "Random",
        masquerade: "Always",
        subnets: [],
        internal: { endpoints, whenEmpty: "reject" },
        external: { endpoints, whenEmpty: "reject" },
        externalLocal: false,
        ...others,
    };
}

describe("stale UDP flows", () => {
    const stale = (before: ProxyPort[], after: ProxyPort[]): number[] =>
        staleFlows(parseFlows(LISTING), before, after, (address) => address === "192.0.2.1").map(
            ({ sourcePort }) => sourcePort,
        );

    it("are read from conntrack's listing, those of TCP left out", () => {
        const flows = parseFlows(LISTING);
        assert.equal(flows.length, 6);
        assert.deepEqual(flows[1], {
            source: "192.0.2.2",
            sourcePort: 40002,
            destination: "10.96.0.10",
            destinationPort: 53,
            server: "10.10.0.12",
            serverPort: 8053,
        });
    });

    it("are those of endpoints that are gone, and those that began before the rules", () => {
        assert.deepEqual(stale([dns([11, 12])], [dns([11])]), [40002, 40003]);
    });

    it("are all of a port that has no endpoint any more", () => {
        assert.deepEqual(stale([dns([11, 12])], [dns([])]), [40001, 40002, 40003]);
    });

    it("are those that a port served that is gone, not those that somebody else serves there", () => {
        assert.deepEqual(stale([dns([11, 12])], []), [40001, 40002]);
        assert.deepEqual(stale([dns([12])], []), [40002]);
    });

    it("are of a node port only where it is the node's", () => {
        assert.deepEqual(stale([dns([11], { nodePort: 30053 })], [dns([11])]), [40002, 40003, 40004]);
    });

    it("have the node's addresses asked for only where their port is one of the node's", () => {
        const asked: string[] = [];
        staleFlows(parseFlows(LISTING), [dns([11], { nodePort: 30053 })], [], (address) => asked.push(address) === 0);
        assert.deepEqual(asked, ["192.0.2.1", "203.0.113.9"]);
    });

    it("are looked for in ports of UDP that are not the same object", () => {
        const [same, one, other] = [dns([11]), dns([11]), dns([12])];
        assert.deepEqual(changedUdpPorts(new Set([same, one]), new Set([same, other])), {
            before: [one],
            after: [other],
        });
        assert.deepEqual(changedUdpPorts(new Set([same]), new Set([same])), { before: [], after: [] });
    });
});
