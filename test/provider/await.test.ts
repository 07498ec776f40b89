import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import type { Manifest } from "./support/cluster";
import { failureOf, useFixture } from "./support/fixture";

/** Longer than any test may take, so that a wait which should not be there shows as a timeout of the test. */
const ENDLESS_SECONDS = 600;

describe("Await of the kubernetes provider", function () {
    this.timeout(60_000);
    const fixture = useFixture();
    const port = [{ port: 80 }];
    const selector = { "kubevirt.io/vm": "nobody" };
    const skipAwait = { "pulumi.com/skipAwait": "true" };

    const named = (name: string, annotations: object): object => ({ name, namespace: fixture.namespace, annotations });
    const serviceWith = (name: string, spec: object, annotations: Record<string, string> = {}): Manifest => ({
        ...fixture.core("Service", name),
        metadata: { name, namespace: fixture.namespace, annotations },
        spec,
    });
    const ingressWith = (name: string, annotations: Record<string, string> = {}): Manifest => {
        const backend = { service: { name: "no-such-service", port: { number: 80 } } };
        const rules = [{ http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
        const metadata = { name, namespace: fixture.namespace, annotations };
        return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata, spec: { rules } };
    };
    /** The program of one Service that may take that long to become ready. */
    const service = (name: string, spec: object, timeout: string, annotations: object = {}): PulumiFn =>
        fixture.program((provider) => {
            const customTimeouts = { create: timeout, update: timeout };
            const args = { metadata: named(name, annotations), spec };
            new k8s.core.v1.Service("awaited", args, { ...provider, customTimeouts });
        });

    describe("at once", () => {
        const metadata = { name: "plain", namespace: "" };
        const cases: [string, () => Manifest][] = [
            ["a Service without selector", () => serviceWith("bare", { ports: port })],
            [
                "a headless Service with selector",
                () => serviceWith("headless", { clusterIP: "None", selector, ports: port }),
            ],
            [
                "an ExternalName Service",
                () => serviceWith("external", { type: "ExternalName", externalName: "example.org" }),
            ],
            ["a NodePort Service without selector", () => serviceWith("node-port", { type: "NodePort", ports: port })],
            ["a Service with pulumi.com/skipAwait", () => serviceWith("skipped", { selector, ports: port }, skipAwait)],
            [
                "a LoadBalancer with pulumi.com/skipAwait",
                () => serviceWith("balancer", { type: "LoadBalancer", selector, ports: port }, skipAwait),
            ],
            ["an Ingress with pulumi.com/skipAwait", () => ingressWith("skipped", skipAwait)],
            [
                "a NetworkPolicy",
                () => ({
                    apiVersion: "networking.k8s.io/v1",
                    kind: "NetworkPolicy",
                    metadata,
                    spec: { podSelector: {} },
                }),
            ],
            [
                "an EndpointSlice",
                () => ({
                    apiVersion: "discovery.k8s.io/v1",
                    kind: "EndpointSlice",
                    metadata,
                    addressType: "IPv4",
                    endpoints: [],
                }),
            ],
            ["a ConfigMap", () => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "b" } })],
            ["a Secret", () => ({ apiVersion: "v1", kind: "Secret", metadata, data: { a: "Yg==" } })],
            ["a Role", () => ({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules: [] })],
            ["a custom resource", () => fixture.widgetNamed("plain")],
        ];
        for (const [title, object] of cases) {
            it(title, async () => {
                const provider = await fixture.direct();
                const inputs = object();
                const inNamespace = { ...inputs, metadata: { ...inputs.metadata, namespace: fixture.namespace } };
                const { id } = await provider.create(inNamespace, { timeout: ENDLESS_SECONDS });
                assert.equal(id, `${fixture.namespace}/${inputs.metadata.name}`);
            });
        }
    });

    describe("until the time is up", () => {
        it("a Service with selector and no ready endpoint waits, then succeeds", async () => {
            const stack = await fixture.stack();
            await stack.up(service("unserved", { selector, ports: port }, "2s"));
            const [stored] = await stack.resources();
            assert.equal(stored!.initErrors, undefined);
        });

        it("a LoadBalancer without controller fails, is saved, and is awaited again by the next up", async () => {
            const stack = await fixture.stack();
            const program = service("balanced", { type: "LoadBalancer", ports: port }, "2s");
            const failure = await failureOf(stack.up(program));
            assert.match(failure, /'balanced' timed out waiting to be Ready/);
            assert.match(failure, /was not allocated an IP address/);
            const [stored] = await stack.resources();
            assert.equal(stored!.id, `${fixture.namespace}/balanced`);
            assert.ok(stored!.initErrors!.length > 0);

            assert.deepEqual((await stack.preview(program)).ops("awaited"), ["update"]);
            const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
            await fixture.cluster.patchStatus({ ...fixture.core("Service", "balanced"), status });
            await stack.up(program);
            assert.equal((await stack.resources())[0]!.initErrors, undefined);
        });

        it("an Ingress without controller fails", async () => {
            const provider = await fixture.direct();
            const failure = await failureOf(provider.create(ingressWith("unserved"), { timeout: 2 }));
            assert.match(failure, /'unserved' timed out waiting to be Ready/);
        });

        it("pulumi.com/timeoutSeconds limits the wait where customTimeouts do not", async () => {
            const provider = await fixture.direct();
            await provider.create(
                serviceWith("annotated", { selector, ports: port }, { "pulumi.com/timeoutSeconds": "2" }),
            );
        });

        it("a DaemonSet of which no pod runs fails", async () => {
            const labels = { app: "agent" };
            const daemonSet = {
                apiVersion: "apps/v1",
                kind: "DaemonSet",
                metadata: { name: "unready", namespace: fixture.namespace },
                spec: {
                    selector: { matchLabels: labels },
                    template: { metadata: { labels }, spec: { containers: [{ name: "agent", image: "none" }] } },
                },
            };
            const provider = await fixture.direct();
            const failure = await failureOf(provider.create(daemonSet, { timeout: 2 }));
            assert.match(failure, /timed out waiting/);
        });
    });

    describe("pulumi.com/waitFor", () => {
        const waiting = (name: string, waitFor: string): Manifest => ({
            ...fixture.widgetNamed(name),
            metadata: { name, namespace: fixture.namespace, annotations: { "pulumi.com/waitFor": waitFor } },
        });

        it("fails at the end of the time while the condition does not hold", async () => {
            const provider = await fixture.direct();
            const failure = await failureOf(provider.create(waiting("unready", "condition=Ready"), { timeout: 2 }));
            assert.match(failure, /timed out waiting for the condition/);
        });

        it("succeeds as soon as all conditions hold, with the object as it then is", async () => {
            const provider = await fixture.direct();
            const conditions = JSON.stringify(["condition=Ready", "jsonpath={.status.phase}=Running"]);
            const create = provider.create(waiting("ready", conditions), { timeout: ENDLESS_SECONDS });
            await fixture.cluster.until("the widget", () => fixture.cluster.exists(fixture.widgetNamed("ready")));
            const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
            await fixture.cluster.patchStatus({ ...fixture.widgetNamed("ready"), status });
            assert.deepEqual((await create).outputs.status, status);
        });
    });

    it("a refresh looks at a LoadBalancer and saves what it lacks, but not with pulumi.com/skipAwait", async () => {
        for (const [annotations, errors] of [
            [skipAwait, 0],
            [{}, 1],
        ] as const) {
            const stack = await fixture.stack();
            const program = service("refreshed", { type: "LoadBalancer", ports: port }, "2s", annotations);
            await stack.up(program).catch(() => undefined);
            await stack.refresh();
            const [stored] = await stack.resources();
            const found = (stored!.initErrors ?? []).filter((error) => /failed to initialize/.test(error));
            assert.equal(found.length, errors);
            await stack.destroy();
        }
    });
});
