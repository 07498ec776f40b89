import { strict as assert } from "node:assert";

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { useFixture } from "./support/fixture";

describe("secrets kept", function () {
    this.timeout(120_000);
    const fixture = useFixture();
    const program = (name: string, value: string): PulumiFn =>
        fixture.program((options) => {
            const metadata = { name, namespace: fixture.namespace };
            new k8s.core.v1.Secret("secret", { metadata, stringData: { password: `${value}-in-secret` } }, options);
            const annotations = { open: "readable", token: pulumi.secret(`${value}-in-annotation`) };
            const named = fixture.widgetNamed(name, { size: 1, memory: pulumi.secret(`${value}-in-spec`) });
            const args = { ...named, metadata: { ...metadata, annotations } };
            new k8s.apiextensions.CustomResource("widget", args, options);
        });

    it("keeps them out of the state in plain text through create, update and refresh, and gives them to the cluster", async () => {
        const stack = await fixture.stack();
        for (const [value, op] of [
            ["first", "create"],
            ["second", "update"],
        ] as const) {
            const run = await stack.up(program("hidden", value));
            assert.deepEqual(run.ops("widget"), [op], run.messages);
            await stack.refresh();
            const state = stack.stateText();
            assert.ok(state.includes("readable"), `the annotation is not in the state, which has ${state}`);
            const base64 = Buffer.from(`${value}-in-secret`).toString("base64");
            for (const plain of [`${value}-in-secret`, base64, `${value}-in-annotation`, `${value}-in-spec`]) {
                assert.equal(state.includes(plain), false, `${plain} lies open in the state`);
            }
            const { data } = await fixture.cluster.read(fixture.core("Secret", "hidden"));
            assert.deepEqual(data, { password: base64 });
            const widget = await fixture.cluster.read(fixture.widgetNamed("hidden"));
            assert.equal(widget.metadata.annotations!.token, `${value}-in-annotation`);
            assert.deepEqual(widget.spec, { size: 1, memory: `${value}-in-spec` });
        }
    });

    it("returns them as envelopes, leaf by leaf", async () => {
        const stack = await fixture.stack();
        await stack.up(program("kept", "value"));
        const stored = (await stack.resources()).find(
            ({ id, type }) => id.endsWith("/kept") && !type.includes("Secret"),
        )!;
        const isSecret = (value: unknown): boolean =>
            typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
        for (const properties of [stored.inputs, stored.outputs, stored.outputs.__inputs as typeof stored.inputs]) {
            const { annotations } = properties.metadata as { annotations: Record<string, unknown> };
            const spec = properties.spec as Record<string, unknown>;
            assert.deepEqual([isSecret(annotations.token), isSecret(annotations.open)], [true, false]);
            assert.deepEqual([isSecret(spec.memory), isSecret(spec.size)], [true, false]);
        }
    });

    it("are shown as no change while they stay the same", async () => {
        const stack = await fixture.stack();
        await stack.up(program("same", "value"));
        const run = await stack.up(program("same", "value"));
        assert.deepEqual([run.ops("secret"), run.ops("widget")], [["same"], ["same"]]);
    });
});
