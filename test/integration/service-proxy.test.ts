import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { ServiceProxy } from "../../index";
import { useStack } from "../support/use-stack";

describe("ServiceProxy in a cluster", () => {
    const suite = useStack("service-proxy");
    const { namespace } = suite;
    const name = (): string => `proxy-${namespace.name}`;
    const program = async (): Promise<void> => {
        new ServiceProxy(name(), {
            image: "registry.example/wukong-proxy:0.1.0",
            namespace: namespace.name,
            labels: { team: "net" },
        });
        return Promise.resolve();
    };

    it("is accepted by the API server, and is the same the next time", async () => {
        const made = await suite.stack.up(program);
        const kinds = made.steps.filter(({ op }) => op === "create").map(({ type }) => type.split(":").at(-1));
        for (const kind of ["DaemonSet", "Deployment", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"]) {
            assert.ok(kinds.includes(kind), kind);
        }
        const again = await suite.stack.up(program);
        assert.deepEqual(
            again.steps.filter(({ op }) => op !== "same").map(({ op, name: each }) => `${op} ${each}`),
            [],
        );
    });

    it("has a controller whose pods the Pod Security Standard `restricted` lets in, and agents that need `privileged`", async () => {
        const { config, core } = namespace.clients;
        const apps = config.makeApiClient(k8s.AppsV1Api);
        const label = { "pod-security.kubernetes.io/enforce": "restricted" };
        await core.patchNamespace(
            { name: namespace.name, body: { metadata: { labels: label } } },
            k8s.setHeaderOptions("Content-Type", "application/merge-patch+json"),
        );
        const admit = async ({ metadata, spec }: k8s.V1PodTemplateSpec): Promise<unknown> =>
            core.createNamespacedPod({
                ...{ namespace: namespace.name, dryRun: "All" },
                body: { metadata: { name: "tried", labels: metadata?.labels }, spec: spec! },
            });
        const of = { namespace: namespace.name };
        const controller = await apps.readNamespacedDeployment({ ...of, name: `${name()}-endpoints` });
        await admit(controller.spec!.template);
        const agent = await apps.readNamespacedDaemonSet({ ...of, name: `${name()}-agent` });
        await assert.rejects(
            admit(agent.spec!.template),
            /violates PodSecurity .*host namespaces \(hostNetwork=true\)/,
        );
    });

    it("gives its accounts the rights that it says, in the API server's own judgement", async () => {
        const reviews = namespace.clients.config.makeApiClient(k8s.AuthorizationV1Api);
        const may = async (program: string, verb: string, group: string, resource: string): Promise<boolean> => {
            const { status } = await reviews.createSubjectAccessReview({
                body: {
                    spec: {
                        user: `system:serviceaccount:${namespace.name}:${name()}-${program}`,
                        resourceAttributes: { verb, group, resource, namespace: "default" },
                    },
                },
            });
            return status?.allowed === true;
        };
        assert.equal(await may("endpoints", "create", "discovery.k8s.io", "endpointslices"), true);
        assert.equal(await may("agent", "watch", "", "services"), true);
        for (const [program, verb, group, resource] of [
            ["agent", "create", "discovery.k8s.io", "endpointslices"],
            ["agent", "update", "", "services"],
            ["agent", "get", "", "secrets"],
            ["endpoints", "update", "", "services"],
            ["endpoints", "list", "", "secrets"],
        ] as const) {
            assert.equal(await may(program, verb, group, resource), false, `${program} ${verb} ${resource}`);
        }
    });
});
