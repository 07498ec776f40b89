import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { ServiceExposure, VirtualMachine, type NicExposureArgs, type ServiceExposureArgs } from "../../index";
import { done, orUndefined, seen, until } from "../support/embedded-cluster";
import { assertSays } from "../support/refusal";
import type { Run } from "../support/stack";
import { useStack } from "../support/use-stack";

/** A field of an object, whatever it is. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = any;

describe("Services of VMs on the pod network", () => {
    const suite = useStack("services");
    const { namespace } = suite;

    /** A VM whose guest runs, with an exposed pod NIC. */
    function machine(name: string, serviceExposure?: NicExposureArgs, labels: Record<string, string> = {}) {
        return new VirtualMachine(name, {
            ...{ namespace: namespace.name, cpu: 1, memory: "64Mi", labels },
            networks: [{ name: "eth0", type: "pod", ...(serviceExposure && { serviceExposure }) }],
        });
    }

    /** The VM web with an exposure, and further exposures of it. */
    function program(
        exposure: NicExposureArgs | undefined,
        further: Record<string, Partial<ServiceExposureArgs>> = {},
    ) {
        return async () => {
            const web = machine("web", exposure);
            for (const [name, args] of Object.entries(further)) {
                new ServiceExposure(name, { virtualMachines: [web], ports: [{ port: 80 }], ...args });
            }
            return Promise.resolve({ endpoints: web.endpoints });
        };
    }

    async function service(name: string): Promise<Loose> {
        return orUndefined(namespace.clients.core.readNamespacedService({ namespace: namespace.name, name }));
    }

    function networking(): k8s.NetworkingV1Api {
        return namespace.clients.config.makeApiClient(k8s.NetworkingV1Api);
    }

    function changes(run: Run): string[] {
        return run.steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`);
    }

    const FURTHER: Record<string, Partial<ServiceExposureArgs>> = {
        headless: { clusterIP: "None" },
        balanced: {
            ...{ type: "LoadBalancer", loadBalancerIP: "198.51.100.7", loadBalancerProvider: "metallb" },
            ...{ sourceRanges: ["192.0.2.0/24"], externalTrafficPolicy: "Local" },
        },
        site: { ingress: { host: "shop.example.com", path: "/cart", tls: { secretName: "shop-tls" } } },
        limited: { type: "NodePort", ports: [{ port: 80, targetPort: 8080 }], sourceRanges: ["192.0.2.0/24"] },
    };
    const NODE_PORT: NicExposureArgs = {
        ...{ type: "NodePort", sessionAffinity: "ClientIP", sessionAffinityTimeoutSeconds: 600 },
        ports: [
            { name: "http", port: 80, targetPort: 8080 },
            { name: "rtp", protocol: "UDP", port: "5000-5001" },
        ],
    };

    it("are made of all kinds, and traffic flows when the update has ended", async () => {
        const { outputs } = await suite.stack.up(program(NODE_PORT, FURTHER));
        const { spec } = await service("web-vm-nodeport");
        assert.deepEqual(
            spec.ports.map(({ name, protocol, port, targetPort }: Loose) => [name, protocol, port, targetPort]),
            [
                ["http", "TCP", 80, 8080],
                ["rtp-5000", "UDP", 5000, 5000],
                ["rtp-5001", "UDP", 5001, 5001],
            ],
        );
        assert.equal(spec.sessionAffinityConfig.clientIP.timeoutSeconds, 600);
        const pods = await namespace.clients.core.listNamespacedPod({ namespace: namespace.name });
        const address = pods.items[0]?.status?.podIP ?? "";
        const expected = [5000, 5001, 8080].map((port) => `${address}:${port}`);
        assert.deepEqual(outputs.endpoints, { "web-vm-nodeport": expected });
    });

    it("have the addresses, limits and policies that are declared", async () => {
        assert.equal((await service("headless-service")).spec.clusterIP, "None");
        const balanced = await service("balanced-service");
        assert.equal(balanced.metadata.annotations["metallb.io/loadBalancerIPs"], "198.51.100.7");
        assert.deepEqual(balanced.spec.loadBalancerSourceRanges, ["192.0.2.0/24"]);
        assert.equal(balanced.spec.externalTrafficPolicy, "Local");
        const where = { namespace: namespace.name };
        const ingress = await networking().readNamespacedIngress({ ...where, name: "site-service" });
        assert.equal(ingress.spec?.rules?.[0]?.http?.paths[0]?.backend.service?.name, "site-service");
        assert.equal(ingress.spec.tls?.[0]?.secretName, "shop-tls");
        const policy = await networking().readNamespacedNetworkPolicy({ ...where, name: "limited-nodeport" });
        assert.deepEqual(policy.spec?.podSelector?.matchLabels, { "kubevirt.io/vm": "web-vm" });
        assert.deepEqual(policy.spec.ingress?.[0]?._from?.[0]?.ipBlock?.cidr, "192.0.2.0/24");
        assert.deepEqual(
            policy.spec.ingress.flatMap(({ ports = [] }) =>
                ports.map(({ protocol, port, endPort }) => [protocol, port, endPort]),
            ),
            [
                ["TCP", 8080, undefined],
                ["TCP", 1, 8079],
                ["TCP", 8081, 65_535],
                ["UDP", undefined, undefined],
                ["SCTP", undefined, undefined],
            ],
        );
    });

    it("change nothing where the program has not changed, also once a load balancer has given an address", async () => {
        const patch = [{ op: "add", path: "/status/loadBalancer", value: { ingress: [{ ip: "198.51.100.7" }] } }];
        await namespace.clients.core.patchNamespacedServiceStatus(
            { namespace: namespace.name, name: "balanced-service", body: patch },
            k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
        );
        assert.deepEqual(changes(await suite.stack.up(program(NODE_PORT, FURTHER))), []);
        await suite.stack.refresh();
        assert.deepEqual(changes(await suite.stack.up(program(NODE_PORT, FURTHER))), [], "nor after a refresh");
    });

    it("get other ports in place, and keep the address they have", async () => {
        const before = await service("web-vm-nodeport");
        const { outputs } = await suite.stack.up(program({ ...NODE_PORT, ports: [{ port: 22, targetPort: 2222 }] }));
        const after = await service("web-vm-nodeport");
        assert.equal(after.metadata.uid, before.metadata.uid);
        assert.equal(after.spec.clusterIP, before.spec.clusterIP);
        assert.match(String((outputs.endpoints as Record<string, string[]>)["web-vm-nodeport"]), /^[\d.]+:2222$/);
        for (const name of ["headless-service", "balanced-service", "site-service", "limited-nodeport"]) {
            assert.equal(await service(name), undefined, name);
        }
    });

    it("stay where a program comes to give the name that they have anyway, and no longer does", async () => {
        await suite.stack.up(program(NODE_PORT, FURTHER));
        const { metadata } = await service("headless-service");
        for (const serviceName of ["headless-service", undefined]) {
            const pinned = { ...FURTHER, headless: { ...FURTHER["headless"], ...(serviceName && { serviceName }) } };
            const run = await suite.stack.up(program(NODE_PORT, pinned));
            assert.deepEqual(changes(run), []);
            assert.equal((await service("headless-service"))?.metadata.uid, metadata.uid);
        }
    });

    it("go where enabled is false", async () => {
        await suite.stack.up(program({ enabled: false, ports: [{ port: 22 }] }));
        assert.deepEqual(
            Object.keys(await suite.view.written()).filter((key) => /^(Service|Ingress|NetworkPolicy) /.test(key)),
            [],
        );
    });

    it("have several VMs behind them by the label that these share", async () => {
        const inFront = (...names: string[]) => {
            return async () => {
                const vms = names.map((name) => machine(name, undefined, { tier: "front" }));
                new ServiceExposure("front", { virtualMachines: vms, ports: [{ port: 80 }] });
                return Promise.resolve();
            };
        };
        // KubeVirt gives the labels of a template to an instance as it starts.
        const { text } = await suite.stack.preview(inFront("web", "one"));
        assertSays(text, 'ServiceExposure "front"', `${namespace.name}/web-vm`, "runs without tier=front", "restart");
        await suite.stack.up(inFront("one", "two"));
        const slices = namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);
        await until("both VMs to be endpoints", async () => {
            const { items } = await slices.listNamespacedEndpointSlice({
                namespace: namespace.name,
                labelSelector: "kubernetes.io/service-name=front-service",
            });
            const ready = items.flatMap(({ endpoints = [] }) =>
                endpoints.map(({ targetRef }) => targetRef?.name ?? ""),
            );
            const vms = new Set(ready.map((pod) => /^virt-launcher-(\w+-vm)-/.exec(pod)?.[1]));
            return vms.size === 2 && vms.has("one-vm") && vms.has("two-vm") ? done(true) : seen(ready);
        });
        // The one that goes has the labels still, when the preview looks.
        const { text: said } = await suite.stack.preview(inFront("one", "three"));
        assertSays(said, 'ServiceExposure "front"', `VM ${namespace.name}/two-vm as well`);
    });

    it("go with a VM that is deleted by hand, where they are its own, and come and go with the stack then", async () => {
        await suite.stack.up(program({ ports: [{ port: 80 }], ownedByVirtualMachine: true }));
        const owner = (await service("web-vm-service")).metadata.ownerReferences[0];
        assert.equal(owner.uid, (await suite.view.vm("web-vm")).metadata?.uid);
        const deleteByHand = async (): Promise<void> => {
            await namespace.clients.custom.deleteNamespacedCustomObject({
                ...{ group: "kubevirt.io", version: "v1", plural: "virtualmachines" },
                ...{ namespace: namespace.name, name: "web-vm" },
            });
            await until("the Service to be collected", async () => {
                const found: unknown = await service("web-vm-service");
                return found === undefined ? done(true) : seen(found);
            });
        };
        await deleteByHand();
        await suite.stack.refresh();
        await suite.stack.up(program({ ports: [{ port: 80 }], ownedByVirtualMachine: true }));
        const again = (await service("web-vm-service")).metadata.ownerReferences[0];
        assert.equal(again.uid, (await suite.view.vm("web-vm")).metadata?.uid);
        assert.notEqual(again.uid, owner.uid);
        await deleteByHand();
        await suite.stack.destroy();
        assert.deepEqual(Object.keys(await suite.view.written()), []);
    });
});
