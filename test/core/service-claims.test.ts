import assert from "node:assert/strict";
import { describe as sentence } from "../../core/problem";
import { collisions, outsideServiceCidrs, type Holdings } from "../../core/service/claims";
import { holdingsOf } from "../../core/service/objects";

const AT = { subject: 'ServiceExposure "front"' };

function wanted(more: Partial<Holdings>): Holdings {
    return {
        ...{ namespace: "shop", name: "front-nodeport", holder: "Service shop/front-nodeport of this program" },
        ...{ ports: [], clusterIPs: [], loadBalancerIPs: [], annotations: {} },
        ...more,
    };
}

/** A Service as the API server has it: the fields that are read, as `kubectl get -o json` shows them. */
const HELD = holdingsOf({
    metadata: {
        namespace: "other",
        name: "held",
        annotations: { "metallb.io/allow-shared-ip": "edge", "vm.novasphere.dev/host-ports": "web=8080, 53=5353" },
    },
    spec: {
        clusterIPs: ["10.96.0.20", "fd00::20"],
        healthCheckNodePort: 31_999,
        ports: [
            { name: "web", protocol: "TCP", port: 80, nodePort: 30_080 },
            { name: "dns", protocol: "UDP", port: 53, nodePort: 30_053 },
        ],
    },
    status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } },
});

function said(more: Partial<Holdings>, others: Holdings[] = [HELD]): string {
    return collisions(wanted(more), others, AT).map(sentence).join("\n");
}

describe("what a Service asks for and another holds", () => {
    const tcp = { protocol: "TCP", port: 443 } as const;

    for (const [what, more, expected] of [
        [
            "a node port",
            { ports: [{ ...tcp, nodePort: 30_080 }] },
            /ports\[0\]\.nodePort 30080 .*TCP port of the nodes/,
        ],
        ["a host port", { ports: [{ ...tcp, hostPort: 8080 }] }, /ports\[0\]\.hostPort 8080 /],
        ["a node port that is the other's host port", { ports: [{ ...tcp, nodePort: 8080 }] }, /nodePort 8080 /],
        ["a host port by number of the other's port", { ports: [{ ...tcp, protocol: "UDP", hostPort: 5353 }] }, /5353/],
        ["the other's health check port", { ports: [{ ...tcp, nodePort: 31_999 }] }, /nodePort 31999 /],
        ["a cluster IP", { clusterIPs: ["10.96.0.20"] }, /clusterIP "10\.96\.0\.20" /],
        ["a cluster IP in another spelling", { clusterIPs: ["fd00:0:0::0020"] }, /clusterIP "fd00/],
        ["the address of a load balancer", { loadBalancerIPs: ["198.51.100.7"] }, /loadBalancerIP "198\.51\.100\.7" /],
    ] as [string, Partial<Holdings>, RegExp][]) {
        it(`is ${what}, and the sentence names the holder`, () => {
            assert.match(said(more), expected);
            assert.match(said(more), /^ServiceExposure "front": .*; it is held by Service other\/held; /);
        });
    }

    it("is not a port of another protocol, a free one, or what the Service itself has", () => {
        assert.equal(said({ ports: [{ ...tcp, protocol: "UDP", nodePort: 30_080 }] }), "");
        assert.equal(said({ ports: [tcp, { ...tcp, nodePort: 30_081 }], clusterIPs: ["10.96.0.21"] }), "");
        const own = { ...HELD, namespace: "shop", name: "front-nodeport" };
        assert.equal(said({ ports: [{ ...tcp, nodePort: 30_080 }], clusterIPs: ["10.96.0.20"] }, [own]), "");
    });

    it("is not an address that both agree to share, with ports of their own", () => {
        const shared = { loadBalancerIPs: ["198.51.100.7"], annotations: { "metallb.io/allow-shared-ip": "edge" } };
        assert.equal(said({ ...shared, ports: [tcp] }), "");
        assert.match(said({ ...shared, ports: [{ protocol: "TCP", port: 80 }] }), /no port in common/);
        assert.match(said({ ...shared, annotations: { "metallb.io/allow-shared-ip": "mine" } }), /held by Service/);
    });

    it("is told by the load balancer's annotation as well, before it has an address", () => {
        const asking = holdingsOf({
            metadata: {
                namespace: "other",
                name: "asking",
                annotations: { "lbipam.cilium.io/ips": "192.0.2.1,192.0.2.2" },
            },
        });
        assert.match(said({ loadBalancerIPs: ["192.0.2.2"] }, [asking]), /held by Service other\/asking/);
    });
});

describe("a fixed cluster IP", () => {
    it("is of one of the cluster's ranges", () => {
        const cidrs = ["10.96.0.0/16", "fd00::/112"];
        assert.deepEqual(outsideServiceCidrs("10.96.255.254", cidrs, AT), []);
        assert.deepEqual(outsideServiceCidrs("fd00::ffff", cidrs, AT), []);
        const [problem] = outsideServiceCidrs("10.97.0.1", cidrs, AT);
        assert.ok(problem);
        assert.match(sentence(problem), /clusterIP "10\.97\.0\.1" is refused: .*10\.96\.0\.0\/16, fd00::\/112/);
    });

    it("is left to the API server where the ranges are not known", () => {
        assert.deepEqual(outsideServiceCidrs("10.97.0.1", [], AT), []);
    });
});
