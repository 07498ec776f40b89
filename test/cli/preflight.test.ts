import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { hasMigrationTarget } from "../../cluster/migration-targets";
import { type BareApiServer, startBareApiServer } from "../../scripts/embedded-cluster/bare-api-server";
import { done, seen, testKubeconfig, until } from "../support/embedded-cluster";
import { cellsOf, wukong, wukongHere } from "./wukong";

interface Finding {
    readonly area: string;
    readonly check: string;
    readonly status: string;
    readonly found: string;
    readonly remedy?: string;
}

/** What the command found, with its exit code. */
async function preflight(
    kubeconfig: string | undefined,
    ...args: string[]
): Promise<{ code: number; findings: Finding[] }> {
    const { code, stdout, stderr } = await wukongHere(["preflight", "-o", "json", ...args], kubeconfig);
    assert.equal(stderr, "");
    return { code, findings: JSON.parse(stdout) as Finding[] };
}

function named(findings: readonly Finding[], area: string): Record<string, string> {
    return Object.fromEntries(
        findings.filter((each) => each.area === area).map(({ check, status }) => [check, status]),
    );
}

/** An object without its kind. */
interface Body {
    readonly metadata: { readonly name: string; readonly namespace?: string } & k8s.V1ObjectMeta;
    readonly spec?: object;
    readonly status?: object;
}

