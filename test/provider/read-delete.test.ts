import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import type { KubeObject } from "./support/cluster";
import { failureOf, useFixture } from "./support/fixture";

describe("Read and Delete of the kubernetes provider", function () {
    this.timeout(120_000);
    const fixture = useFixture();
    const widget = (name: string, spec: object): PulumiFn =>
        fixture.program((provider) => {
            new k8s.apiextensions.CustomResource("widget", fixture.widgetNamed(name, spec), provider);
        });

    describe("Read 404 -> empty id", () => {
        it("drops an object deleted by hand from the state, so that the next up makes it again", async () => {
            const stack = await fixture.stack();
            await stack.up(widget("lost", { size: 1 }));
            await fixture.cluster.delete(fixture.widgetNamed("lost"));
            await stack.refresh();
            assert.deepEqual(await stack.resources(), []);
            assert.deepEqual((await stack.up(widget("lost", { size: 1 }))).ops("widget"), ["create"]);
        });

        it("answers an empty id also when the kind is gone", async () => {
            const provider = await fixture.direct();
            const unheardOf = { ...fixture.widget, kind: "Unheard", metadata: { name: "w", namespace: "default" } };
            assert.equal((await provider.read(unheardOf, "default/w", {}, unheardOf)).id, "");
        });
    });

    describe("Read", () => {
        it("brings drift of declared fields into inputs and outputs, and nothing else", async () => {
            const stack = await fixture.stack();
            await stack.up(widget("drift", { size: 1, networks: [{ name: "a" }] }));
            const theirs = { size: 5, strategy: "Always", networks: [{ name: "a" }, { name: "b" }] };
            await fixture.cluster.patch(fixture.widgetNamed("drift", theirs));
            await stack.refresh();
            const [stored] = await stack.resources();
            assert.deepEqual(stored!.inputs.spec, { size: 5, networks: [{ name: "a" }] });
            assert.deepEqual(stored!.outputs.spec, theirs);
            const run = await stack.preview(widget("drift", { size: 1, networks: [{ name: "a" }] }));
            assert.deepEqual(run.of("widget")[0]!.detailedDiff, { "spec.size": "update" });
        });

        it("imports a custom resource by its identity alone, so that an update follows at once", async () => {
            await fixture.cluster.create(fixture.widgetNamed("foreign", { size: 3 }));
            const stack = await fixture.stack();
            const program = fixture.program((provider) => {
                const options = { ...provider, import: `${fixture.namespace}/foreign` };
                const named = fixture.widgetNamed("foreign", { size: 3 });
                new k8s.apiextensions.CustomResource("widget", named, options);
            });
            assert.deepEqual((await stack.up(program)).ops("widget"), ["import", "update"]);
            const [stored] = await stack.resources();
            assert.equal(stored!.id, `${fixture.namespace}/foreign`);
            assert.deepEqual((await stack.up(widget("foreign", { size: 3 }))).ops("widget"), ["same"]);
        });
    });

    describe("Foreground delete with wait", () => {
        const settings = (name: string, annotations?: Record<string, string>, timeout?: string): PulumiFn =>
            fixture.program((provider) => {
                const options = { ...provider, ...(timeout && { customTimeouts: { delete: timeout } }) };
                const metadata = { name, namespace: fixture.namespace, annotations };
                new k8s.core.v1.ConfigMap("settings", { metadata }, options);
            });
        const hold = (name: string): Promise<void> => finalizers(name, ["provider-test.vm.novasphere.dev/held"]);
        const release = (name: string): Promise<void> => finalizers(name, null);
        const finalizers = (name: string, value: string[] | null): Promise<void> =>
            fixture.cluster.patch({
                apiVersion: "v1",
                kind: "ConfigMap",
                metadata: { name, namespace: fixture.namespace, finalizers: value },
            });
        const read = (name: string): Promise<KubeObject> => fixture.cluster.read(fixture.core("ConfigMap", name));

        /** A held object that the other owns: a foreground deletion of the owner must wait for it. */
        const makeDependent = async (owner: string): Promise<string> => {
            const { apiVersion, kind, metadata } = await read(owner);
            const reference = { apiVersion, kind, name: owner, uid: metadata.uid, blockOwnerDeletion: true };
            const dependent = `${owner}-dependent`;
            await fixture.cluster.create({
                apiVersion: "v1",
                kind: "ConfigMap",
                metadata: { name: dependent, namespace: fixture.namespace, ownerReferences: [reference] },
            });
            await hold(dependent);
            return dependent;
        };

        it("deletes what the object owns first, and waits until the object is gone", async () => {
            const stack = await fixture.stack();
            await stack.up(settings("owner"));
            const dependent = await makeDependent("owner");
            let ended = false;
            const destroy = stack.destroy().finally(() => (ended = true));
            await fixture.cluster.until("the deletion of what the object owns", async () => {
                return "deletionTimestamp" in (await read(dependent)).metadata;
            });
            assert.deepEqual((await read("owner")).metadata.finalizers, ["foregroundDeletion"]);
            assert.equal(ended, false);
            await release(dependent);
            await destroy;
            assert.equal(await fixture.cluster.exists(fixture.core("ConfigMap", "owner")), false);
            assert.deepEqual(await stack.resources(), []);
        });

        it("fails at the end of customTimeouts.delete while a finalizer holds the object, also with skipAwait", async () => {
            const stack = await fixture.stack();
            await stack.up(settings("stuck", { "pulumi.com/skipAwait": "true" }, "2s"));
            await hold("stuck");
            assert.match(await failureOf(stack.destroy()), /timed out waiting for the condition/);
            assert.equal((await stack.resources()).length, 1);
            await release("stuck");
            await stack.destroy();
        });

        it("deletes in the background where the annotation pulumi.com/deletionPropagationPolicy says so", async () => {
            const stack = await fixture.stack();
            await stack.up(settings("back", { "pulumi.com/deletionPropagationPolicy": "background" }));
            const dependent = await makeDependent("back");
            await stack.destroy();
            assert.equal(await fixture.cluster.exists(fixture.core("ConfigMap", dependent)), true);
            await release(dependent);
        });

        it("takes a missing object and a missing kind for deleted", async () => {
            const provider = await fixture.direct();
            for (const reference of [
                fixture.widgetNamed("never"),
                { ...fixture.widgetNamed("never"), kind: "Unheard" },
            ]) {
                await provider.delete(reference, `${fixture.namespace}/never`, { ...reference, __inputs: reference });
            }
        });
    });
});
