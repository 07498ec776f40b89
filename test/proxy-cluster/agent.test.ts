import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import type { ProxyPort, ProxyState } from "../../core/service-proxy/model";
import { Agent } from "../../proxy/agent";
import type { Applied, Dataplane } from "../../proxy/dataplane";
import { done, seen, testKubeconfig, until, useNamespace } from "../support/embedded-cluster";

const NODE = "node-of-the-agent";
const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
const jsonPatch = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch);

/** A dataplane that writes down what it is to do; the real ones have tests of their own. */
class RecordingDataplane implements Dataplane {
    public readonly applies: ProxyState[] = [];
    public failures: string[] = [];
    /** Told to the next who asks. */
    public isDamaged = false;

    public apply(state: ProxyState): Promise<Applied> {
        this.applies.push(state);
        const failure = this.failures.shift();
        return failure === undefined
            ? Promise.resolve({ kind: "partial", flowsRemoved: 0, unserved: [] })
            : Promise.reject(new Error(failure));
    }

    public isIntact(): Promise<boolean> {
        const intact = !this.isDamaged;
        this.isDamaged = false;
        return Promise.resolve(intact);
    }

    public remove(): Promise<void> {
        return Promise.resolve();
    }

    public close(): void {}

    public explain(): string[] {
        return [];
    }
}

