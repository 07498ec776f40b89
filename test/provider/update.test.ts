import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

import type { KubeObject } from "./support/cluster";
import { failureOf, useFixture } from "./support/fixture";

describe("Update of the kubernetes provider", function () {
    this.timeout(120_000);
    const fixture = useFixture();
    const widget =
        (name: string, metadata: object = {}) =>
        (spec: object, options: pulumi.CustomResourceOptions = {}) =>
            fixture.program((provider) => {
                const named = fixture.widgetNamed(name, spec);
                const args = { ...named, metadata: { ...named.metadata, ...metadata } };
                new k8s.apiextensions.CustomResource("widget", args, { ...provider, ...options });
            });
    const managers = (object: KubeObject): string[] =>
        (object.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`);

    describe("constant create manager then transfer + SSA at update", () => {
        it("moves the fields of the create to the resource's own manager and drops what the program dropped", async () => {
            const stack = await fixture.stack();
            const program = widget("moved");
            await stack.up(program({ size: 1, memory: "1Gi" }));
            const run = await stack.up(program({ size: 2 }));
            assert.deepEqual(run.of("widget")[0]!.detailedDiff, { "spec.size": "update", "spec.memory": "delete" });
            const live = await fixture.cluster.read(fixture.widgetNamed("moved"));
            const [stored] = await stack.resources();
            assert.deepEqual(live.spec, { size: 2 });
            assert.deepEqual(managers(live), [`${stored!.outputs.__fieldManager as string} Apply`]);
        });

        it("keeps the manager of the annotation pulumi.com/patchFieldManager", async () => {
            const stack = await fixture.stack();
            const program = widget("annotated", { annotations: { "pulumi.com/patchFieldManager": "chosen" } });
            await stack.up(program({ size: 1 }));
            const run = await stack.up(program({ size: 2 }));
            assert.deepEqual(run.ops("widget"), ["update"], run.messages);
            assert.deepEqual(managers(await fixture.cluster.read(fixture.widgetNamed("annotated"))), ["chosen Apply"]);
        });

        it("makes no API call when nothing changed", async () => {
            const stack = await fixture.stack();
            const program = widget("idle")({ size: 1 });
            await stack.up(program);
            const before = await fixture.cluster.read(fixture.widgetNamed("idle"));
            assert.deepEqual((await stack.up(program)).ops("widget"), ["same"]);
            assert.deepEqual(await fixture.cluster.read(fixture.widgetNamed("idle")), before);
        });

        it("previews an update by a dry run and leaves the object alone", async () => {
            const stack = await fixture.stack();
            const program = widget("dry");
            await stack.up(program({ size: 1 }));
            const before = await fixture.cluster.read(fixture.widgetNamed("dry"));
            const preview = await stack.preview(program({ size: 2 }));
            assert.deepEqual(preview.ops("widget"), ["update"]);
            assert.deepEqual(await fixture.cluster.read(fixture.widgetNamed("dry")), before);
            assert.match(await failureOf(stack.preview(program({ size: 101 }))), /spec\.size: Invalid value: 101/);
        });
    });

    describe("`force` rule", () => {
        it("hides a conflict in the preview of the first update, reports it at up and in later previews", async () => {
            const stack = await fixture.stack();
            const program = widget("contested");
            await stack.up(program({ size: 1, strategy: "Halted" }));
            await fixture.cluster.apply(fixture.widgetNamed("contested", { size: 5 }), "other");
            const conflict = /Apply failed with 1 conflict: conflict with "other".*\.spec\.size/s;

            await stack.preview(program({ size: 2, strategy: "Halted" }));
            assert.match(await failureOf(stack.up(program({ size: 2, strategy: "Halted" }))), conflict);
            assert.deepEqual((await fixture.cluster.read(fixture.widgetNamed("contested"))).spec!.size, 5);
            assert.match(await failureOf(stack.preview(program({ size: 2, strategy: "Halted" }))), conflict);
        });

        it("overrides others where the annotation pulumi.com/patchForce says so", async () => {
            const stack = await fixture.stack();
            const program = widget("forced", { annotations: { "pulumi.com/patchForce": "true" } });
            await stack.up(program({ size: 1 }));
            await fixture.cluster.apply(fixture.widgetNamed("forced", { size: 5 }), "other");
            await stack.up(program({ size: 2 }));
            assert.deepEqual((await fixture.cluster.read(fixture.widgetNamed("forced"))).spec, { size: 2 });
        });
    });

    describe("`not found` on update", () => {
        it("sees nothing of a deleted object until it must change it, and does not make it again", async () => {
            const stack = await fixture.stack();
            const program = widget("gone");
            await stack.up(program({ size: 1 }));
            await fixture.cluster.delete(fixture.widgetNamed("gone"));
            assert.deepEqual((await stack.up(program({ size: 1 }))).ops("widget"), ["same"]);
            assert.match(await failureOf(stack.up(program({ size: 2 }))), /"gone" not found/);
            assert.equal(await fixture.cluster.exists(fixture.widgetNamed("gone")), false);
            await stack.destroy();
        });
    });

    describe("ignoreChanges at update", () => {
        const ignore = (...paths: string[]): pulumi.CustomResourceOptions => ({ ignoreChanges: paths });

        it("leaves out a path that others own and we do not", async () => {
            const stack = await fixture.stack();
            const program = widget("scalar");
            const options = ignore("spec.strategy");
            await stack.up(program({ size: 1, strategy: "Halted" }, options));
            await fixture.cluster.patch(fixture.widgetNamed("scalar", { strategy: "Always" }));
            await stack.up(program({ size: 2, strategy: "Halted" }, options));
            const live = await fixture.cluster.read(fixture.widgetNamed("scalar"));
            assert.deepEqual(live.spec, { size: 2, strategy: "Always" });
            const own = live.metadata.managedFields!.find(({ operation }) => operation === "Apply");
            assert.deepEqual(own!.fieldsV1, { "f:spec": { "f:size": {} } });
            const [stored] = await stack.resources();
            assert.deepEqual((stored!.outputs.__inputs as KubeObject).spec, { size: 2 });
            assert.deepEqual((stored!.inputs as unknown as KubeObject).spec, { size: 2, strategy: "Halted" });
        });

        it("sends the live value of a path that nobody else owns", async () => {
            const stack = await fixture.stack();
            const program = widget("kept");
            await stack.up(program({ size: 1, strategy: "Halted" }));
            await stack.up(program({ size: 2, strategy: "Always" }, ignore("spec.strategy")));
            const live = await fixture.cluster.read(fixture.widgetNamed("kept"));
            assert.deepEqual(live.spec, { size: 2, strategy: "Halted" });
            const own = live.metadata.managedFields!.find(({ operation }) => operation === "Apply");
            assert.deepEqual(own!.fieldsV1, { "f:spec": { "f:size": {}, "f:strategy": {} } });
        });

        it("leaves a whole list that somebody else edits alone, in updates and after a refresh", async () => {
            const stack = await fixture.stack();
            const program = widget("list");
            const options = ignore("spec.networks");
            const theirs = [{ name: "a" }, { name: "b" }];
            await stack.up(program({ size: 1, networks: [{ name: "a" }] }, options));
            await fixture.cluster.patch(fixture.widgetNamed("list", { networks: theirs }));
            for (const size of [2, 3]) {
                await stack.up(program({ size, networks: [{ name: "a" }] }, options));
                const { spec } = await fixture.cluster.read(fixture.widgetNamed("list"));
                assert.deepEqual(spec, { size, networks: theirs });
            }
            await stack.refresh();
            const again = await stack.up(program({ size: 3, networks: [{ name: "a" }] }, options));
            assert.deepEqual(again.ops("widget"), ["same"]);
        });

        it("leaves a list that the program never declared alone, without ignoreChanges", async () => {
            const stack = await fixture.stack();
            const program = widget("undeclared");
            await stack.up(program({ size: 1 }));
            await fixture.cluster.patch(fixture.widgetNamed("undeclared", { networks: [{ name: "b" }] }));
            assert.deepEqual((await stack.preview(program({ size: 1 }))).ops("widget"), ["same"]);
            await stack.up(program({ size: 2 }));
            const { spec } = await fixture.cluster.read(fixture.widgetNamed("undeclared"));
            assert.deepEqual(spec, { size: 2, networks: [{ name: "b" }] });
        });
    });

    describe("enableSecretMutable", () => {
        const program = (value: string, args: k8s.ProviderArgs) =>
            fixture.program((options) => {
                const metadata = { name: "user-data", namespace: fixture.namespace };
                new k8s.core.v1.Secret("secret", { metadata, stringData: { userdata: value } }, options);
            }, args);

        it("updates the data of a named Secret in place; without it the Secret is deleted and made again", async () => {
            const mutable = { enableSecretMutable: true };
            const stack = await fixture.stack();
            await stack.up(program("one", mutable));
            const first = await fixture.cluster.read(fixture.core("Secret", "user-data"));
            const inPlace = await stack.up(program("two", mutable));
            const second = await fixture.cluster.read(fixture.core("Secret", "user-data"));
            assert.deepEqual(inPlace.ops("secret"), ["update"]);
            assert.equal(second.metadata.uid, first.metadata.uid);
            // printf two | base64
            assert.deepEqual(second.data, { userdata: "dHdv" });

            const replaced = await stack.up(program("three", {}));
            const third = await fixture.cluster.read(fixture.core("Secret", "user-data"));
            assert.deepEqual(replaced.ops("secret"), ["delete-replaced", "replace", "create-replacement"]);
            assert.notEqual(third.metadata.uid, first.metadata.uid);
            await stack.destroy();
        });
    });
});
