import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { ServiceProxy, type ServiceProxyArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, type Registered } from "./deploy";

const IMAGE = "registry.example/wukong-proxy:0.1.0";

async function proxy(args: Partial<ServiceProxyArgs> = {}): Promise<readonly Registered[]> {
    return (await deploy(() => new ServiceProxy("proxy", { image: IMAGE, ...args }))).registered;
}

/** The one container of a DaemonSet or Deployment. */
function containerOf({ inputs }: Registered): Registered["inputs"] {
    const { containers, initContainers } = inputs.spec.template.spec;
    assert.equal(containers.length, 1);
    assert.equal(initContainers, undefined);
    return containers[0];
}

describe("ServiceProxy", () => {
    it("runs an agent on each node, on the node's own network, whatever its taints", async () => {
        const agent = find(await proxy(), "DaemonSet", "proxy-agent");
        const { spec } = agent.inputs.spec.template;
        assert.equal(spec.hostNetwork, true);
        assert.deepEqual(spec.tolerations, [{ operator: "Exists" }]);
        assert.equal("nodeSelector" in spec, false);
        const container = containerOf(agent);
        assert.equal(container.image, IMAGE);
        assert.deepEqual(container.args, [
            "agent",
            "--node-name",
            "$(NODE_NAME)",
            "--mode",
            "nftables",
            "--status-port",
            "5050",
        ]);
        assert.deepEqual(container.env, [
            { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        ]);
        for (const [name, path] of [
            ["livenessProbe", "/livez"],
            ["readinessProbe", "/healthz"],
        ] as const) {
            const { host, port, path: asked } = container[name].httpGet;
            assert.deepEqual([host, port, asked], ["127.0.0.1", 5050, path]);
        }
    });

    it("gives the agent NET_ADMIN, and nothing else of what root may do", async () => {
        const agent = find(await proxy(), "DaemonSet", "proxy-agent");
        assert.deepEqual(containerOf(agent).securityContext, {
            runAsUser: 0,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
            seccompProfile: { type: "RuntimeDefault" },
        });
        const { spec } = agent.inputs.spec.template;
        assert.deepEqual([spec.hostPID, spec.hostIPC, spec.volumes], [undefined, undefined, undefined]);
    });

    it("runs one endpoint controller, as the Pod Security Standard `restricted` has it", async () => {
        const controller = find(await proxy(), "Deployment", "proxy-endpoints");
        const { replicas, strategy, template } = controller.inputs.spec;
        assert.deepEqual([replicas, strategy.type], [1, "Recreate"]);
        assert.equal(template.spec.hostNetwork, undefined);
        const { args, securityContext } = containerOf(controller);
        assert.deepEqual(args, ["endpoints"]);
        const { runAsUser, runAsNonRoot, allowPrivilegeEscalation, capabilities, seccompProfile } = securityContext;
        assert.deepEqual(
            [runAsUser > 0, runAsNonRoot, allowPrivilegeEscalation, capabilities, seccompProfile.type],
            [true, true, false, { drop: ["ALL"] }, "RuntimeDefault"],
        );
    });

    it("hands on mode, prefix, port, nodes and namespace, the latter also where it is not known yet", async () => {
        const registered = await proxy({
            ...{ mode: "iptables", chainPrefix: "WUKONG", statusPort: 5151, namespace: pulumi.output("net") },
            ...{ nodeSelector: { role: "vm" }, tolerations: [{ key: "vm", operator: "Exists" }] },
        });
        const agent = find(registered, "DaemonSet", "proxy-agent");
        assert.deepEqual(containerOf(agent).args, [
            ...[
                "agent",
                "--node-name",
                "$(NODE_NAME)",
                "--mode",
                "iptables",
                "--status-port",
                "5151",
                "--chain-prefix",
                "WUKONG",
            ],
        ]);
        const { nodeSelector, tolerations } = agent.inputs.spec.template.spec;
        assert.deepEqual([nodeSelector, tolerations], [{ role: "vm" }, [{ key: "vm", operator: "Exists" }]]);
        for (const [noun, name] of [
            ["DaemonSet", "proxy-agent"],
            ["Deployment", "proxy-endpoints"],
            ["ServiceAccount", "proxy-agent"],
            ["ServiceAccount", "proxy-endpoints"],
        ] as const) {
            assert.equal(find(registered, noun, name).inputs.metadata.namespace, "net");
        }
        for (const { inputs } of registered.filter(({ type }) => type.endsWith(":ClusterRoleBinding"))) {
            assert.equal(inputs.subjects[0].namespace, "net");
        }
    });

    it("keeps its pods apart by labels of its own, whatever labels are asked for", async () => {
        const registered = await proxy({ labels: { team: "net", "app.kubernetes.io/component": "mine" } });
        for (const [noun, name, component] of [
            ["DaemonSet", "proxy-agent", "agent"],
            ["Deployment", "proxy-endpoints", "endpoints"],
        ] as const) {
            const { metadata, spec } = find(registered, noun, name).inputs;
            const own = {
                "app.kubernetes.io/name": "wukong-service-proxy",
                "app.kubernetes.io/instance": "proxy",
                "app.kubernetes.io/component": component,
            };
            assert.deepEqual(spec.selector.matchLabels, own);
            assert.deepEqual(spec.template.metadata.labels, { team: "net", ...own });
            assert.equal(metadata.labels.team, "net");
        }
    });

    it("binds each program to rights of its own, none of which has a wildcard, Secrets or a write but to slices", async () => {
        const registered = await proxy();
        assert.deepEqual(namesOf(registered, "ClusterRole"), ["proxy-agent", "proxy-endpoints"]);
        for (const name of ["proxy-agent", "proxy-endpoints"]) {
            const { roleRef, subjects } = find(registered, "ClusterRoleBinding", name).inputs;
            assert.equal(roleRef.name, name);
            assert.deepEqual(subjects, [{ kind: "ServiceAccount", name, namespace: "kube-system" }]);
            for (const { resources, verbs } of find(registered, "ClusterRole", name).inputs.rules) {
                assert.ok(![...resources, ...verbs].some((each: string) => each === "*" || each === "secrets"));
                const writes = verbs.filter((verb: string) => !["get", "list", "watch"].includes(verb));
                const expected = name === "proxy-endpoints" && resources.includes("endpointslices");
                assert.deepEqual(writes, expected ? ["create", "patch", "delete"] : []);
            }
        }
    });

    for (const [what, args, said] of [
        ["an empty image", { image: "" }, /image "" is refused: no image is published/],
        ["another mode", { mode: "ipvs" as "nftables" }, /mode "ipvs" is refused/],
        ["a prefix with nftables", { chainPrefix: "WK" }, /chainPrefix "WK" is refused: with nftables/],
        [
            "a prefix that is too long for names of chains",
            { mode: "iptables", chainPrefix: "WUKONGPROXY" },
            /chainPrefix "WUKONGPROXY" is refused: a prefix is one to seven/,
        ],
        ["a port that is none", { statusPort: 0 }, /statusPort 0 is refused/],
    ] as [string, Partial<ServiceProxyArgs>, RegExp][]) {
        it(`refuses ${what} before it makes anything`, async () => {
            const { error, registered } = await refusalOf(() => new ServiceProxy("proxy", { image: IMAGE, ...args }));
            assert.match(error.message, /^ServiceProxy proxy cannot be made/);
            assert.match(error.message, said);
            assert.deepEqual(namesOf(registered, "DaemonSet"), []);
        });
    }
});
