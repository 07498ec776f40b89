import assert from "node:assert/strict";
import { judgeSurvey, type ClusterSurvey, type PreflightFinding } from "../../core/preflight";

type KubeVirt = NonNullable<Extract<ClusterSurvey["kubevirt"], { state: "read" }>["value"]>;

const KUBEVIRT: KubeVirt = {
    name: "kubevirt/kubevirt",
    version: "v1.6.0",
    phase: "Deployed",
    workloadUpdateMethods: ["LiveMigrate"],
    featureGates: [],
    disabledFeatureGates: [],
};

const NODES = ["a", "b"].map((name) => ({ name, schedulable: true, allocatable: { cpu: "4" } }));

const CONTROLLER = { name: "DaemonSet kube-system/dynamic-networks-controller-ds", desired: 2, ready: 2 };

/** A cluster that has everything. */
function survey(changes: Partial<ClusterSurvey> = {}): ClusterSurvey {
    return {
        kubevirt: { state: "read", value: KUBEVIRT },
        nads: { state: "read", value: [] },
        dynamicNetworks: { state: "read", value: [CONTROLLER] },
        nodes: { state: "read", value: NODES },
        nodeInterfaces: { state: "unserved" },
        sriovNodes: { state: "unserved" },
        kinds: [{ name: "ippools.vm.novasphere.dev", served: true }],
        permissions: [],
        ...changes,
    };
}

function withKubeVirt(changes: Partial<KubeVirt>): ClusterSurvey {
    return survey({ kubevirt: { state: "read", value: { ...KUBEVIRT, ...changes } } });
}

function finding(cluster: ClusterSurvey, check: string): PreflightFinding {
    const found = judgeSurvey(cluster).find((each) => each.check === check);
    assert.ok(found, `${check} is among the findings`);
    return found;
}

function nad(name: string, config: object, resourceName?: string) {
    return { name, config: JSON.stringify(config), ...(resourceName !== undefined && { resourceName }) };
}

