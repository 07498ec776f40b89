import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { failureOf, useFixture } from "./support/fixture";

/** Longer than any test may take, so that a wait which should not be there shows as a timeout of the test. */
const ENDLESS = "10m";

describe("Await of the kubernetes provider", function () {
    this.timeout(60_000);
    const fixture = useFixture();
    const port = [{ port: 80 }];
    const selector = { "kubevirt.io/vm": "nobody" };
    const skipAwait = { "pulumi.com/skipAwait": "true" };

    const service = (name: string, spec: object, timeout: string, annotations: Record<string, string> = {}): PulumiFn =>
        fixture.program((provider) => {
            const args = { metadata: { name, namespace: fixture.namespace, annotations }, spec };
            const customTimeouts = { create: timeout, update: timeout };
            new k8s.core.v1.Service("awaited", args, { ...provider, customTimeouts });
        });
    const ingress = (name: string, timeout: string, annotations: Record<string, string> = {}): PulumiFn =>
        fixture.program((provider) => {
            const backend = { service: { name: "no-such-service", port: { number: 80 } } };
            const rules = [{ http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
            const args = { metadata: { name, namespace: fixture.namespace, annotations }, spec: { rules } };
            const options = { ...provider, customTimeouts: { create: timeout } };
            new k8s.networking.v1.Ingress("awaited", args, options);
        });

    describe("at once", () => {
        const cases: [string, object, Record<string, string>?][] = [
            ["a Service without selector", { ports: port }],
            ["a headless Service with selector", { clusterIP: "None", selector, ports: port }],
            ["an ExternalName Service", { type: "ExternalName", externalName: "example.org" }],
            ["a NodePort Service without selector", { type: "NodePort", ports: port }],
            ["a Service with selector and pulumi.com/skipAwait", { selector, ports: port }, skipAwait],
            ["a LoadBalancer with pulumi.com/skipAwait", { type: "LoadBalancer", selector, ports: port }, skipAwait],
        ];
        for (const [i, [title, spec, annotations]] of cases.entries()) {
            it(title, async () => {
                const stack = await fixture.stack();
                await stack.up(service(`now-${i}`, spec, ENDLESS, annotations));
                await stack.destroy();
            });
        }

        it("an Ingress with pulumi.com/skipAwait", async () => {
            const stack = await fixture.stack();
            await stack.up(ingress("now", ENDLESS, skipAwait));
            await stack.destroy();
        });

        it("NetworkPolicy, EndpointSlice, ConfigMap, Secret, Role and a custom resource", async () => {
            const stack = await fixture.stack();
            const run = await stack.up(
                fixture.program((provider) => {
                    const options = { ...provider, customTimeouts: { create: ENDLESS } };
                    const metadata = { name: "plain", namespace: fixture.namespace };
                    new k8s.networking.v1.NetworkPolicy("policy", { metadata, spec: { podSelector: {} } }, options);
                    new k8s.discovery.v1.EndpointSlice(
                        "slice",
                        { metadata, addressType: "IPv4", endpoints: [] },
                        options,
                    );
                    new k8s.core.v1.ConfigMap("settings", { metadata, data: { a: "b" } }, options);
                    new k8s.core.v1.Secret("secret", { metadata, stringData: { a: "b" } }, options);
                    new k8s.rbac.v1.Role("role", { metadata, rules: [] }, options);
                    new k8s.apiextensions.CustomResource("widget", fixture.widgetNamed("plain"), options);
                }),
            );
            assert.equal(run.steps.filter(({ op, urn }) => op === "create" && urn.includes("kubernetes:")).length, 7);
            await stack.destroy();
        });
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
            const stack = await fixture.stack();
            const failure = await failureOf(stack.up(ingress("unserved", "2s")));
            assert.match(failure, /'unserved' timed out waiting to be Ready/);
            assert.match(failure, /\.status\.loadBalancer field was not updated/);
        });

        it("pulumi.com/timeoutSeconds limits the wait where customTimeouts do not", async () => {
            const stack = await fixture.stack();
            const program = fixture.program((provider) => {
                const annotations = { "pulumi.com/timeoutSeconds": "2" };
                const metadata = { name: "annotated", namespace: fixture.namespace, annotations };
                new k8s.core.v1.Service("awaited", { metadata, spec: { selector, ports: port } }, provider);
            });
            await stack.up(program);
        });
    });

    describe("pulumi.com/waitFor", () => {
        const waiting = (name: string, timeout: string, waitFor: string): PulumiFn =>
            fixture.program((provider) => {
                const named = fixture.widgetNamed(name);
                const annotations = { "pulumi.com/waitFor": waitFor };
                const args = { ...named, metadata: { ...named.metadata, annotations } };
                const options = { ...provider, customTimeouts: { create: timeout } };
                new k8s.apiextensions.CustomResource("awaited", args, options);
            });

        it("fails at the end of the time while the condition does not hold", async () => {
            const stack = await fixture.stack();
            const failure = await failureOf(stack.up(waiting("unready", "2s", "condition=Ready")));
            assert.match(failure, /timed out waiting for the condition/);
            assert.equal((await stack.resources()).length, 1);
        });

        it("succeeds as soon as all conditions hold", async () => {
            const stack = await fixture.stack();
            const conditions = JSON.stringify(["condition=Ready", "jsonpath={.status.phase}=Running"]);
            const up = stack.up(waiting("ready", ENDLESS, conditions));
            await fixture.cluster.until("the widget", () => fixture.cluster.exists(fixture.widgetNamed("ready")));
            const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
            await fixture.cluster.patchStatus({ ...fixture.widgetNamed("ready"), status });
            await up;
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
