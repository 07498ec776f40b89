import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { pino } from "pino";
import { ClusterClient } from "../../cluster/client";
import { reportEndpointsOf } from "../../cluster/service-endpoints";
import { ServiceProxy } from "../../index";
import { Agent } from "../../proxy/agent";
import { runEndpointController } from "../../proxy/endpoints/controller";
import { Machines } from "../cluster/virtual-machines";
import { podNic } from "../cluster/vm-objects";
import { deploy, find } from "../components/deploy";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { type RecordingProxy, startRecordingProxy } from "./recording-proxy";
import { untilEndpoints, vmService } from "./vm-service";

/** What the component lets a program do, as `verb group/resource`. */
async function allowed(name: string): Promise<{ rules: k8s.V1PolicyRule[]; attributes: string[] }> {
    const { registered } = await deploy(() => new ServiceProxy("proxy", { image: "registry.example/proxy:1" }));
    const rules = find(registered, "ClusterRole", name).inputs["rules"] as k8s.V1PolicyRule[];
    const attributes = rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
        apiGroups.flatMap((group) =>
            resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
    );
    return { rules, attributes: attributes.sort() };
}

describe("the rights of the service proxy", function () {
    this.timeout(120_000);
    const namespace = useNamespace("rights");
    const cleanups: (() => Promise<unknown>)[] = [];
    const mergePatch = k8s.setHeaderOptions("Content-Type", "application/merge-patch+json");

    afterEach(async () => {
        for (const cleanup of cleanups.splice(0).reverse()) {
            await cleanup();
        }
    });

    /** A proxy before the API server, and a client of it with the rights that the component gives a program. */
    async function confined(
        program: string,
        rules: k8s.V1PolicyRule[],
    ): Promise<{ proxy: RecordingProxy; client: ClusterClient }> {
        const { core, config } = namespace.clients;
        const rbac = config.makeApiClient(k8s.RbacAuthorizationV1Api);
        const name = `${namespace.name}-${program}`;
        await rbac.createClusterRole({ body: { metadata: { name }, rules } });
        cleanups.push(async () => rbac.deleteClusterRole({ name }));
        await rbac.createClusterRoleBinding({
            body: {
                metadata: { name },
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
                subjects: [{ kind: "ServiceAccount", name, namespace: namespace.name }],
            },
        });
        cleanups.push(async () => rbac.deleteClusterRoleBinding({ name }));
        await core.createNamespacedServiceAccount({ namespace: namespace.name, body: { metadata: { name } } });
        const { status } = await core.createNamespacedServiceAccountToken({
            ...{ name, namespace: namespace.name },
            body: { spec: { audiences: [], expirationSeconds: 600 } },
        });
        const proxy = await startRecordingProxy(config);
        cleanups.push(async () => proxy.close());
        return { proxy, client: new ClusterClient(proxy.configOf(status?.token ?? "")) };
    }

    /** Runs the endpoint controller until the test ends; returns what it complains of, as it comes. */
    function keepEndpoints(client: ClusterClient): readonly string[] {
        const ending = new AbortController();
        const troubles: string[] = [];
        const log = pino({ level: "warn" }, { write: (line) => void troubles.push(line) });
        const running = runEndpointController(client, ending.signal, log, { namespace: namespace.name });
        cleanups.push(async () => {
            ending.abort();
            await running;
        });
        return troubles;
    }

    it("are those that the endpoint controller uses, no more and no less", async () => {
        const { rules, attributes } = await allowed("proxy-endpoints");
        const { proxy, client } = await confined("endpoints", rules);
        const troubles = keepEndpoints(client);
        const { core } = namespace.clients;
        await core.createNamespacedService({ namespace: namespace.name, body: vmService(namespace.name, "used") });
        await untilEndpoints(namespace, "used", "to have a slice", (_, slices) => slices.length === 1);
        const machines = new Machines(namespace);
        await machines.network("red");
        await machines.create("used", [podNic, { name: "red", nad: "red" }], {
            labels: { app: "used" },
            modes: { "guest-addresses": '{"red":["192.0.2.7"]}' },
        });
        await untilEndpoints(namespace, "used", "to have its VM", (endpoints) => endpoints.length === 1);
        await core.patchNamespacedService(
            {
                ...{ namespace: namespace.name, name: "used" },
                body: { spec: { ports: [{ port: 80, targetPort: 8081 }] } },
            },
            mergePatch,
        );
        await untilEndpoints(namespace, "used", "to have another slice alone", (_, slices) =>
            slices.every(({ ports }) => ports?.[0]?.port === 8081),
        );
        // An open watch is asked for only after its list.
        await until("all requests", async () =>
            proxy.asked().length >= attributes.length ? done(true) : seen(proxy.asked()),
        );
        assert.deepEqual(proxy.asked(), attributes);
        assert.deepEqual(troubles, []);
    });

    it("may come later: what the cluster refuses is told, and tried again", async () => {
        const { rules } = await allowed("proxy-endpoints");
        const withoutCreate = rules.map(({ apiGroups, resources, verbs }) => ({
            ...{ apiGroups, resources },
            verbs: verbs.filter((verb) => verb !== "create"),
        }));
        const { client } = await confined("late", withoutCreate);
        const troubles = keepEndpoints(client);
        const { core, config } = namespace.clients;
        await core.createNamespacedService({ namespace: namespace.name, body: vmService(namespace.name, "late") });
        await until("two refusals", async () => (troubles.length >= 2 ? done(true) : seen(troubles)));
        const { service, error } = JSON.parse(troubles[0] ?? "") as Record<string, string>;
        assert.equal(service, `${namespace.name}/late`);
        assert.match(error ?? "", /refused POST .*endpointslices.* cannot create resource "endpointslices"/);
        await config.makeApiClient(k8s.RbacAuthorizationV1Api).replaceClusterRole({
            name: `${namespace.name}-late`,
            body: { metadata: { name: `${namespace.name}-late` }, rules },
        });
        await untilEndpoints(namespace, "late", "to have a slice", (_, slices) => slices.length === 1);
    });

    it("are those that the agent uses, no more and no less", async () => {
        const { rules, attributes } = await allowed("proxy-agent");
        const { proxy, client } = await confined("agent", rules);
        const troubles: string[] = [];
        const dataplane = {
            apply: async () => Promise.resolve({ kind: "full", flowsRemoved: 0, unserved: [] } as const),
            isIntact: async () => Promise.resolve(true),
            remove: async () => Promise.resolve(),
            explain: () => [],
            close: () => undefined,
        };
        const observer = {
            applied: () => undefined,
            failed: (sentence: string) => void troubles.push(sentence),
            trouble: (sentence: string) => void troubles.push(sentence),
            drifted: () => undefined,
        };
        const agent = new Agent(client, Promise.resolve(dataplane), { nodeName: "node-1", observer });
        const ending = new AbortController();
        const running = agent.run(ending.signal);
        cleanups.push(async () => {
            ending.abort();
            await running;
        });
        const { core } = namespace.clients;
        await core.createNamespacedService({ namespace: namespace.name, body: vmService(namespace.name, "asked") });
        const report = await reportEndpointsOf(client, namespace.name, "asked");
        assert.deepEqual(report.problems, []);
        await until("all requests", async () =>
            proxy.asked().length >= attributes.length ? done(true) : seen(proxy.asked()),
        );
        assert.deepEqual(proxy.asked(), attributes);
        assert.deepEqual(troubles, []);
    });
});