describe("wukong preflight", () => {
    it("misses nothing on the cluster under test, and says what changes cost there", async () => {
        const { code, findings } = await preflight(undefined);
        assert.equal(code, 0);
        assert.deepEqual(
            findings.filter(({ status }) => status === "missing"),
            [],
        );
        assert.equal(named(findings, "KubeVirt")["version"], "ok");
        assert.equal(named(findings, "Nodes")["schedulable"], "ok");
        assert.equal(named(findings, "Changes")["link up or down"], "live");
        assert.equal(named(findings, "Changes")["attach an SR-IOV NIC"], "live-migration");
    });

    it("prints a table with what is wrong below, and counts what is missing", async () => {
        const { code, stdout } = await wukong(["preflight"], await testKubeconfig("reader"));
        assert.equal(code, 2);
        const [header, ...rows] = cellsOf(stdout);
        assert.deepEqual(header, ["STATUS", "AREA", "CHECK", "FOUND"]);
        assert.ok(rows.some(([status, area, check]) => [status, area, check].join() === "missing,Permissions,secrets"));
        assert.match(stdout, /\n {4}the user may not create, patch, delete in namespace default\n {4}Grant create, /);
        assert.match(stdout, /\n[1-9]\d* missing\n$/);
    });

    it("asks for permissions in the namespace that is named", async () => {
        const { findings } = await preflight(await testKubeconfig("reader"), "-n", "elsewhere");
        const secrets = findings.find(({ check }) => check === "secrets");
        assert.match(secrets?.found ?? "", /in namespace elsewhere$/);
    });

    it("calls unknown what the user may not read", async () => {
        const { code, findings } = await preflight(await testKubeconfig("nobody"));
        assert.equal(code, 2);
        assert.deepEqual(named(findings, "Nodes"), { schedulable: "unknown" });
        assert.equal(named(findings, "Permissions")["virtualmachines.kubevirt.io"], "missing");
    });

    describe("on another cluster", () => {
        let server: BareApiServer | undefined;
        let objects: k8s.KubernetesObjectApi;

        before("start an API server that knows Kubernetes' own kinds only", async function () {
            this.timeout(120_000);
            server = await startBareApiServer();
            objects = k8s.KubernetesObjectApi.makeApiClient(server.config);
        });

        after(async () => server?.stop());

        /** Makes an object; a Node and a DaemonSet get their status by a request of its own. */
        const make = async (apiVersion: string, kind: string, more: Body): Promise<void> => {
            const made = await objects.create({ apiVersion, kind, ...more });
            const body = { ...made, ...more, metadata: made.metadata };
            const { name, namespace = "" } = more.metadata;
            if (kind === "Node") {
                await server!.config.makeApiClient(k8s.CoreV1Api).replaceNodeStatus({ name, body });
            } else if (kind === "DaemonSet") {
                const apps = server!.config.makeApiClient(k8s.AppsV1Api);
                await apps.replaceNamespacedDaemonSetStatus({ name, namespace, body: body as k8s.V1DaemonSet });
            }
        };

        /** Registers a kind without a schema, as far as a preflight reads it. */
        const define = async (group: string, version: string, plural: string, kind: string, scope: string) => {
            const schema = {
                openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true },
            };
            await objects.create({
                apiVersion: "apiextensions.k8s.io/v1",
                kind: "CustomResourceDefinition",
                metadata: { name: `${plural}.${group}` },
                spec: {
                    ...{ group, scope },
                    names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
                    versions: [{ name: version, served: true, storage: true, schema }],
                },
            } as k8s.KubernetesObject);
            const custom = server!.config.makeApiClient(k8s.CustomObjectsApi);
            await until(`${plural} to be served`, async () => {
                try {
                    return done(
                        await custom.listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural }),
                    );
                } catch (error) {
                    return seen(String(error));
                }
            });
        };

        it("names what is not installed, each with a remedy", async () => {
            const { code, findings } = await preflight(server?.kubeconfig);
            assert.equal(code, 2);
            assert.deepEqual(named(findings, "KubeVirt"), { version: "missing" });
            assert.equal(named(findings, "Multus")["NetworkAttachmentDefinitions"], "missing");
            assert.equal(named(findings, "Nodes")["schedulable"], "missing");
            assert.equal(named(findings, "Addresses")["ippools.vm.novasphere.dev"], "missing");
            assert.deepEqual(named(findings, "Changes"), {});
            const silent = findings.filter(({ status, remedy }) => status !== "ok" && remedy === undefined);
            assert.deepEqual(silent, []);
        });

        it("reads what nodes have, from nmstate, the SR-IOV operator and the nodes themselves", async () => {
            await define("kubevirt.io", "v1", "kubevirts", "KubeVirt", "Namespaced");
            await define(
                "k8s.cni.cncf.io",
                "v1",
                "network-attachment-definitions",
                "NetworkAttachmentDefinition",
                "Namespaced",
            );
            await define("nmstate.io", "v1beta1", "nodenetworkstates", "NodeNetworkState", "Cluster");
            await define(
                "sriovnetwork.openshift.io",
                "v1",
                "sriovnetworknodestates",
                "SriovNetworkNodeState",
                "Namespaced",
            );
            await make("kubevirt.io/v1", "KubeVirt", {
                metadata: { name: "kubevirt", namespace: "default" },
                spec: { workloadUpdateStrategy: { workloadUpdateMethods: ["LiveMigrate"] } },
                status: { phase: "Deployed", observedKubeVirtVersion: "v1.9.0" },
            });
            const nads: [string, object, Record<string, string>][] = [
                ["lan", { type: "bridge", bridge: "br0" }, {}],
                ["vf", { type: "sriov" }, { "k8s.v1.cni.cncf.io/resourceName": "example.com/vf" }],
            ];
            for (const [name, config, annotations] of nads) {
                await make("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", {
                    metadata: { name, namespace: "default", annotations },
                    spec: { config: JSON.stringify(config) },
                });
            }
            for (const [name, vfs, interfaces] of [
                ["one", "4", [{ name: "br0", type: "linux-bridge" }]],
                ["two", "0", [{ name: "eth0", type: "ethernet" }]],
            ] as const) {
                await make("v1", "Node", {
                    metadata: { name, labels: { "kubevirt.io/schedulable": "true" } },
                    status: {
                        allocatable: { cpu: "4", "example.com/vf": vfs },
                        capacity: { cpu: "4", "example.com/vf": vfs },
                        conditions: [{ type: "Ready", status: "True" }],
                    },
                });
                await make("nmstate.io/v1beta1", "NodeNetworkState", {
                    metadata: { name },
                    status: { currentState: { interfaces } },
                });
            }
            await make("sriovnetwork.openshift.io/v1", "SriovNetworkNodeState", {
                metadata: { name: "two", namespace: "default" },
                status: { syncStatus: "Failed", lastSyncError: "no such device" },
            });
            const template = {
                metadata: { labels: { app: "d" } },
                spec: { containers: [{ name: "c", image: "i" }] },
            };
            await make("apps/v1", "DaemonSet", {
                metadata: { name: "dynamic-networks-controller-ds", namespace: "kube-system" },
                spec: { selector: { matchLabels: { app: "d" } }, template },
                status: { desiredNumberScheduled: 2, numberReady: 1, currentNumberScheduled: 2, numberMisscheduled: 0 },
            });

            const { code, findings } = await preflight(server?.kubeconfig);
            assert.equal(code, 2);
            assert.deepEqual(named(findings, "Multus"), {
                NetworkAttachmentDefinitions: "ok",
                "dynamic-networks-controller": "warning",
            });
            assert.deepEqual(named(findings, "Nodes"), {
                schedulable: "ok",
                "interface br0": "missing",
                "resource example.com/vf": "warning",
                "SR-IOV on two": "warning",
            });
            assert.match(findings.find(({ check }) => check === "interface br0")?.found ?? "", /^not on two;/);
            assert.deepEqual(named(findings, "Changes"), {
                "attach a bridge NIC": "live",
                "detach a bridge NIC": "live",
                "link up or down": "live",
                "another network for a plugged NIC": "live-migration",
                "attach an SR-IOV NIC": "live-migration",
                "attach a pod NIC": "restart",
                "another address": "first-boot-only",
            });
        });

        it("has a node to migrate to only while another one than the VM's takes VMs", async () => {
            const vmi = { metadata: { name: "vm" }, status: { nodeName: "one" } };
            // What a client has read of the nodes it reads no more.
            const hasTarget = async (): Promise<unknown> => hasMigrationTarget(new ClusterClient(server!.config), vmi);
            assert.equal(await hasTarget(), true);
            const nodes = server!.config.makeApiClient(k8s.CoreV1Api);
            const node = await nodes.readNode({ name: "two" });
            node.spec = { unschedulable: true };
            await nodes.replaceNode({ name: "two", body: node });
            assert.equal(await hasTarget(), false);
        });
    });
});