describe("the agent of a node", function () {
    this.timeout(60_000);
    const namespace = useNamespace("agent");
    let dataplane: RecordingDataplane;
    let ending: AbortController;
    let agent: Agent;
    let running: Promise<void>;
    let reports: string[];

    before(async () => {
        dataplane = new RecordingDataplane();
        ending = new AbortController();
        reports = [];
        const client = new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig() }));
        agent = new Agent(client, Promise.resolve(dataplane), {
            nodeName: NODE,
            observer: {
                applied: () => reports.push("applied"),
                failed: (sentence) => reports.push(`failed: ${sentence}`),
                trouble: (sentence) => reports.push(`trouble: ${sentence}`),
                drifted: () => reports.push("drifted"),
            },
        });
        running = agent.run(ending.signal);
    });

    after(async () => {
        ending.abort();
        await running;
    });

    const portsOf = (name: string): readonly ProxyPort[] =>
        (dataplane.applies.at(-1)?.ports ?? []).filter(({ service }) => service === `${namespace.name}/${name}`);

    async function untilPorts(
        name: string,
        what: string,
        is: (ports: readonly ProxyPort[]) => boolean,
    ): Promise<readonly ProxyPort[]> {
        return until(`${name} ${what}`, () =>
            Promise.resolve(is(portsOf(name)) ? done(portsOf(name)) : seen(portsOf(name))),
        );
    }

    async function createService(
        name: string,
        spec: Partial<k8s.V1ServiceSpec> = {},
        label = "wukong",
    ): Promise<k8s.V1Service> {
        return namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: {
                metadata: { name, ...(label !== "" && { labels: { [PROXY_NAME]: label } }) },
                spec: { ports: [{ port: 80 }], ...spec },
            },
        });
    }

    const discovery = (): k8s.DiscoveryV1Api => namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);

    async function createSlice(service: string, addresses: string[], nodeName = NODE): Promise<void> {
        await discovery().createNamespacedEndpointSlice({
            namespace: namespace.name,
            body: {
                metadata: { name: service, labels: { "kubernetes.io/service-name": service } },
                addressType: "IPv4",
                endpoints: addresses.map((address) => ({
                    addresses: [address],
                    nodeName,
                    conditions: { ready: true },
                })),
                ports: [{ port: 8080 }],
            },
        });
    }

    it("applies what the cluster has, once all of it is read", async () => {
        await until("the first apply", () =>
            Promise.resolve(dataplane.applies.length > 0 ? done(true) : seen(agent.unhealthy)),
        );
        assert.equal(agent.unhealthy, undefined);
        await createService("web");
        const [empty] = await untilPorts("web", "is served", (ports) => ports.length === 1);
        assert.deepEqual(empty?.internal, { endpoints: [], whenEmpty: "reject" });
        await createSlice("web", ["192.0.2.7"]);
        const [served] = await untilPorts("web", "has an endpoint", ([port]) => port?.internal.endpoints.length === 1);
        assert.deepEqual(served?.internal.endpoints, [{ address: "192.0.2.7", port: 8080 }]);
    });

    it("leaves Services without the label to kube-proxy, and follows the label as it comes and goes", async () => {
        await createService("toggled", {}, "");
        await createService("of-another", {}, "another-proxy");
        const path = `/metadata/labels/${PROXY_NAME.replace("/", "~1")}`;
        const patch = async (body: object[]): Promise<unknown> =>
            namespace.clients.core.patchNamespacedService(
                { name: "toggled", namespace: namespace.name, body },
                jsonPatch,
            );
        await patch([{ op: "add", path: "/metadata/labels", value: { [PROXY_NAME]: "wukong" } }]);
        await untilPorts("toggled", "is ours", (ports) => ports.length === 1);
        assert.deepEqual(portsOf("of-another"), []);
        await patch([{ op: "remove", path }]);
        await untilPorts("toggled", "is kube-proxy's", (ports) => ports.length === 0);
    });

    it("follows a Service through its types, and to its end", async () => {
        await createService("typed");
        await untilPorts("typed", "is served", (ports) => ports.length === 1);
        const patch = async (body: object[]): Promise<unknown> =>
            namespace.clients.core.patchNamespacedService(
                { name: "typed", namespace: namespace.name, body },
                jsonPatch,
            );
        await patch([{ op: "replace", path: "/spec/type", value: "NodePort" }]);
        await untilPorts("typed", "has a node port", ([port]) => port?.nodePort !== undefined);
        await patch([
            { op: "replace", path: "/spec/type", value: "ExternalName" },
            { op: "add", path: "/spec/externalName", value: "example.org" },
        ]);
        await untilPorts("typed", "is a name alone", (ports) => ports.length === 0);
        await patch([
            { op: "replace", path: "/spec/type", value: "ClusterIP" },
            { op: "remove", path: "/spec/externalName" },
        ]);
        await untilPorts("typed", "is served again", (ports) => ports.length === 1);
        await namespace.clients.core.deleteNamespacedService({ name: "typed", namespace: namespace.name });
        await untilPorts("typed", "is gone", (ports) => ports.length === 0);
    });

    it("tries again what failed, and says so meanwhile", async () => {
        reports = [];
        dataplane.failures = ["the kernel is out of memory", "the kernel is out of memory"];
        await createService("later");
        await until("the failure to be told", () =>
            Promise.resolve(agent.unhealthy === undefined ? seen(reports) : done(true)),
        );
        assert.equal(agent.unhealthy, "the kernel is out of memory");
        await until("the apply after two that failed", () =>
            Promise.resolve(reports.includes("applied") ? done(true) : seen(reports)),
        );
        assert.equal(agent.unhealthy, undefined);
        assert.equal(reports.filter((each) => each === "failed: the kernel is out of memory").length, 2);
        assert.equal(portsOf("later").length, 1);
    });

    it("writes rules anew that somebody has changed", async () => {
        reports = [];
        dataplane.isDamaged = true;
        // What other suites do in the cluster is applied meanwhile, too.
        await until("the repair", () =>
            Promise.resolve(
                reports.slice(reports.indexOf("drifted") >>> 0).includes("applied") ? done(true) : seen(reports),
            ),
        );
        assert.equal(reports.filter((each) => each === "drifted").length, 1);
    });

    it("answers load balancers that ask whether the node has endpoints", async () => {
        const service = await createService("balanced", { type: "LoadBalancer", externalTrafficPolicy: "Local" });
        const port = service.spec?.healthCheckNodePort ?? 0;
        const untilHealth = async (status: number | undefined): Promise<unknown> =>
            until(`the health check port to answer ${status}`, async () => {
                const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
                return response?.status === status ? done(await response?.json()) : seen(response?.status);
            });
        const of = { namespace: namespace.name, name: "balanced" };
        const none = { service: of, localEndpoints: 0, serviceProxyHealthy: true };
        assert.deepEqual(await untilHealth(503), none);
        await createSlice("balanced", ["192.0.2.8", "192.0.2.9"]);
        assert.deepEqual(await untilHealth(200), { ...none, localEndpoints: 2 });
        await namespace.clients.core.deleteNamespacedService({ name: "balanced", namespace: namespace.name });
        await untilHealth(undefined); // nobody listens
    });
});
