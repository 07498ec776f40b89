import assert from "node:assert/strict";
import fc from "fast-check";
import { requestAddress, requestedAddresses, sharesAddress } from "../../core/service/load-balancer";
import { restrictingRules, type PolicyRule } from "../../core/service/network-policy";
import type { ServicePort } from "../../core/service/ports";

interface Packet {
    readonly protocol: "TCP" | "UDP" | "SCTP";
    readonly port: number;
    readonly isInRange: boolean;
}

/**
 * Whether rules let a packet through, by the API's own description (NetworkPolicyIngressRule and NetworkPolicyPort of
 * networking.k8s.io/v1): a rule matches on both `from` and `ports`, an absent list matches all, and so does an absent port.
 */
function passes(rules: readonly PolicyRule[], { protocol, port, isInRange }: Packet): boolean {
    return rules.some(
        (rule) =>
            (rule.from === undefined || isInRange) &&
            rule.ports.some(
                (each) =>
                    each.protocol === protocol &&
                    (each.port === undefined || (port >= each.port && port <= (each.endPort ?? each.port))),
            ),
    );
}

const PORT = fc.integer({ min: 1, max: 65_535 });
const EDGE = fc.oneof(PORT, fc.constantFrom(1, 2, 80, 81, 82, 65_534, 65_535));

describe("the NetworkPolicy of source ranges", () => {
    it("lets nobody else to the exposed ports, and everybody to all others", () => {
        const port = fc.record({ protocol: fc.constantFrom("TCP" as const, "UDP" as const), targetPort: EDGE });
        fc.assert(
            fc.property(
                fc.array(port, { minLength: 1, maxLength: 6 }),
                fc.array(
                    fc.record({ protocol: fc.constantFrom("TCP", "UDP", "SCTP"), port: EDGE, isInRange: fc.boolean() }),
                ),
                (exposed, others) => {
                    const ports = exposed.map((each, index): ServicePort => ({ ...each, port: index + 1 }));
                    const rules = restrictingRules(ports, ["192.0.2.0/24"]);
                    const packets = [
                        ...(others as Packet[]),
                        ...exposed.flatMap(({ protocol, targetPort }) =>
                            [-1, 0, 1].map((by) => ({ protocol, port: targetPort + by, isInRange: false })),
                        ),
                    ].filter((packet) => packet.port >= 1 && packet.port <= 65_535);
                    for (const packet of packets) {
                        const isExposed = exposed.some(
                            ({ protocol, targetPort }) => protocol === packet.protocol && targetPort === packet.port,
                        );
                        assert.equal(passes(rules, packet), !isExposed || packet.isInRange, JSON.stringify(packet));
                    }
                },
            ),
        );
    });

    it("has the ranges, and no port beyond the first and the last", () => {
        const ports = [1, 80, 65_535].map((port): ServicePort => ({ protocol: "TCP", port, targetPort: port }));
        assert.deepEqual(restrictingRules(ports, ["192.0.2.0/24", "2001:db8::/64"]), [
            {
                from: [{ ipBlock: { cidr: "192.0.2.0/24" } }, { ipBlock: { cidr: "2001:db8::/64" } }],
                ports: [
                    { protocol: "TCP", port: 1 },
                    { protocol: "TCP", port: 80 },
                    { protocol: "TCP", port: 65_535 },
                ],
            },
            {
                ports: [
                    { protocol: "TCP", port: 2, endPort: 79 },
                    { protocol: "TCP", port: 81, endPort: 65_534 },
                    { protocol: "UDP" },
                    { protocol: "SCTP" },
                ],
            },
        ]);
    });
});

describe("the address of a load balancer", () => {
    // The annotations are those of the load balancers' own documentation and sources.
    for (const [wanted, expected] of [
        [{ loadBalancerProvider: "metallb" }, { "metallb.io/loadBalancerIPs": "192.0.2.9" }],
        [{ loadBalancerProvider: "kube-vip" }, { "kube-vip.io/loadbalancerIPs": "192.0.2.9" }],
        [{ loadBalancerProvider: "cilium" }, { "lbipam.cilium.io/ips": "192.0.2.9" }],
        [{ loadBalancerProvider: "calico" }, { "projectcalico.org/loadBalancerIPs": '["192.0.2.9"]' }],
        [{ loadBalancerClass: "kube-vip.io/kube-vip-class" }, { "kube-vip.io/loadbalancerIPs": "192.0.2.9" }],
        [{ loadBalancerClass: "io.cilium/l2-announcer" }, { "lbipam.cilium.io/ips": "192.0.2.9" }],
    ] as const) {
        it(`is asked for as ${JSON.stringify(expected)} by ${JSON.stringify(wanted)}, and read from there`, () => {
            assert.deepEqual(requestAddress("192.0.2.9", wanted), { annotations: expected });
            assert.deepEqual(requestedAddresses(expected), ["192.0.2.9"]);
        });
    }

    it("is spec.loadBalancerIP where nobody's annotation is known", () => {
        assert.deepEqual(requestAddress("192.0.2.9", {}), { loadBalancerIP: "192.0.2.9" });
        const own = requestAddress("192.0.2.9", { loadBalancerClass: "example.com/own" });
        assert.deepEqual(own, { loadBalancerIP: "192.0.2.9" });
        assert.deepEqual(requestedAddresses({ app: "192.0.2.9" }), []);
    });

    it("is shared by Services that agree on a key of the same load balancer", () => {
        const key = (value: string) => ({ "metallb.io/allow-shared-ip": value });
        assert.ok(sharesAddress(key("a"), key("a")));
        assert.ok(!sharesAddress(key("a"), key("b")));
        assert.ok(!sharesAddress(key("a"), { "lbipam.cilium.io/sharing-key": "a" }));
        assert.ok(!sharesAddress({}, {}));
    });
});
