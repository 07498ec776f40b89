import { strict as assert } from "node:assert";
import { proxiedService } from "../../../core/service-proxy/from-objects";
import { parsePortRanges, type PortRanges } from "../../../core/service-proxy/host-ports";
import { SERVICE_ANNOTATION, SLICE_ANNOTATION, SLICE_LABEL, SLICE_MANAGER } from "../../../core/service-proxy/names";
import type { EndpointSliceObject, ServiceObject, SliceEndpoint } from "../../../core/service-proxy/objects";

const HERE = "node-1";
const THERE = "node-2";

type Spec = NonNullable<ServiceObject["spec"]>;

function service(spec: Spec, annotations: Record<string, string> = {}): ServiceObject {
    return {
        metadata: { name: "web", namespace: "shop", annotations },
        spec: { type: "ClusterIP", clusterIPs: ["10.96.0.10"], ports: [{ port: 80, protocol: "TCP" }], ...spec },
    };
}

function slice(endpoints: SliceEndpoint[], more: Partial<EndpointSliceObject> = {}): EndpointSliceObject {
    return {
        metadata: { name: "web-1", namespace: "shop", ...more.metadata },
        addressType: more.addressType ?? "IPv4",
        endpoints,
        ports: more.ports ?? [{ port: 8080 }],
    };
}

function endpoint(address: string, nodeName: string, conditions: SliceEndpoint["conditions"] = {}): SliceEndpoint {
    return { addresses: [address], nodeName, conditions };
}

const READY = { ready: true, serving: true, terminating: false };
const UNREADY = { ready: false, serving: false, terminating: false };
/** A pod that is shut down and still answers, and one that does not any more. */
const ENDING = { ready: false, serving: true, terminating: true };
const ENDED = { ready: false, serving: false, terminating: true };

