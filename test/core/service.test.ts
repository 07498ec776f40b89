import assert from "node:assert/strict";
import { describe as sentence } from "../../core/problem";
import type { Exposure } from "../../core/service/exposure";
import { validateExposure } from "../../core/service/validate-exposure";

const SOUND: Exposure = {
    type: "NodePort",
    ports: [{ port: 80 }],
    targets: 1,
    network: "pod",
    dataplane: "kube-proxy",
    nodePortRange: [30_000, 32_767],
};

function problems(exposure: Partial<Exposure>): string[] {
    return validateExposure({ ...SOUND, ...exposure }).map(sentence);
}

describe("service", () => {
    it("accepts one target and ports that differ", () => {
        assert.deepEqual(problems({}), []);
        const ports = [
            { name: "dns", port: 53, protocol: "UDP" as const, nodePort: 30053 },
            { name: "dns-tcp", port: 53, nodePort: 30053, targetPort: 5353 },
            { name: "top", port: 65_535 },
        ];
        assert.deepEqual(problems({ ports }), []);
    });

    it("accepts what only the node agent does where it is the dataplane", () => {
        const exposure: Partial<Exposure> = {
            ...{ network: "secondary", dataplane: "wukong", scheduler: "RoundRobin", masquerade: "SameSubnet" },
            ...{ sourceRanges: ["10.0.0.0/8"], ports: [{ port: 80, hostPort: 8080 }] },
        };
        assert.deepEqual(problems(exposure), []);
    });

    // Each is refused by the API server's own validation (ValidateService of Kubernetes), or would have no effect.
    const refused: [string, Partial<Exposure>, RegExp][] = [
        ["no target", { targets: 0 }, /one set of VMs/],
        ["two targets", { targets: 2 }, /one set of VMs/],
        ["a selector without labels", { hasEmptySelector: true }, /selector "?\{\}"?.*at least one label/],
        ["no port", { ports: [] }, /at least one port/],
        ["several ports, one unnamed", { ports: [{ name: "a", port: 80 }, { port: 81 }] }, /ports\[1\]\.name/],
        ["port 0", { ports: [{ port: 0 }] }, /ports\[0\]\.port 0 /],
        ["a target port that is none", { ports: [{ port: 80, targetPort: 65_536 }] }, /targetPort 65536 /],
        ["half a node port", { ports: [{ port: 80, nodePort: 30_000.5 }] }, /nodePort/],
        ["a node port below the range", { ports: [{ port: 80, nodePort: 29_999 }] }, /nodePort 29999 .*30000-32767/],
        [
            "a node port above a range of the cluster's own",
            { ports: [{ name: "a", port: "80-81", nodePort: "20010-20011" }], nodePortRange: [20_000, 20_010] },
            /nodePort 20011 .*20000-20010/,
        ],
        [
            "a host port of the range of NodePorts",
            { dataplane: "wukong", ports: [{ name: "a", port: "80-81", hostPort: "32767-32768" }] },
            /hostPort 32767 .*gives to any Service/,
        ],
        [
            "a node port without type",
            { type: "ClusterIP", ports: [{ port: 80, nodePort: 30_080 }] },
            /ClusterIP opens no port/,
        ],
        [
            "a port twice in one protocol",
            {
                ports: [
                    { name: "a", port: 80 },
                    { name: "b", port: 80, protocol: "TCP" },
                ],
            },
            /ports\[1\]\.port "TCP 80"/,
        ],
        [
            "a name twice",
            {
                ports: [
                    { name: "a", port: 80 },
                    { name: "a", port: 81 },
                ],
            },
            /ports\[1\]\.name "a"/,
        ],
        [
            "a node port twice",
            {
                ports: [
                    { name: "a", port: 80, nodePort: 30_080 },
                    { name: "b", port: 81, nodePort: 30_080 },
                ],
            },
            /ports\[1\]\.nodePort/,
        ],
        [
            "a protocol that KubeVirt does not forward",
            { ports: [{ port: 80, protocol: "SCTP" as "TCP" }] },
            /protocol "SCTP"/,
        ],
        ["a name that is no DNS label", { ports: [{ name: "Web_1", port: 80 }] }, /name "Web_1"/],
        [
            "a traffic policy without traffic from outside",
            { type: "ClusterIP", externalTrafficPolicy: "Local" },
            /externalTrafficPolicy "Local"/,
        ],
        ["a cluster IP that is no address", { type: "ClusterIP", clusterIP: "10.96.0" }, /clusterIP "10\.96\.0"/],
        ["a headless NodePort", { clusterIP: "None" }, /type "NodePort" .*headless/],
        [
            "session affinity of a headless Service",
            { type: "ClusterIP", clusterIP: "None", sessionAffinity: "ClientIP" },
            /sessionAffinity "ClientIP" .*headless/,
        ],
        ["a timeout of no affinity", { sessionAffinityTimeoutSeconds: 60 }, /sessionAffinityTimeoutSeconds 60 /],
        [
            "a timeout beyond a day",
            { sessionAffinity: "ClientIP", sessionAffinityTimeoutSeconds: 86_401 },
            /86401 .*86400/,
        ],
        ["a load balancer's address without one", { loadBalancerIP: "192.0.2.1" }, /loadBalancerIP "192\.0\.2\.1"/],
        [
            "a load balancer's address that is none",
            { type: "LoadBalancer", loadBalancerIP: "shop.example.com" },
            /loadBalancerIP "shop\.example\.com" .*an IP address/,
        ],
        ["a source range that is no subnet", { sourceRanges: ["10.0.0.0/33"] }, /sourceRanges\[0\] "10\.0\.0\.0\/33"/],
        [
            "source ranges where the nodes take the client's place",
            { sourceRanges: ["10.0.0.0/8"], externalTrafficPolicy: "Cluster" },
            /externalTrafficPolicy "Cluster" .*their own address/,
        ],
        [
            "source ranges on a secondary network by kube-proxy",
            { network: "secondary", sourceRanges: ["10.0.0.0/8"] },
            /sourceRanges .*load balancers only.*ServiceProxy/,
        ],
        [
            "source ranges that nothing would enforce",
            { type: "ClusterIP", network: "secondary", dataplane: "wukong", sourceRanges: ["10.0.0.0/8"] },
            /sourceRanges .*from outside of the cluster/,
        ],
        [
            "host ports by kube-proxy",
            { ports: [{ port: 80, hostPort: 8080 }] },
            /ports\[0\]\.hostPort 8080 .*ServiceProxy/,
        ],
        ["round robin by kube-proxy", { scheduler: "RoundRobin" }, /scheduler "RoundRobin" .*at random.*ServiceProxy/],
        ["a masquerade by kube-proxy", { masquerade: "SameSubnet" }, /masquerade "SameSubnet"/],
        ["an Ingress beside a NodePort", { ingress: { host: "a.example.com" } }, /ingress .*type ClusterIP/],
        [
            "an Ingress of a host that is none",
            { type: "ClusterIP", ingress: { host: "Shop_1" } },
            /ingress\.host "Shop_1"/,
        ],
        [
            "an Ingress of a path without a slash",
            { type: "ClusterIP", ingress: { host: "a.example.com", path: "shop" } },
            /ingress\.path "shop" .*\/shop/,
        ],
        [
            "an Ingress that does not say which of two ports",
            {
                type: "ClusterIP",
                ingress: { host: "a.example.com" },
                ports: [
                    { name: "a", port: 80 },
                    { name: "b", port: 81 },
                ],
            },
            /ingress\.port .*a, b/,
        ],
        [
            "source ranges behind an Ingress",
            { type: "ClusterIP", ingress: { host: "a.example.com" }, sourceRanges: ["10.0.0.0/8"] },
            /sourceRanges .*ingress controller/,
        ],
    ];
    for (const [what, exposure, expected] of refused) {
        it(`refuses ${what}`, () => {
            const found = problems(exposure);
            assert.equal(found.length, 1, found.join("\n"));
            assert.match(found[0] ?? "", expected);
        });
    }
});
