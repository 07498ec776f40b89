import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as k8s from "@kubernetes/client-node";
import {
    ServiceExposure,
    VirtualMachine,
    type NetworkInterfaceArgs,
    type NicExposureArgs,
    type ServiceExposureArgs,
} from "../../index";
import { accountKubeconfig } from "../support/account";
import { done, seen, until } from "../support/embedded-cluster";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("a preview of Services", () => {
    const suite = useStack("collisions", {
        handmade: ["Service holder", "Service front-service", "NetworkPolicy closed", "VirtualMachine stray"],
    });
    const { namespace } = suite;
    /** Of the upper half of the range, from which the API server chooses last. */
    let nodePort: number;
    let clusterIP: string;

    before("make a Service by hand", async () => {
        const { core } = namespace.clients;
        const holder = await core.createNamespacedService({
            namespace: namespace.name,
            body: { metadata: { name: "holder" }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } },
        });
        nodePort = holder.spec?.ports?.[0]?.nodePort ?? 0;
        clusterIP = holder.spec?.clusterIP ?? "";
        await core.patchNamespacedServiceStatus(
            {
                ...{ namespace: namespace.name, name: "holder" },
                body: [{ op: "add", path: "/status/loadBalancer", value: { ingress: [{ ip: "198.51.100.9" }] } }],
            },
            k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
        );
    });

    function exposures(args: Record<string, Partial<ServiceExposureArgs>>) {
        return async () => {
            for (const [name, each] of Object.entries(args)) {
                const target = { selector: { tier: name }, namespace: namespace.name };
                new ServiceExposure(name, { ...target, ports: [{ port: 80 }], ...each });
            }
            return Promise.resolve();
        };
    }

    function vm(...networks: NetworkInterfaceArgs[]) {
        return async () => {
            new VirtualMachine("web", {
                ...{ namespace: namespace.name, cpu: 1, memory: "64Mi", runStrategy: "Halted" },
                networks,
            });
            return Promise.resolve();
        };
    }

    async function refusal(program: () => Promise<void>): Promise<string> {
        const before = await suite.view.everything();
        const text = await refusalOf(suite.stack.preview(program));
        assert.deepEqual(await suite.view.everything(), before, "nothing is written");
        return text;
    }

    it("tells who in the cluster has a nodePort, and which NIC wants it", async () => {
        const serviceExposure: NicExposureArgs = { type: "NodePort", ports: [{ port: 22, nodePort }] };
        const text = await refusal(vm({ name: "eth0", type: "pod", serviceExposure }));
        const nic = `NIC "eth0" of VM "${namespace.name}/web-vm"`;
        const holder = `held by Service ${namespace.name}/holder`;
        assertSays(text, nic, `serviceExposure.ports[0].nodePort ${nodePort}`, holder, "choose another");
        const mapped = vm({ name: "eth0", type: "pod", portMappings: [{ containerPort: 22, hostPort: nodePort }] });
        assertSays(await refusal(mapped), nic, "portMappings", String(nodePort), holder);
    });

    it("tells which exposure of the program has a nodePort, a host port, or a name", async () => {
        const free: Partial<ServiceExposureArgs> = { type: "NodePort", ports: [{ port: 80, nodePort: 32_701 }] };
        const twice = await refusal(exposures({ one: free, two: free }));
        assertSays(
            twice,
            /ServiceExposure "(one|two)": ports\[0\]\.nodePort 32701/,
            /ServiceExposure "(one|two)" in this program/,
        );
        const host = { network: `${namespace.name}/lan`, ports: [{ port: 80, hostPort: 8080 }] };
        assertSays(await refusal(exposures({ one: host, two: host })), "hostPort 8080", "in this program");
        const named = await refusal(exposures({ one: { serviceName: "same" }, two: { serviceName: "same" } }));
        assertSays(named, `serviceName "${namespace.name}/same"`, "a name of its own", "in this program");
    });

    it("lets TCP and UDP have the same nodePort", async () => {
        await suite.stack.preview(
            exposures({
                one: { type: "NodePort", ports: [{ port: 80, nodePort: 32_702 }] },
                two: { type: "NodePort", ports: [{ port: 80, protocol: "UDP", nodePort: 32_702 }] },
            }),
        );
    });

    it("tells who has a clusterIP, also where it is no Service of the namespace, and which are the cluster's", async () => {
        const text = await refusal(exposures({ front: { clusterIP } }));
        assertSays(text, 'ServiceExposure "front"', `clusterIP "${clusterIP}"`, `Service ${namespace.name}/holder`);
        const elsewhere = await refusal(exposures({ front: { clusterIP: "10.96.0.1" } }));
        assertSays(elsewhere, 'clusterIP "10.96.0.1"', "held by Service default/kubernetes");
        const outside = await refusal(exposures({ front: { clusterIP: "203.0.113.4" } }));
        assertSays(outside, 'clusterIP "203.0.113.4"', "10.96.0.0/16", "choose one of these");
    });

    it("tells who has an IPAddress without being a Service", async () => {
        const address = "10.96.255.77";
        const { custom } = namespace.clients;
        const kind = { group: "networking.k8s.io", version: "v1", plural: "ipaddresses" };
        await custom.createClusterCustomObject({
            ...kind,
            body: {
                apiVersion: "networking.k8s.io/v1",
                kind: "IPAddress",
                metadata: {
                    name: address,
                    labels: {
                        "ipaddress.kubernetes.io/managed-by": "somebody",
                        "ipaddress.kubernetes.io/ip-family": "IPv4",
                    },
                },
                spec: { parentRef: { group: "example.com", resource: "leases", name: "router" } },
            },
        });
        try {
            const text = await refusal(exposures({ front: { clusterIP: address } }));
            assertSays(text, `clusterIP "${address}"`, `held by IPAddress ${address} (leases router)`);
        } finally {
            await custom.deleteClusterCustomObject({ ...kind, name: address });
        }
    });

    it("tells who has the address of a load balancer", async () => {
        const args = { type: "LoadBalancer", loadBalancerIP: "198.51.100.9" } as const;
        const text = await refusal(exposures({ front: args }));
        assertSays(text, 'loadBalancerIP "198.51.100.9"', `held by Service ${namespace.name}/holder`, "sharing key");
    });

    it("tells of a Service of that name which another one made", async () => {
        await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: { metadata: { name: "front-service" }, spec: { ports: [{ port: 80 }] } },
        });
        const text = await refusal(exposures({ front: {} }));
        assertSays(text, `serviceName "${namespace.name}/front-service"`, "of that name already", "made by hand");
    });

    it("tells that two NetworkPolicies would open each other's ports, and warns of somebody else's", async () => {
        const limited: Partial<ServiceExposureArgs> = {
            ...{ type: "NodePort", sourceRanges: ["192.0.2.0/24"], selector: { tier: "db" } },
        };
        const twice = await refusal(exposures({ one: limited, two: limited }));
        assertSays(twice, "sourceRanges", "NetworkPolicies add up", `held by Service ${namespace.name}/`);
        const within = { ...limited, selector: { tier: "db", zone: "1" } };
        assertSays(await refusal(exposures({ one: limited, two: within })), "sourceRanges", "add up");
        await suite.stack.preview(exposures({ one: limited, two: { ...limited, selector: { tier: "web" } } }));
        const body = { metadata: { name: "closed" }, spec: { podSelector: {}, policyTypes: ["Ingress"] } };
        const networking = namespace.clients.config.makeApiClient(k8s.NetworkingV1Api);
        await networking.createNamespacedNetworkPolicy({ namespace: namespace.name, body });
        const { text } = await suite.stack.preview(exposures({ one: limited }));
        assertSays(text, "sourceRanges is doubtful", `NetworkPolicy ${namespace.name}/closed`, "opens all other ports");
    });

    const STRAY = {
        metadata: { labels: { tier: "front", "kubevirt.io/vm": "stray" } },
        spec: { domain: { devices: {}, memory: { guest: "64Mi" } } },
    };
    const MAC = "02:00:5e:00:53:01";

    it("tells of other VMs that have the labels by which several are found", async () => {
        const nic = { name: "eth0", masquerade: {}, model: "virtio", macAddress: MAC, ports: [{ port: 443 }] };
        const spec = {
            domain: { ...STRAY.spec.domain, devices: { interfaces: [nic] } },
            networks: [{ name: "eth0", pod: {} }],
        };
        await namespace.clients.custom.createNamespacedCustomObject({
            ...{ group: "kubevirt.io", version: "v1", plural: "virtualmachines", namespace: namespace.name },
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachine",
                metadata: { name: "stray" },
                spec: { runStrategy: "Halted", template: { ...STRAY, spec } },
            },
        });
        await until("KubeVirt to have seen the VM", async () => {
            const { metadata } = await suite.view.vm("stray");
            return metadata?.finalizers ? done(true) : seen(metadata);
        });
        const text = await refusal(async () => {
            const vms = ["a", "b"].map(
                (name) =>
                    new VirtualMachine(name, {
                        ...{ namespace: namespace.name, cpu: 1, memory: "64Mi", runStrategy: "Halted" as const },
                        ...{ labels: { tier: "front" }, networks: [{ name: "eth0", type: "pod" as const }] },
                    }),
            );
            new ServiceExposure("both", { virtualMachines: vms, ports: [{ port: 80 }] });
            return Promise.resolve();
        });
        assertSays(text, 'ServiceExposure "both": virtualMachines', "tier=front", `VM ${namespace.name}/stray as well`);
    });

    it("tells of a port that the NIC of an adopted VM does not let through", async () => {
        const exposing = (targetPort: number) => async () => {
            new VirtualMachine("stray", {
                ...{ namespace: namespace.name, vmName: "stray", adopt: true, template: STRAY, runStrategy: "Halted" },
                networks: [
                    {
                        ...{ name: "eth0", type: "pod", macAddress: MAC },
                        serviceExposure: { ports: [{ port: 80, targetPort }] },
                    },
                ],
            });
            return Promise.resolve();
        };
        const text = await refusal(exposing(8080));
        const port = "serviceExposure.ports[0].targetPort 8080";
        assertSays(text, `NIC "eth0" of VM "${namespace.name}/stray"`, port, "TCP 443", "interfaces[].ports");
        await suite.stack.preview(exposing(443));
    });

    it("says what it has not looked at where the user may not look at other namespaces", async () => {
        const { objects } = namespace.clients;
        const metadata = { name: "limited", namespace: namespace.name };
        await objects.create({ apiVersion: "v1", kind: "ServiceAccount", metadata });
        await objects.create<k8s.V1Role>({
            ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata },
            rules: [{ apiGroups: [""], resources: ["services"], verbs: ["*"] }],
        });
        await objects.create<k8s.V1RoleBinding>({
            ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata },
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "limited" },
            subjects: [{ kind: "ServiceAccount", ...metadata }],
        });
        const folder = mkdtempSync(path.join(tmpdir(), "wukong-limited-"));
        const kubeconfig = path.join(folder, "kubeconfig");
        writeFileSync(kubeconfig, await accountKubeconfig(namespace.clients, namespace.name, "limited"));
        try {
            await suite.stack.become({ kubeconfig });
            const { text } = await suite.stack.preview(exposures({ near: { clusterIP: "10.96.255.79" } }));
            assertSays(text, "warning", "may not list services in all namespaces", "is not checked");
            assertSays(await refusal(exposures({ near: { clusterIP } })), `held by Service ${namespace.name}/holder`);
        } finally {
            await suite.stack.become("admin");
            rmSync(folder, { recursive: true });
        }
    });

    it("is quiet about what the Service holds itself, and the port is free once it is gone", async () => {
        const fixed: Partial<ServiceExposureArgs> = {
            type: "NodePort",
            ports: [{ name: "a", port: 80, nodePort: 32_703 }],
            clusterIP: "10.96.255.78",
        };
        const program = exposures({ mine: fixed });
        await suite.stack.up(program);
        const again = await suite.stack.up(program);
        assert.deepEqual(
            again.steps.filter(({ op }) => op !== "same").map(({ name }) => name),
            [],
        );
        await refusal(exposures({ mine: fixed, thief: fixed }));
        await suite.stack.destroy();
        await suite.stack.preview(exposures({ thief: fixed }));
    });
});
