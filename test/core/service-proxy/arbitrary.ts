import * as fc from "fast-check";
import { type Backends, portKey, type ProxyPort } from "../../../core/service-proxy/model";

/** Two lists of subnets that would have the same number of a masquerade: the one that sorts later gets the next. */
export const SUBNETS_OF_ONE_HASH = [["10.19.0.0/24"], ["10.4.0.0/24"]] as const;

/** Few values of each kind, so that ports meet at addresses, endpoints and subnets. */
const ADDRESSES = { 4: ["10.10.0.1", "10.10.0.2", "10.20.0.3", "10.20.0.4"], 6: ["fd00::1", "fd00::2", "fd01::3"] };
const SUBNETS = {
    4: [
        ["10.10.0.0/24"],
        ["10.10.0.0/16", "10.20.0.0/24"],
        ["10.10.0.0/16", "10.10.0.0/24"],
        [],
        ...SUBNETS_OF_ONE_HASH,
    ],
    6: [["fd00::/64"], ["fd00::/64", "fd01::/64"], []],
};

/** A port of one of a few Services; the same key has other contents each time. */
function arbitraryPort(): fc.Arbitrary<ProxyPort> {
    return fc.constantFrom(4 as const, 6 as const).chain((family) => {
        const backends: fc.Arbitrary<Backends> = fc.record({
            endpoints: fc.subarray(ADDRESSES[family].map((address) => ({ address, port: 8080 }))),
            whenEmpty: fc.constantFrom("reject" as const, "drop" as const),
        });
        const external = family === 4 ? "198.51.100." : "2001:db8::";
        const clusterIP = family === 4 ? "10.96.0." : "fd00:96::";
        return fc
            .record({
                number: fc.nat(3),
                name: fc.constantFrom("http", "dns"),
                protocol: fc.constantFrom("TCP" as const, "UDP" as const, "SCTP" as const),
                port: fc.constantFrom(80, 53),
                externalIPs: fc.subarray([`${external}1`, `${external}2`]),
                nodePort: fc.option(fc.constantFrom(30001, 30002), { nil: undefined }),
                hostPort: fc.option(fc.constantFrom(30002, 8443), { nil: undefined }),
                sourceRanges: fc.option(fc.subarray(["192.0.2.0/24", "192.0.2.0/25", "2001:db8:9::/48"]), {
                    nil: undefined,
                }),
                scheduler: fc.constantFrom("Random" as const, "RoundRobin" as const),
                affinitySeconds: fc.option(fc.constantFrom(60, 10800), { nil: undefined }),
                masquerade: fc.constantFrom("Always" as const, "SameSubnet" as const),
                subnets: fc.constantFrom(...SUBNETS[family]),
                internal: backends,
                external: backends,
                externalLocal: fc.boolean(),
            })
            .map(({ number, nodePort, hostPort, sourceRanges, affinitySeconds, ...port }) => ({
                ...port,
                service: `default/s${number}`,
                family,
                clusterIP: `${clusterIP}${number + 1}`,
                ...(nodePort !== undefined && { nodePort }),
                ...(hostPort !== undefined && { hostPort }),
                ...(sourceRanges !== undefined && { sourceRanges }),
                ...(affinitySeconds !== undefined && { affinitySeconds }),
            }));
    });
}

/** The ports of a state, in their order, each key once. */
export function arbitraryState(): fc.Arbitrary<ProxyPort[]> {
    return fc
        .uniqueArray(arbitraryPort(), { selector: portKey, maxLength: 8 })
        .map((ports) => ports.sort((a, b) => (portKey(a) < portKey(b) ? -1 : 1)));
}
