import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { ServiceExposure, type ServiceExposureArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, virtualMachine } from "./deploy";

const PORTS = [{ port: 80 }];

describe("ServiceExposure", () => {
    it("finds the pods of the VM by kubevirt.io/vm, in the VM's namespace", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    virtualMachines: [virtualMachine({ namespace: "shop" })],
                    ports: PORTS,
                }),
        );
        const { inputs } = find(registered, "Service", "front-service");
        assert.equal(inputs.metadata.namespace, "shop");
        assert.deepEqual(inputs.spec, {
            type: "ClusterIP",
            selector: { "kubevirt.io/vm": "web-vm" },
            ports: [{ protocol: "TCP", port: 80, targetPort: 80 }],
        });
    });

    it("hands on ports, node ports and session affinity", async () => {
        const port = { name: "dns", protocol: "UDP", port: 53, targetPort: 5353, nodePort: 30053 } as const;
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{
                        virtualMachines: [virtualMachine()],
                        type: "NodePort",
                        ports: [port],
                        sessionAffinity: "ClientIP",
                    },
                }),
        );
        const { spec } = find(registered, "Service", "front-nodeport").inputs;
        assert.deepEqual(spec.ports, [port]);
        assert.equal(spec.sessionAffinity, "ClientIP");
    });

    it("waits for a ready endpoint once the Service is there and the VM is on", async () => {
        const { registered } = await deploy(
            () => new ServiceExposure("front", { virtualMachines: [virtualMachine()], ports: PORTS }),
        );
        const { inputs, dependencies } = find(registered, "ServiceEndpoints", "front-service-endpoints");
        assert.deepEqual(dependencies, ["front-service", "web-vm-power"]);
        assert.deepEqual([inputs.expected, inputs.timeoutSeconds], [true, 300]);
    });

    it("waits for nothing where the VM is left off", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    virtualMachines: [virtualMachine({ runStrategy: "Halted" })],
                    ports: PORTS,
                }),
        );
        assert.equal(find(registered, "ServiceEndpoints", "front-service-endpoints").inputs.expected, false);
    });

    it("takes the pods of several VMs by a selector, and waits for none of them", async () => {
        const { registered, value } = await deploy(
            () => new ServiceExposure("front", { selector: { tier: "front" }, namespace: "shop", ports: PORTS }),
        );
        assert.deepEqual(find(registered, "Service", "front-service").inputs.spec.selector, { tier: "front" });
        assert.deepEqual(namesOf(registered, "ServiceEndpoints"), []);
        assert.equal(value.endpoints, undefined);
    });

    it("finds several VMs by the labels that they share, and waits for an endpoint of any of them", async () => {
        const { registered } = await deploy(() => {
            const labels = { tier: "front" };
            const [on, off] = [
                virtualMachine({ labels }),
                virtualMachine({ labels, runStrategy: "Halted" }, {}, "spare"),
            ];
            new ServiceExposure("front", { virtualMachines: [on, off], ports: PORTS });
        });
        assert.deepEqual(find(registered, "Service", "front-service").inputs.spec.selector, { tier: "front" });
        const { inputs, dependencies } = find(registered, "ServiceEndpoints", "front-service-endpoints");
        assert.equal(inputs.expected, true);
        assert.deepEqual(dependencies, ["front-service", "spare-vm-power", "web-vm-power"]);
    });

    it("refuses several VMs that share no label, with what to add", async () => {
        const { error, registered } = await refusalOf(() => {
            const vms = [virtualMachine(), virtualMachine({}, {}, "spare")];
            new ServiceExposure("front", { virtualMachines: vms, ports: PORTS });
        });
        assert.match(
            error.message,
            /virtualMachines .*web-vm, spare-vm have none in common; give each of them the same label/,
        );
        assert.deepEqual(namesOf(registered, "Service"), []);
    });

    it("asks a load balancer for an address by its annotation, once the address is known", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{ selector: { a: "b" }, ports: PORTS, type: "LoadBalancer", sourceRanges: ["192.0.2.0/24"] },
                    loadBalancerIP: pulumi.output("198.51.100.7"),
                    loadBalancerProvider: "calico",
                }),
        );
        const { metadata, spec } = find(registered, "Service", "front-service").inputs;
        assert.equal(metadata.annotations["projectcalico.org/loadBalancerIPs"], '["198.51.100.7"]');
        assert.equal(spec.loadBalancerIP, undefined);
        assert.deepEqual(spec.loadBalancerSourceRanges, ["192.0.2.0/24"]);
        assert.deepEqual(namesOf(registered, "NetworkPolicy"), []);
    });

    it("makes a NetworkPolicy of source ranges on the pods of its selector, and keeps clients' addresses", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{ selector: { tier: "front" }, namespace: "shop", type: "NodePort" },
                    ...{ ports: [{ port: 80, targetPort: 8080 }], sourceRanges: ["192.0.2.0/24"] },
                }),
        );
        assert.equal(find(registered, "Service", "front-nodeport").inputs.spec.externalTrafficPolicy, "Local");
        const { metadata, spec } = find(registered, "NetworkPolicy", "front-nodeport").inputs;
        assert.equal(metadata.namespace, "shop");
        assert.deepEqual(spec.podSelector, { matchLabels: { tier: "front" } });
        assert.deepEqual(spec.policyTypes, ["Ingress"]);
        assert.deepEqual(spec.ingress[0], {
            from: [{ ipBlock: { cidr: "192.0.2.0/24" } }],
            ports: [{ protocol: "TCP", port: 8080 }],
        });
    });

    it("puts an Ingress in front of a ClusterIP Service, which nobody waits for", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{ selector: { a: "b" }, ports: [{ name: "http", port: 80 }] },
                    ingress: {
                        ...{ host: "shop.example.com", path: "/cart", tls: { secretName: "shop-tls" } },
                        ...{ ingressClassName: "nginx", annotations: { "example.com/limit": "1" } },
                    },
                }),
        );
        const { metadata, spec } = find(registered, "Ingress", "front-service").inputs;
        assert.equal(metadata.annotations["pulumi.com/skipAwait"], "true");
        assert.equal(metadata.annotations["example.com/limit"], "1");
        const backend = { service: { name: "front-service", port: { name: "http" } } };
        assert.deepEqual(spec, {
            ingressClassName: "nginx",
            tls: [{ hosts: ["shop.example.com"], secretName: "shop-tls" }],
            rules: [{ host: "shop.example.com", http: { paths: [{ path: "/cart", pathType: "Prefix", backend }] } }],
        });
    });

    it("names its VM as owner, but not in a preview that does not know the VM's uid", async () => {
        const program = () =>
            new ServiceExposure("front", {
                ...{ virtualMachines: [virtualMachine()], ports: PORTS, ownedByVirtualMachine: true },
            });
        const known = await deploy(program, { outputs: { "web-vm": { metadata: { uid: "u1" } } } });
        assert.deepEqual(find(known.registered, "Service", "front-service").inputs.metadata.ownerReferences, [
            {
                ...{ apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", name: "web-vm", uid: "u1" },
                blockOwnerDeletion: true,
            },
        ]);
        const absent = await deploy(program, { preview: true, outputs: { "web-vm": { metadata: {} } } });
        assert.equal(find(absent.registered, "Service", "front-service").inputs.metadata.ownerReferences, undefined);
    });

    it("leaves a secondary network to the node agent: no selector, but what its controller and agent read", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{ selector: { tier: "front", app: pulumi.output("shop") }, network: pulumi.output("net/lan") },
                    ...{ type: "NodePort", scheduler: "RoundRobin", masquerade: "SameSubnet" },
                    ports: [
                        { name: "web", port: 80, hostPort: 8080 },
                        { name: "dns", port: 53, protocol: "UDP", hostPort: 53 },
                    ],
                    sourceRanges: ["192.0.2.0/24", "198.51.100.0/24"],
                }),
        );
        const { metadata, spec } = find(registered, "Service", "front-nodeport").inputs;
        assert.deepEqual(metadata.labels, { "service.kubernetes.io/service-proxy-name": "wukong" });
        const {
            "vm.novasphere.dev/managed-by": _manager,
            "pulumi.com/skipAwait": _skip,
            ...ours
        } = metadata.annotations;
        assert.deepEqual(ours, {
            "vm.novasphere.dev/network": "net/lan",
            "vm.novasphere.dev/vm-selector": "tier=front,app=shop",
            "vm.novasphere.dev/scheduler": "RoundRobin",
            "vm.novasphere.dev/masquerade": "SameSubnet",
            "vm.novasphere.dev/host-ports": "web=8080,dns=53",
            "vm.novasphere.dev/source-ranges": "192.0.2.0/24,198.51.100.0/24",
        });
        assert.equal(spec.selector, undefined);
        assert.deepEqual(
            spec.ports.map((port: object) => "hostPort" in port),
            [false, false],
        );
        assert.deepEqual(namesOf(registered, "NetworkPolicy"), []);
    });

    it("leaves a secondary network to kube-proxy where nodes route to it", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{
                        selector: { a: "b" },
                        namespace: "net",
                        network: "lan",
                        ports: PORTS,
                        dataplane: "kube-proxy",
                    },
                }),
        );
        const { metadata, spec } = find(registered, "Service", "front-service").inputs;
        assert.equal(metadata.labels, undefined);
        assert.equal(metadata.annotations["vm.novasphere.dev/network"], "net/lan");
        assert.equal(spec.selector, undefined);
    });

    for (const [what, args, expected] of [
        [
            "an owner among several VMs",
            { selector: { a: "b" }, ports: PORTS, ownedByVirtualMachine: true },
            /ownedByVirtualMachine .*one VM/,
        ],
        ["no target", { ports: PORTS }, /virtualMachines .*refused: a Service has one set of VMs/],
        ["no port", { selector: { a: "b" }, ports: [] }, /ports .*at least one port/],
        ["a port beyond 65535", { selector: { a: "b" }, ports: [{ port: 65536 }] }, /ports\[0\]\.port .*65536.*65535/],
        ["two ports without names", { selector: { a: "b" }, ports: [{ port: 1 }, { port: 2 }] }, /ports\[0\]\.name/],
        [
            "a node port of a ClusterIP Service",
            { selector: { a: "b" }, ports: [{ port: 80, nodePort: 30080 }] },
            /ports\[0\]\.nodePort .*30080.*NodePort/,
        ],
    ] as [string, ServiceExposureArgs, RegExp][]) {
        it(`refuses ${what} before it makes anything`, async () => {
            const { error, registered } = await refusalOf(() => new ServiceExposure("front", args));
            assert.match(error.message, /^ServiceExposure front /);
            assert.match(error.message, expected);
            assert.deepEqual(namesOf(registered, "Service"), []);
        });
    }
});
