import * as assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { after, before, describe, it } from "mocha";
import { ClusterClient } from "../../cluster/client";
import { type ForeignScope, readForeignUse } from "../../cluster/ipam/foreign-use";
import { addressConflicts, foreignHolders, type ForeignUse } from "../../core/conflicts";
import { CONFLICT_SOURCES, type ConflictSource } from "../../core/pool-conflicts";
import { testKubeconfig, type TestUser, useNamespace } from "../support/embedded-cluster";
import { makeWhereaboutsObject, useWhereaboutsKinds } from "../support/whereabouts";
import { Machines } from "./virtual-machines";
import { type Nic, podNic, status } from "./vm-objects";

// Addresses of Services, Nodes and Whereabouts are in use in every space: these are of a network that no other test uses.

const eth1: Nic = { name: "eth1", nad: "lan", macAddress: "02:00:00:00:71:01" };
const eth2: Nic = { name: "eth2", nad: "storage", macAddress: "02:00:00:00:71:02" };

describe("who uses addresses without a reservation", function () {
    this.timeout(60_000);
    const namespace = useNamespace("foreign");
    const machines = new Machines(namespace);

    before("make the networks", async () => {
        await machines.network("lan");
        await machines.network("storage");
    });

    function scope(networks: readonly string[], isOwn: ForeignScope["isOwn"] = () => false): ForeignScope {
        return { networks: new Set(networks.map((name) => `${namespace.name}/${name}`)), isOwn };
    }

    async function clientOf(user: TestUser, as?: string): Promise<ClusterClient> {
        const config = new k8s.KubeConfig();
        config.loadFromFile(await testKubeconfig(user));
        if (as !== undefined) {
            config.users = config.users.map((each) => ({ ...each, impersonateUser: as }));
        }
        return new ClusterClient(config);
    }

    async function useOf(source: ConflictSource, within = scope([])): Promise<ForeignUse> {
        const use = await readForeignUse(await clientOf("admin"), [source], within);
        assert.deepEqual(use.unreadable, []);
        return use;
    }

    /** Of the objects with this text in their holder's name, without the namespace that is new in each run. */
    function held(use: ForeignUse, part = `${namespace.name}/`): string[] {
        return use.addresses
            .filter(({ holder }) => holder.includes(part))
            .map(({ address, holder }) => `${address} ${holder.replaceAll(namespace.name, "ns")}`)
            .sort();
    }

    function refusal(use: ForeignUse, address: string): string {
        const problems = addressConflicts(foreignHolders(use), address, { field: "address" });
        return problems.map(({ rule }) => rule.replaceAll(namespace.name, "ns")).join();
    }

    describe("VMs", () => {
        const addresses = '{"eth1": ["100.113.0.5", "fd71::5"], "eth2": ["100.113.0.6"]}';

        before("start a VM", async () => {
            await machines.run("db", [podNic, eth1, eth2], { modes: { "guest-addresses": addresses } });
            await machines.untilVmi("db", "to report its addresses", (vmi) =>
                ["eth1", "eth2"].every((nic) => status(vmi, nic)?.ipAddress !== undefined),
            );
        });

        it("have the addresses that the VMI reports for NICs on the space's networks [case 53]", async () => {
            const use = await useOf("VirtualMachines", scope(["lan"]));
            assert.deepEqual(held(use), [
                "100.113.0.5 NIC eth1 of VMI ns/db (status)",
                "fd71::5 NIC eth1 of VMI ns/db (status)",
            ]);
            assert.equal(refusal(use, "100.113.0.5"), "the address is in use by NIC eth1 of VMI ns/db (status)");
            assert.equal(refusal(use, "FD71::0:5"), "the address is in use by NIC eth1 of VMI ns/db (status)");
            assert.deepEqual(
                addressConflicts(foreignHolders(use), "100.113.0.5", { field: "address" }, `${namespace.name}/db/eth1`),
                [],
            );
        });

        it("have none in a space of other networks, and none on the pod network [case 54]", async () => {
            assert.deepEqual(held(await useOf("VirtualMachines", scope(["storage"]))), [
                "100.113.0.6 NIC eth2 of VMI ns/db (status)",
            ]);
            assert.deepEqual(held(await useOf("VirtualMachines", scope([]))), []);
        });

        it("have no conflict with what their owner has reserved", async () => {
            const asked: string[] = [];
            const use = await useOf(
                "VirtualMachines",
                scope(["lan"], (...nicAddress) => {
                    asked.push(nicAddress.join(" "));
                    return nicAddress[3] === "fd71::5";
                }),
            );
            assert.deepEqual(held(use), ["100.113.0.5 NIC eth1 of VMI ns/db (status)"]);
            assert.deepEqual(asked.filter((each) => each.startsWith(`${namespace.name} `)).sort(), [
                `${namespace.name} db eth1 100.113.0.5`,
                `${namespace.name} db eth1 fd71::5`,
            ]);
        });

        // The case takes them for invisible; what a VM's own volumes say can be read.
        it("have the static addresses of their cloud-init network data, also before they start [case 60]", async () => {
            const version2 = `{version: 2, ethernets: {x: {match: {macaddress: "${eth1.macAddress}"}, addresses: [100.113.1.5/24]}}}`;
            const version1 = `{version: 1, config: [{type: physical, name: x, mac_address: "${eth1.macAddress}", subnets: [{type: static, address: 100.113.1.6/24}]}]}`;
            const openStack = {
                links: [{ id: "x", type: "phy", ethernet_mac_address: eth1.macAddress }],
                networks: [{ id: "n", link: "x", type: "ipv4", ip_address: "100.113.1.7", netmask: "255.255.255.0" }],
            };
            const volumes: Record<string, object> = {
                two: { cloudInitNoCloud: { networkData: version2 } },
                one: { cloudInitNoCloud: { networkDataBase64: Buffer.from(version1).toString("base64") } },
                drive: { cloudInitConfigDrive: { networkData: JSON.stringify(openStack) } },
                broken: { cloudInitNoCloud: { networkData: "{version: 2, ethernets: [" } },
                secret: { cloudInitNoCloud: { networkDataSecretRef: { name: "network" } } },
            };
            for (const [name, volume] of Object.entries(volumes)) {
                await machines.create(name, [podNic, eth1], {
                    runStrategy: "Halted",
                    volumes: [{ name: "cloudinit", ...volume }],
                });
            }
            const use = await useOf("VirtualMachines", scope(["lan"]));
            assert.deepEqual(held(use, `of VM ${namespace.name}/`), [
                "100.113.1.5 NIC eth1 of VM ns/two (cloud-init)",
                "100.113.1.6 NIC eth1 of VM ns/one (cloud-init)",
                "100.113.1.7 NIC eth1 of VM ns/drive (cloud-init)",
            ]);
            assert.deepEqual(held(await useOf("VirtualMachines", scope(["storage"])), `of VM ${namespace.name}/`), []);
        });

        it("are not seen with what was set inside the guest, where no agent reports it [case 60]", async () => {
            const modes = { "guest-agent": "off", "guest-addresses": '{"eth1": ["100.113.2.5"]}' };
            await machines.run("silent", [podNic, { ...eth1, macAddress: "02:00:00:00:71:03" }], { modes });
            const use = await useOf("VirtualMachines", scope(["lan"]));
            assert.deepEqual(held(use, `${namespace.name}/silent`), []);
        });
    });

    describe("Services", () => {
        it("have their cluster IPs, external IPs and load balancers' IPs [case 53]", async () => {
            const { core } = namespace.clients;
            const made = await core.createNamespacedService({
                namespace: namespace.name,
                body: {
                    metadata: { name: "web" },
                    // The API server still takes an address with leading zeros, which are decimals for it.
                    spec: { type: "LoadBalancer", ports: [{ port: 80 }], externalIPs: ["100.113.003.005", "fd71::3"] },
                },
            });
            await core.createNamespacedService({
                namespace: namespace.name,
                body: { metadata: { name: "headless" }, spec: { clusterIP: "None", ports: [{ port: 80 }] } },
            });
            await core.patchNamespacedServiceStatus(
                {
                    namespace: namespace.name,
                    name: "web",
                    body: {
                        status: { loadBalancer: { ingress: [{ ip: "100.113.3.6" }, { hostname: "lb.example" }] } },
                    },
                },
                k8s.setHeaderOptions("Content-Type", "application/merge-patch+json"),
            );
            const clusterIP = made.spec?.clusterIP ?? "";
            const use = await useOf("Services");
            assert.deepEqual(
                held(use),
                [
                    `${clusterIP} Service ns/web (clusterIP)`,
                    "100.113.3.5 Service ns/web (externalIP)",
                    "100.113.3.6 Service ns/web (load balancer)",
                    "fd71::3 Service ns/web (externalIP)",
                ].sort(),
            );
            assert.equal(refusal(use, clusterIP), "the address is in use by Service ns/web (clusterIP)");
        });

        it("have the networks of the ServiceCIDRs [case 19]", async () => {
            const networking = namespace.clients.config.makeApiClient(k8s.NetworkingV1Api);
            const { spec } = await networking.readServiceCIDR({ name: "kubernetes" });
            assert.deepEqual(
                (await useOf("Services")).networks.filter(({ holder }) => holder === 'ServiceCIDR "kubernetes"'),
                spec?.cidrs?.map((cidr) => ({ cidr, source: "Services", holder: 'ServiceCIDR "kubernetes"' })),
            );
        });
    });

    describe("Nodes", () => {
        const name = `foreign-${process.pid}`;

        after("remove the node", async () => void (await namespace.clients.core.deleteNode({ name })));

        it("have their addresses, and the networks of their pods [case 53]", async () => {
            const { core } = namespace.clients;
            const podCIDRs = ["100.113.200.0/24", "fd71:200::/64"];
            await core.createNode({
                body: { metadata: { name }, spec: { unschedulable: true, podCIDR: podCIDRs[0], podCIDRs } },
            });
            await core.patchNodeStatus(
                {
                    name,
                    body: {
                        status: {
                            addresses: [
                                { type: "InternalIP", address: "100.113.4.5" },
                                { type: "InternalIP", address: "fd71::4" },
                                { type: "ExternalIP", address: "100.113.4.6" },
                                { type: "Hostname", address: "100.113.4.7" },
                            ],
                        },
                    },
                },
                k8s.setHeaderOptions("Content-Type", "application/merge-patch+json"),
            );
            const use = await useOf("Nodes");
            assert.deepEqual(held(use, name), [
                `100.113.4.5 Node ${name} (InternalIP)`,
                `100.113.4.6 Node ${name} (ExternalIP)`,
                `fd71::4 Node ${name} (InternalIP)`,
            ]);
            assert.deepEqual(
                use.networks.filter(({ holder }) => holder === `podCIDR of Node ${name}`).map(({ cidr }) => cidr),
                podCIDRs,
            );
        });
    });

    describe("Whereabouts", () => {
        it("has nothing in use on a cluster without it, and that is certain [case 55]", async () => {
            const use = await readForeignUse(await clientOf("admin"), ["Whereabouts"], scope([]));
            assert.deepEqual(use, { addresses: [], networks: [], unreadable: [] });
        });

        describe("where it is installed", () => {
            useWhereaboutsKinds();

            it("has the addresses of its pools and of its reservations across pools [case 53]", async () => {
                const ns = namespace.name;
                const allocation = { id: "container", podref: "prod/x", ifname: "net1" };
                await makeWhereaboutsObject("ippools", ns, "100.113.5.0-24", {
                    range: "100.113.5.0/24",
                    allocations: { "5": allocation, "250": { id: "container", podref: "" } },
                });
                await makeWhereaboutsObject("ippools", ns, "lan-fd71-5---64", {
                    range: "fd71:5::/64",
                    allocations: { "65537": allocation },
                });
                await makeWhereaboutsObject("overlappingrangeipreservations", ns, "100.113.5.5", { podref: "prod/x" });
                await makeWhereaboutsObject("overlappingrangeipreservations", ns, "lan-100.113.5.6", {
                    podref: "prod/y",
                });
                await makeWhereaboutsObject("overlappingrangeipreservations", ns, "lan-fd71-5--1-1", {
                    podref: "prod/x",
                });
                const use = await useOf("Whereabouts");
                const expected = [
                    "100.113.5.250 Whereabouts pool ns/100.113.5.0-24",
                    "100.113.5.5 Whereabouts pool ns/100.113.5.0-24 (pod prod/x)",
                    "100.113.5.5 Whereabouts reservation ns/100.113.5.5 (pod prod/x)",
                    "100.113.5.6 Whereabouts reservation ns/lan-100.113.5.6 (pod prod/y)",
                    "fd71:5::1:1 Whereabouts pool ns/lan-fd71-5---64 (pod prod/x)",
                    "fd71:5::1:1 Whereabouts reservation ns/lan-fd71-5--1-1 (pod prod/x)",
                ];
                assert.deepEqual(
                    held(use).filter((each) => expected.includes(each)),
                    expected,
                );
                assert.equal(
                    refusal(use, "100.113.5.250"),
                    "the address is in use by Whereabouts pool ns/100.113.5.0-24",
                );
            });

            it("is told where it may not be read", async () => {
                const use = await readForeignUse(await clientOf("nobody"), ["Whereabouts"], scope([]));
                assert.deepEqual(lists(use), [
                    "Whereabouts: cannot list ippools.whereabouts.cni.cncf.io",
                    "Whereabouts: cannot list overlappingrangeipreservations.whereabouts.cni.cncf.io",
                ]);
            });
        });
    });

    describe("what cannot be read [case 55]", () => {
        it("is told, each list with verb and resource", async () => {
            const use = await readForeignUse(
                await clientOf("nobody"),
                CONFLICT_SOURCES.filter((source) => source !== "Whereabouts"),
                scope(["lan"]),
            );
            assert.deepEqual([use.addresses, use.networks], [[], []]);
            assert.deepEqual(lists(use), [
                "Nodes: cannot list nodes",
                "Services: cannot list servicecidrs.networking.k8s.io",
                "Services: cannot list services",
                "VirtualMachines: cannot list virtualmachineinstances.kubevirt.io",
                "VirtualMachines: cannot list virtualmachines.kubevirt.io",
            ]);
            assert.ok(
                use.unreadable.every(({ sentence }) => /: The cluster at .* refused GET .*forbidden/.test(sentence)),
            );
        });

        describe("by a user who may list Services alone", () => {
            const user = `foreign-${process.pid}`;
            const name = user;

            before("grant that", async () => {
                const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
                await rbac.createClusterRole({
                    body: {
                        metadata: { name },
                        rules: [{ apiGroups: [""], resources: ["services"], verbs: ["list"] }],
                    },
                });
                await rbac.createClusterRoleBinding({
                    body: {
                        metadata: { name },
                        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
                        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
                    },
                });
            });

            after("revoke it", async () => {
                const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
                await rbac.deleteClusterRoleBinding({ name });
                await rbac.deleteClusterRole({ name });
            });

            it("leaves the rest readable", async () => {
                const use = await readForeignUse(await clientOf("admin", user), ["Services", "Nodes"], scope([]));
                assert.deepEqual(lists(use), [
                    "Nodes: cannot list nodes",
                    "Services: cannot list servicecidrs.networking.k8s.io",
                ]);
                assert.ok(use.addresses.some(({ holder }) => holder === "Service default/kubernetes (clusterIP)"));
            });
        });
    });
});

/** What is unreadable, without the reasons. */
function lists(use: ForeignUse): string[] {
    return use.unreadable.map(({ source, sentence }) => `${source}: ${sentence.split(":")[0] ?? ""}`).sort();
}