describe("a preflight", () => {
    it("has nothing to say against a cluster that has everything", () => {
        const findings = judgeSurvey(survey()).filter(({ area }) => area !== "Changes");
        assert.deepEqual([...new Set(findings.map(({ status }) => status))], ["ok"]);
        assert.deepEqual(
            findings.filter(({ remedy }) => remedy !== undefined),
            [],
        );
    });

    it("gives a remedy for everything that is not as it should be", () => {
        const forbidden = { state: "forbidden", sentence: "the user may not" } as const;
        const bad: ClusterSurvey[] = [
            survey({
                kubevirt: { state: "unserved" },
                nads: { state: "unserved" },
                nodes: { state: "read", value: [] },
            }),
            survey({ kubevirt: forbidden, nads: forbidden, dynamicNetworks: forbidden, nodes: forbidden }),
            withKubeVirt({ version: "v1.5.2", workloadUpdateMethods: ["Evict"], vmRolloutStrategy: "Stage" }),
        ];
        for (const cluster of bad) {
            const silent = judgeSurvey(cluster).filter(
                ({ area, status, remedy }) => area !== "Changes" && status !== "ok" && remedy === undefined,
            );
            assert.deepEqual(silent, []);
        }
    });

    describe("of KubeVirt", () => {
        const VERSIONS: [string | undefined, string, RegExp][] = [
            ["v1.5.9", "missing", /before 1\.6/],
            ["v1.6.0", "ok", /from 1\.8 on/],
            ["v1.8.3", "ok", /from 1\.9 on/],
            ["v1.9.0", "ok", /^v1\.9\.0$/],
            ["v1.10.0-rc.1", "ok", /^v1\.10\.0-rc\.1$/],
            [undefined, "unknown", /tells no version/],
        ];
        for (const [version, status, found] of VERSIONS) {
            it(`${version ?? "without a version"} is ${status}`, () => {
                const { version: _version, ...rest } = KUBEVIRT;
                const value = version === undefined ? rest : { ...rest, version };
                const result = finding(survey({ kubevirt: { state: "read", value } }), "version");
                assert.equal(result.status, status);
                assert.match(result.found, found);
            });
        }

        it("that its operator has not deployed is a warning", () => {
            assert.equal(finding(withKubeVirt({ phase: "Deploying" }), "version").status, "warning");
        });

        // pkg/virt-controller/watch/workload-updater: a VM that cannot migrate, or whose KubeVirt may not, is evicted.
        const METHODS: [string[], string][] = [
            [["LiveMigrate"], "ok"],
            [["LiveMigrate", "Evict"], "warning"],
            [[], "warning"],
            [["Evict"], "missing"],
        ];
        for (const [workloadUpdateMethods, status] of METHODS) {
            it(`with the methods [${workloadUpdateMethods.join(", ")}] is ${status}`, () => {
                const result = finding(withKubeVirt({ workloadUpdateMethods }), "workloadUpdateMethods");
                assert.equal(result.status, status);
                if (status !== "ok") {
                    assert.match(
                        result.remedy ?? "",
                        /kubectl patch kubevirt kubevirt -n kubevirt --type=merge -p '\{"spec":\{"workloadUpdateStrategy":\{"workloadUpdateMethods":\["LiveMigrate"\]\}\}\}'/,
                    );
                }
            });
        }

        it("tells of the gate LiveUpdateNADRef where there is one, and how to enable it beside the others", () => {
            const gateOf = (changes: Partial<KubeVirt>): PreflightFinding | undefined =>
                judgeSurvey(withKubeVirt(changes)).find(({ check }) => check === "LiveUpdateNADRef");
            const disabledFeatureGates = ["Other", "LiveUpdateNADRef"];
            assert.equal(gateOf({ version: "v1.6.0", disabledFeatureGates }), undefined);
            assert.equal(gateOf({ version: "v1.8.0" })?.status, "ok");
            assert.equal(gateOf({ version: "v1.9.0", disabledFeatureGates }), undefined);
            const disabled = gateOf({ version: "v1.8.0", disabledFeatureGates });
            assert.equal(disabled?.status, "warning");
            assert.match(disabled.remedy ?? "", /"disabledFeatureGates":\["Other"\]/);
        });
    });

    describe("of the dynamic-networks controller", () => {
        const none = { state: "read", value: [] } as const;
        it("warns where it is missing and VMs can migrate", () => {
            const result = finding(survey({ dynamicNetworks: none }), "dynamic-networks-controller");
            assert.equal(result.status, "warning");
            assert.match(result.found, /live migration/);
        });

        for (const [why, changes] of [
            ["there is one node", { nodes: { state: "read", value: NODES.slice(1) } }],
            [
                "KubeVirt starts none",
                { kubevirt: { state: "read", value: { ...KUBEVIRT, workloadUpdateMethods: [] } } },
            ],
        ] as [string, Partial<ClusterSurvey>][]) {
            it(`counts it as missing where VMs cannot migrate, as ${why}`, () => {
                const result = finding(survey({ dynamicNetworks: none, ...changes }), "dynamic-networks-controller");
                assert.equal(result.status, "missing");
            });
        }

        it("warns of one that is not ready on all nodes", () => {
            const value = [{ ...CONTROLLER, ready: 1 }];
            const result = finding(
                survey({ dynamicNetworks: { state: "read", value } }),
                "dynamic-networks-controller",
            );
            assert.equal(result.status, "warning");
            assert.match(result.found, /1 of 2 ready/);
        });
    });

    describe("of nodes", () => {
        const nads = {
            state: "read",
            value: [
                nad("prod/lan", { type: "bridge", bridge: "br0" }),
                nad("prod/dmz", { plugins: [{ type: "bridge", bridge: "br0" }, { type: "tuning" }] }),
                nad("prod/direct", { type: "macvlan", master: "eth1.20" }),
                { name: "prod/none" },
                { name: "prod/broken", config: "{" },
            ],
        } as const;

        it("says that bridges were not seen where nmstate is not there", () => {
            const result = finding(survey({ nads }), "bridges and uplinks");
            assert.equal(result.status, "unknown");
            assert.match(result.found, /br0, eth1\.20/);
        });

        it("names the nodes that lack what networks are on, and the networks", () => {
            const nodeInterfaces = {
                state: "read",
                value: [
                    { node: "a", interfaces: { br0: "linux-bridge", "eth1.20": "vlan" } },
                    { node: "b", interfaces: { "eth1.20": "vlan" } },
                ],
            } as const;
            const cluster = survey({ nads, nodeInterfaces });
            const bridge = finding(cluster, "interface br0");
            assert.equal(bridge.status, "missing");
            assert.match(bridge.found, /^not on b; .*prod\/lan, prod\/dmz/);
            assert.equal(finding(cluster, "interface eth1.20").status, "ok");
        });

        const OFFERS: [string[], string][] = [
            [["0", "0"], "missing"],
            [["4", "0"], "warning"],
            [["4", "1k"], "ok"],
        ];
        for (const [counts, status] of OFFERS) {
            it(`that offer ${counts.join(" and ")} of a device are ${status}`, () => {
                const value = NODES.map((node, index) => ({
                    ...node,
                    allocatable: { "example.com/vf": counts[index] ?? "" },
                }));
                const sriov = {
                    state: "read",
                    value: [nad("prod/sriov", { type: "sriov" }, "example.com/vf")],
                } as const;
                const cluster = survey({ nads: sriov, nodes: { state: "read", value } });
                assert.equal(finding(cluster, "resource example.com/vf").status, status);
            });
        }

        it("that take no VMs do not count", () => {
            const value = NODES.map((node) => ({ ...node, schedulable: node.name === "a" }));
            const result = finding(survey({ nodes: { state: "read", value } }), "schedulable");
            assert.deepEqual([result.status, result.found], ["warning", "1 of 2 nodes; no VM can migrate"]);
        });

        it("that the SR-IOV operator is not done with are told", () => {
            const value = [{ node: "a", syncStatus: "Failed", error: "no such device" }];
            const result = finding(survey({ sriovNodes: { state: "read", value } }), "SR-IOV on a");
            assert.equal(result.status, "warning");
            assert.match(result.found, /Failed, no such device/);
        });
    });

    it("tells permissions that are needed from those that one can do without", () => {
        const permissions = [
            { kind: "virtualmachines.kubevirt.io", namespace: "prod", verbs: ["get", "patch"], denied: ["patch"] },
            { kind: "nodes", verbs: ["list"], denied: ["list"], without: "their addresses are given out" },
        ];
        const [needed, spare] = judgeSurvey(survey({ permissions })).filter(({ area }) => area === "Permissions");
        assert.deepEqual(needed, {
            area: "Permissions",
            check: "virtualmachines.kubevirt.io",
            status: "missing",
            found: "the user may not patch in namespace prod",
            remedy: "Grant patch on virtualmachines.kubevirt.io in namespace prod.",
        });
        assert.equal(spare?.status, "warning");
    });

    describe("of changes to a running VM", () => {
        const costs = (cluster: ClusterSurvey): Record<string, string> =>
            Object.fromEntries(
                judgeSurvey(cluster)
                    .filter(({ area }) => area === "Changes")
                    .map(({ check, status }) => [check, status]),
            );
        const attach = "attach a bridge NIC";

        it("says what is live, and what takes a migration or a restart", () => {
            assert.deepEqual(costs(survey()), {
                [attach]: "live",
                "detach a bridge NIC": "live",
                "link up or down": "live",
                "another network for a plugged NIC": "live",
                "attach an SR-IOV NIC": "live-migration",
                "attach a pod NIC": "restart",
                "another address": "first-boot-only",
            });
            assert.equal(
                costs(withKubeVirt({ version: "v1.9.0" }))["another network for a plugged NIC"],
                "live-migration",
            );
            const gated = { version: "v1.8.0", disabledFeatureGates: ["LiveUpdateNADRef"] };
            assert.equal(costs(withKubeVirt(gated))["another network for a plugged NIC"], "live");
        });

        it("goes by what the cluster has", () => {
            const dynamicNetworks = { state: "read", value: [] } as const;
            const nodes = { state: "read", value: NODES.slice(1) } as const;
            assert.equal(costs(survey({ dynamicNetworks }))[attach], "live-migration");
            assert.equal(costs(survey({ dynamicNetworks, nodes }))[attach], "restart");
            const evicts = { ...withKubeVirt({ workloadUpdateMethods: ["Evict"] }), dynamicNetworks };
            assert.equal(costs(evicts)[attach], "refused");
        });

        it("says nothing without KubeVirt", () => {
            assert.deepEqual(costs(survey({ kubevirt: { state: "unserved" } })), {});
        });
    });
});
