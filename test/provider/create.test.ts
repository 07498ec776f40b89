import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import type { KubeObject } from "./support/cluster";
import { failureOf, useFixture } from "./support/fixture";
import { SUBJECT } from "./support/subject";
import { defineKind, definitionOf, widgetKind } from "./support/widgets";

describe("Create of the kubernetes provider", function () {
    this.timeout(120_000);
    const fixture = useFixture();
    const widget =
        (name: string, spec: object) =>
        (args?: k8s.ProviderArgs): PulumiFn =>
            fixture.program((options) => {
                new k8s.apiextensions.CustomResource("widget", fixture.widgetNamed(name, spec), options);
            }, args);
    const managers = (object: KubeObject): string[] =>
        (object.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`);

    describe("POST-create with `AlreadyExists` error", () => {
        it("makes the object under the constant create manager, and keeps the live object and the inputs", async () => {
            const stack = await fixture.stack();
            await stack.up(widget("made", { size: 1 })());
            const live = await fixture.cluster.read(fixture.widgetNamed("made"));
            assert.deepEqual(managers(live), ["pulumi-kubernetes Update"]);
            const [stored] = await stack.resources();
            assert.equal(stored!.id, `${fixture.namespace}/made`);
            assert.equal((stored!.outputs.metadata as { uid: string }).uid, live.metadata.uid);
            assert.deepEqual(stored!.outputs.__inputs, fixture.widgetNamed("made", { size: 1 }));
            assert.equal(stored!.outputs.__initialApiVersion, fixture.widget.apiVersion);
            assert.match(stored!.outputs.__fieldManager as string, /^pulumi-kubernetes-[0-9a-f]{8}$/);
        });

        it("passes the preview over an object of that name, fails at up, and changes nothing", async () => {
            await fixture.cluster.create(fixture.widgetNamed("theirs", { size: 7 }));
            const stack = await fixture.stack();
            const preview = await stack.preview(widget("theirs", { size: 1 })());
            assert.deepEqual(preview.ops("widget"), ["create"]);
            const failure = await failureOf(stack.up(widget("theirs", { size: 1 })()));
            assert.match(
                failure,
                /was not successfully created by the Kubernetes API server.*"theirs" already exists/s,
            );
            assert.deepEqual((await fixture.cluster.read(fixture.widgetNamed("theirs"))).spec, { size: 7 });
        });
    });

    describe("upsertExistingObjects", () => {
        const upsert = { upsertExistingObjects: true };

        it("adopts an equal object under its own field manager", async () => {
            await fixture.cluster.create(fixture.widgetNamed("equal", { size: 1 }));
            const stack = await fixture.stack();
            await stack.up(widget("equal", { size: 1 })(upsert));
            const [stored] = await stack.resources();
            const live = await fixture.cluster.read(fixture.widgetNamed("equal"));
            assert.ok(managers(live).includes(`${stored!.outputs.__fieldManager as string} Apply`));
            assert.equal((stored!.outputs.metadata as { uid: string }).uid, live.metadata.uid);
        });

        it("conflicts with a differing object of somebody else's, after a preview that passed", async () => {
            await fixture.cluster.create(fixture.widgetNamed("differs", { size: 7 }));
            const stack = await fixture.stack();
            await stack.preview(widget("differs", { size: 1 })(upsert));
            const failure = await failureOf(stack.up(widget("differs", { size: 1 })(upsert)));
            assert.match(failure, /Apply failed with 1 conflict: conflict with.*\.spec\.size/s);
            assert.deepEqual((await fixture.cluster.read(fixture.widgetNamed("differs"))).spec, { size: 7 });
        });

        it("previews and makes a later change of a Service's port, which a plain create cannot preview", async () => {
            const service = (name: string, port: number, args: k8s.ProviderArgs): PulumiFn =>
                fixture.program((options) => {
                    const metadata = { name, namespace: fixture.namespace };
                    new k8s.core.v1.Service("service", { metadata, spec: { ports: [{ port }] } }, options);
                }, args);
            const stack = await fixture.stack();
            await stack.up(service("upserted", 80, upsert));
            await stack.preview(service("upserted", 81, upsert));
            await stack.up(service("upserted", 81, upsert));
            const { spec } = await fixture.cluster.read(fixture.core("Service", "upserted"));
            assert.deepEqual(
                (spec!.ports as { port: number }[]).map(({ port }) => port),
                [81],
            );

            const plain = await fixture.stack();
            await plain.up(service("posted", 80, {}));
            assert.match(
                await failureOf(plain.preview(service("posted", 81, {}))),
                /spec\.ports\[0\]\.name: Required value/,
            );
            await plain.up(service("posted", 81, {}));
        });
    });

    describe("dry-run at preview with echo on 409/403/404", () => {
        it("shows what the API server would make: defaults and a uid, but no status and no id", async () => {
            const provider = await fixture.direct();
            const inputs = {
                apiVersion: "v1",
                kind: "Service",
                metadata: { name: "dry", namespace: fixture.namespace },
                spec: { ports: [{ port: 80 }] },
            };
            const { id, outputs } = await provider.create(inputs, { preview: true });
            const { metadata, spec } = outputs as unknown as KubeObject;
            assert.equal(id, "");
            assert.equal(spec!.sessionAffinity, "None");
            assert.match(metadata.uid!, /^[0-9a-f-]{36}$/);
            assert.equal("status" in outputs, false);
            assert.deepEqual(outputs.__inputs, inputs);
            assert.equal(await fixture.cluster.exists(fixture.core("Service", "dry")), false);
        });

        it("echoes the inputs for 409: the object exists", async () => {
            await fixture.cluster.create(fixture.widgetNamed("echo-409"));
            const provider = await fixture.direct();
            const inputs = fixture.widgetNamed("echo-409", { size: 2 });
            assert.deepEqual(await provider.create(inputs, { preview: true }), { id: "", outputs: inputs });
        });

        it("echoes the inputs for 403: the user may not create, and fails at up", async () => {
            const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
            const kubeconfig = await fixture.cluster.kubeconfigFor(fixture.namespace, rules);
            const provider = await fixture.direct({ kubeconfig });
            const inputs = fixture.widgetNamed("echo-403");
            assert.deepEqual(await provider.create(inputs, { preview: true }), { id: "", outputs: inputs });
            await assert.rejects(provider.create(inputs), /is forbidden: User .* cannot create resource/);
        });

        it("echoes the inputs for 404: a missing namespace, a missing kind", async () => {
            const provider = await fixture.direct();
            const nowhere = { ...fixture.widget, metadata: { name: "w", namespace: "no-such-namespace" } };
            assert.deepEqual(await provider.create(nowhere, { preview: true }), { id: "", outputs: nowhere });
            const unheardOf = { ...widgetKind("Unheard"), metadata: { name: "w", namespace: fixture.namespace } };
            assert.deepEqual(await provider.create(unheardOf, { preview: true }), { id: "", outputs: unheardOf });
        });

        it("fails the preview for what the API server refuses", async () => {
            const stack = await fixture.stack();
            const failure = await failureOf(stack.preview(widget("big", { size: 101 })()));
            assert.match(failure, /spec\.size: Invalid value: 101/);
        });

        it("passes unknown fields of a custom resource, which the API server prunes", async () => {
            const provider = await fixture.direct();
            const { outputs } = await provider.create(fixture.widgetNamed("typo", { size: 1, siez: 2 }), {
                preview: true,
            });
            assert.deepEqual(outputs.spec, { size: 1 });
        });
    });

    describe("404-retry for missing CRD/namespace", () => {
        it("waits for a kind that comes while it tries", async () => {
            const provider = await fixture.direct();
            const kind = `${fixture.widget.kind}Late`;
            const reference = { ...widgetKind(kind), metadata: { name: "late", namespace: fixture.namespace } };
            const [{ id }] = await Promise.all([provider.create(reference), defineKind(fixture.cluster, kind)]);
            assert.equal(id, `${fixture.namespace}/late`);
            await fixture.cluster.delete(definitionOf(kind));
        });

        it("gives up with the kind that is missing", async () => {
            // Upstream tries for 63 s whatever the timeout; the stand-in ends with a shorter customTimeouts.create.
            const provider = await fixture.direct();
            const unheardOf = { ...widgetKind("Unheard"), metadata: { name: "w", namespace: fixture.namespace } };
            const failure = await failureOf(provider.create(unheardOf, { timeout: SUBJECT === "plugin" ? 0 : 2 }));
            assert.match(failure, /no matches for kind "Unheard" in version "provider-test\.vm\.novasphere\.dev\/v1"/);
        });
    });
});