describe("a Service as a node serves it", () => {
    // The cases of TestCategorizeEndpoints (pkg/proxy/topology_test.go) that need no topology hints.
    const cases: {
        what: string;
        endpoints: SliceEndpoint[];
        /** Last parts of the addresses, with `drop` or `reject` where there are none. */
        cluster: string;
        local: string;
    }[] = [
        { what: "no endpoints", endpoints: [], cluster: "reject", local: "reject" },
        {
            what: "one here and one there",
            endpoints: [endpoint("10.1.2.3", HERE, READY), endpoint("10.1.2.4", THERE, READY)],
            cluster: "3 4",
            local: "3",
        },
        {
            what: "ready ones there only",
            endpoints: [endpoint("10.1.2.3", THERE, READY), endpoint("10.1.2.4", THERE, READY)],
            cluster: "3 4",
            local: "drop",
        },
        {
            what: "one that is not ready",
            endpoints: [endpoint("10.1.2.3", HERE, UNREADY)],
            cluster: "reject",
            local: "reject",
        },
        {
            what: "a ready one beside one that ends",
            endpoints: [endpoint("10.1.2.3", HERE, READY), endpoint("10.1.2.4", HERE, ENDING)],
            cluster: "3",
            local: "3",
        },
        {
            what: "none but those that end: the ones that still serve",
            endpoints: [endpoint("10.1.2.3", HERE, ENDING), endpoint("10.1.2.4", HERE, ENDED)],
            cluster: "3",
            local: "3",
        },
        {
            what: "a ready one there, and one that ends here",
            endpoints: [endpoint("10.1.2.3", THERE, READY), endpoint("10.1.2.4", HERE, ENDING)],
            cluster: "3",
            local: "4",
        },
        {
            what: "those that end are there only",
            endpoints: [endpoint("10.1.2.3", THERE, ENDING)],
            cluster: "3",
            local: "drop",
        },
        {
            what: "absent conditions, which mean ready",
            endpoints: [{ addresses: ["10.1.2.3"], nodeName: HERE }],
            cluster: "3",
            local: "3",
        },
    ];
    for (const { what, endpoints, cluster, local } of cases) {
        it(`has endpoints by its traffic policies: ${what}`, () => {
            const told = (internal: string, external: string): string[] => {
                const spec = { type: "NodePort", internalTrafficPolicy: internal, externalTrafficPolicy: external };
                const [port] = proxiedService(service(spec), [slice(endpoints)], HERE).ports;
                assert.ok(port);
                return [port.internal, port.external].map(
                    (backends) =>
                        backends.endpoints.map(({ address }) => address.split(".")[3]).join(" ") || backends.whenEmpty,
                );
            };
            assert.deepEqual(told("Cluster", "Cluster"), [cluster, cluster]);
            assert.deepEqual(told("Local", "Local"), [local, local]);
            assert.deepEqual(told("Cluster", "Local"), [cluster, local]);
        });
    }

    it("merges its slices, and has an endpoint of two of them once", () => {
        const slices = [
            slice([endpoint("10.1.2.4", HERE), endpoint("10.1.2.3", HERE)]),
            slice([endpoint("10.1.2.3", HERE), endpoint("10.1.2.5", HERE)]),
        ];
        assert.deepEqual(proxiedService(service({}), slices, HERE).ports[0]?.internal.endpoints, [
            { address: "10.1.2.3", port: 8080 },
            { address: "10.1.2.4", port: 8080 },
            { address: "10.1.2.5", port: 8080 },
        ]);
    });

    it("finds the port of each endpoint by the name and the protocol of the Service's port", () => {
        const ports = [
            { name: "dns", port: 53, protocol: "UDP" },
            { name: "dns-tcp", port: 53, protocol: "TCP" },
        ];
        const slices = [
            slice([endpoint("10.1.2.3", HERE)], {
                ports: [
                    { name: "dns", protocol: "UDP", port: 1053 },
                    { name: "dns-tcp", protocol: "TCP", port: 2053 },
                ],
            }),
            slice([endpoint("10.1.2.4", HERE)], { ports: [{ name: "dns", protocol: "UDP", port: 3053 }] }),
        ];
        const served = proxiedService(service({ ports }), slices, HERE).ports;
        assert.deepEqual(
            served.map(({ name, protocol, internal }) => [name, protocol, ...internal.endpoints]),
            [
                ["dns-tcp", "TCP", { address: "10.1.2.3", port: 2053 }],
                ["dns", "UDP", { address: "10.1.2.3", port: 1053 }, { address: "10.1.2.4", port: 3053 }],
            ],
        );
    });

    it("is served in each of its families by the endpoints of that family", () => {
        const slices = [
            slice([endpoint("10.1.2.3", HERE)]),
            slice([endpoint("fd00::3", HERE)], { addressType: "IPv6" }),
        ];
        const { ports } = proxiedService(service({ clusterIPs: ["10.96.0.10", "fd96::a"] }), slices, HERE);
        assert.deepEqual(
            ports.map(({ family, clusterIP, internal }) => [family, clusterIP, internal.endpoints[0]?.address]),
            [
                [4, "10.96.0.10", "10.1.2.3"],
                [6, "fd96::a", "fd00::3"],
            ],
        );
    });

    for (const [what, spec] of [
        ["headless", { clusterIPs: ["None"], clusterIP: "None" }],
        ["of type ExternalName", { type: "ExternalName", clusterIPs: [] }],
    ] as const) {
        it(`has no ports where it is ${what}`, () => {
            assert.deepEqual(proxiedService(service(spec), [slice([endpoint("10.1.2.3", HERE)])], HERE).ports, []);
        });
    }

    it("on a secondary network has the endpoint controller's slices alone", () => {
        const slices = [
            slice([endpoint("10.244.0.9", HERE)], {
                metadata: { name: "core", labels: { [SLICE_LABEL.managedBy]: "endpointslice-controller.k8s.io" } },
            }),
            slice([endpoint("192.168.7.9", HERE)], {
                metadata: {
                    name: "own",
                    labels: { [SLICE_LABEL.managedBy]: SLICE_MANAGER },
                    annotations: { [SLICE_ANNOTATION.subnets]: "192.168.7.0/24, fd00:7::/64" },
                },
            }),
        ];
        const [port] = proxiedService(service({}, { [SERVICE_ANNOTATION.network]: "shop/lan" }), slices, HERE).ports;
        assert.deepEqual(port?.internal.endpoints, [{ address: "192.168.7.9", port: 8080 }]);
        assert.deepEqual(port.subnets, ["192.168.7.0/24"]);
    });

    it("has the affinity, the node ports, and the addresses from outside that it declares", () => {
        const object = {
            ...service({
                type: "LoadBalancer",
                sessionAffinity: "ClientIP",
                sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
                externalIPs: ["203.0.113.9", "2001:db8::9"],
                ports: [{ port: 80, nodePort: 30080 }],
            }),
            status: {
                loadBalancer: {
                    ingress: [{ ip: "203.0.113.5", ipMode: "VIP" }, { ip: "203.0.113.6", ipMode: "Proxy" }, {}],
                },
            },
        };
        const [port] = proxiedService(object, [], HERE).ports;
        assert.deepEqual(port?.externalIPs, ["203.0.113.5", "203.0.113.9"]);
        assert.equal(port.affinitySeconds, 60);
        assert.equal(port.nodePort, 30_080);
        const [without] = proxiedService(service({ sessionAffinity: "ClientIP" }), [], HERE).ports;
        assert.equal(without?.affinitySeconds, 3 * 60 * 60);
    });

    it("does what its annotations say", () => {
        const [port] = proxiedService(
            service(
                { ports: [{ name: "http", port: 80 }], loadBalancerSourceRanges: ["192.0.2.0/24"] },
                {
                    [SERVICE_ANNOTATION.scheduler]: "RoundRobin",
                    [SERVICE_ANNOTATION.masquerade]: "SameSubnet",
                    [SERVICE_ANNOTATION.hostPorts]: "http=8080",
                    [SERVICE_ANNOTATION.sourceRanges]: "198.51.100.0/24,2001:db8::/32,10.0.0.0/8",
                },
            ),
            [],
            HERE,
        ).ports;
        assert.ok(port);
        assert.equal(port.scheduler, "RoundRobin");
        assert.equal(port.masquerade, "SameSubnet");
        assert.equal(port.hostPort, 8080);
        assert.deepEqual(port.sourceRanges, ["10.0.0.0/8", "198.51.100.0/24"]);
    });

    it("lets in nobody where none of its source ranges is one, and says so", () => {
        const { ports, problems } = proxiedService(
            service({}, { [SERVICE_ANNOTATION.sourceRanges]: "10.0.0.1/8" }),
            [],
            HERE,
        );
        assert.deepEqual(ports[0]?.sourceRanges, []);
        assert.equal(problems.length, 1);
        assert.match(problems[0] ?? "", /^Service shop\/web has vm\.novasphere\.dev\/source-ranges 10\.0\.0\.1\/8: /);
    });

    it("lets in nobody where its source ranges are an empty list, though the load balancer's are not", () => {
        for (const ranges of ["", " , "]) {
            const { ports, problems } = proxiedService(
                service({ loadBalancerSourceRanges: ["192.0.2.0/24"] }, { [SERVICE_ANNOTATION.sourceRanges]: ranges }),
                [],
                HERE,
            );
            assert.deepEqual(ports[0]?.sourceRanges, []);
            assert.equal(problems.length, 1);
        }
    });

    it("takes no port of the nodes that the administrator keeps", () => {
        const told = (hostPort: number, allowed?: PortRanges): (number | undefined)[] => {
            const annotations = { [SERVICE_ANNOTATION.hostPorts]: `80=${hostPort}` };
            const { ports, problems } = proxiedService(service({}, annotations), [], HERE, allowed);
            return [ports[0]?.hostPort, problems.length];
        };
        // SSH, etcd, the API server, kubelet, and a NodePort.
        for (const kept of [22, 2379, 2380, 6443, 10_250, 10_259, 30_000, 32_767]) {
            assert.deepEqual(told(kept), [undefined, 1], String(kept));
        }
        assert.deepEqual(told(2222), [2222, 0]);
        assert.deepEqual(told(22, parsePortRanges("22,80-90")), [22, 0]);
        assert.deepEqual(told(2222, parsePortRanges("22,80-90")), [undefined, 1]);
        for (const text of ["0", "80-79", "65536", "x", "80-"]) {
            assert.equal(parsePortRanges(text), undefined, text);
        }
    });

    it("has the addresses of endpoints as they are written everywhere, and none that is no address", () => {
        const slices = [
            slice([endpoint("FD00:0::0003", HERE), endpoint("fd00::3", HERE), endpoint("fd00::00:zz", HERE)], {
                addressType: "IPv6",
            }),
        ];
        const { ports, problems } = proxiedService(service({ clusterIPs: ["fd96::a"] }), slices, HERE);
        assert.deepEqual(ports[0]?.internal.endpoints, [{ address: "fd00::3", port: 8080 }]);
        assert.equal(problems.length, 1);
        const octal = proxiedService(service({}), [slice([endpoint("010.1.2.3", HERE)])], HERE);
        assert.deepEqual(octal.ports[0]?.internal.endpoints, []);
    });

    it("says which of its annotations have no effect", () => {
        const { ports, problems } = proxiedService(
            service(
                { ports: [{ port: 80 }] },
                {
                    [SERVICE_ANNOTATION.scheduler]: "roundrobin",
                    [SERVICE_ANNOTATION.hostPorts]: "80=8080,81=8081,80=99999",
                },
            ),
            [],
            HERE,
        );
        assert.equal(ports[0]?.scheduler, "Random");
        assert.equal(ports[0].hostPort, 8080);
        assert.deepEqual(
            problems.map((sentence) => /(scheduler|host-ports) \S+:/.exec(sentence)?.[0]),
            ["scheduler roundrobin:", "host-ports 80=99999:", "host-ports 81=8081:"],
        );
    });

    it("tells a load balancer how many endpoints the node has", () => {
        const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30_999 };
        const slices = [
            slice([endpoint("10.1.2.3", HERE), endpoint("10.1.2.4", HERE, UNREADY), endpoint("10.1.2.5", THERE)]),
        ];
        assert.deepEqual(proxiedService(service(spec), slices, HERE).healthCheck, { port: 30_999, localEndpoints: 1 });
        const cluster = { ...spec, externalTrafficPolicy: "Cluster" };
        assert.equal(proxiedService(service(cluster), slices, HERE).healthCheck, undefined);
    });
});
