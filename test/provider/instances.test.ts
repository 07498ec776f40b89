import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as k8s from "@pulumi/kubernetes";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { failureOf, useFixture } from "./support/fixture";

describe("Instances of the kubernetes provider", function () {
    this.timeout(120_000);
    const fixture = useFixture();
    let folder: string;
    before(() => {
        folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const file = (name: string, contents: string): string => {
        const path = join(folder, name);
        writeFileSync(path, contents);
        return path;
    };
    const configMapExists = (namespace: string, name: string): Promise<boolean> =>
        fixture.cluster.exists({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } });

    it("two explicit providers of one program act on their own contexts, in all calls", async () => {
        const other = await fixture.cluster.makeNamespace();
        const contexts = { left: fixture.namespace, right: other };
        const program =
            (value: string): PulumiFn =>
            () => {
                for (const [name, namespace] of Object.entries(contexts)) {
                    const kubeconfig = fixture.cluster.kubeconfigWith({ namespace });
                    const provider = new k8s.Provider(name, { kubeconfig, enableConfigMapMutable: true });
                    const args = { metadata: { name: `of-${name}` }, data: { value } };
                    new k8s.core.v1.ConfigMap(`of-${name}`, args, { provider });
                }
                return Promise.resolve();
            };
        const stack = await fixture.stack();
        await stack.preview(program("one"));
        await stack.up(program("one"));
        await stack.up(program("two"));
        await stack.refresh();
        assert.deepEqual(
            (await stack.resources()).map(({ id }) => id).sort(),
            [`${fixture.namespace}/of-left`, `${other}/of-right`].sort(),
        );
        for (const [name, namespace] of Object.entries(contexts)) {
            const reference = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `of-${name}`, namespace } };
            assert.deepEqual((await fixture.cluster.read(reference)).data, { value: "two" });
        }
        await stack.destroy();
        assert.equal(await configMapExists(fixture.namespace, "of-left"), false);
        assert.equal(await configMapExists(other, "of-right"), false);
    });

    it("one instance may fail for want of a cluster while the other works", async () => {
        const kubeconfig = fixture.cluster.kubeconfigWith({ server: "https://127.0.0.1:1" });
        const program = (): Promise<void> => {
            const metadata = { name: "reached", namespace: fixture.namespace };
            const good = new k8s.Provider("good", { kubeconfig: fixture.cluster.kubeconfig });
            const bad = new k8s.Provider("bad", { kubeconfig });
            const reached = new k8s.core.v1.ConfigMap("good", { metadata }, { provider: good });
            const unreached = { metadata: { ...metadata, name: "unreached" } };
            new k8s.core.v1.ConfigMap("bad", unreached, { provider: bad, dependsOn: reached });
            return Promise.resolve();
        };
        const stack = await fixture.stack();
        assert.match(await failureOf(stack.up(program)), /configured Kubernetes cluster is unreachable/);
        assert.deepEqual(
            (await stack.resources()).map(({ id }) => id),
            [`${fixture.namespace}/reached`],
        );
    });

    describe("the kubeconfig", () => {
        const withArgs =
            (name: string, args?: k8s.ProviderArgs): PulumiFn =>
            () => {
                const options = args ? { provider: new k8s.Provider("explicit", args) } : {};
                new k8s.core.v1.ConfigMap("made", { metadata: { name } }, options);
                return Promise.resolve();
            };

        it("is a path or contents, with the context that the provider names", async () => {
            const two = JSON.parse(fixture.cluster.kubeconfigWith({ namespace: "default" })) as {
                contexts: object[];
                "current-context": string;
            };
            two.contexts.push({ name: "second", context: { cluster: "c", user: "u", namespace: fixture.namespace } });
            const contents = JSON.stringify(two);
            for (const [name, kubeconfig] of [
                ["by-contents", contents],
                ["by-path", file("two", contents)],
            ] as const) {
                const stack = await fixture.stack();
                await stack.up(withArgs(name, { kubeconfig, context: "second" }));
                assert.equal(await configMapExists(fixture.namespace, name), true);
            }
        });

        it("of the default provider is KUBECONFIG of the provider's environment", async () => {
            const path = file("ambient", fixture.cluster.kubeconfigWith({ namespace: fixture.namespace }));
            const stack = await fixture.stack({ KUBECONFIG: path });
            await stack.up(withArgs("by-environment"));
            assert.equal(await configMapExists(fixture.namespace, "by-environment"), true);
        });

        it("given as an argument works beside an invalid KUBECONFIG", async () => {
            const stack = await fixture.stack({ KUBECONFIG: file("invalid", "{") });
            const kubeconfig = fixture.cluster.kubeconfigWith({ namespace: fixture.namespace });
            await stack.up(withArgs("in-spite-of-environment", { kubeconfig }));
            assert.equal(await configMapExists(fixture.namespace, "in-spite-of-environment"), true);
        });
    });

    describe("unreachable cluster", () => {
        const program =
            (kubeconfig: string, size = 1): PulumiFn =>
            () => {
                const provider = new k8s.Provider("cluster", { kubeconfig, clusterIdentifier: "the-same" });
                new k8s.apiextensions.CustomResource("widget", fixture.widgetNamed("lost", { size }), { provider });
                return Promise.resolve();
            };

        it("passes a preview with the inputs echoed, and fails update, refresh and destroy", async () => {
            const nowhere = fixture.cluster.kubeconfigWith({ server: "https://127.0.0.1:1" });
            const stack = await fixture.stack();
            assert.deepEqual((await stack.preview(program(nowhere))).ops("widget"), ["create"]);
            const unreachable = /configured Kubernetes cluster is unreachable/;
            assert.match(await failureOf(stack.up(program(nowhere))), unreachable);

            await stack.up(program(fixture.cluster.kubeconfig));
            assert.deepEqual((await stack.preview(program(nowhere, 2))).ops("widget"), ["update"]);
            assert.match(await failureOf(stack.up(program(nowhere, 2))), unreachable);
            assert.match(await failureOf(stack.refresh()), /unreachable cluster/);
            assert.match(await failureOf(stack.destroy()), unreachable);
            assert.equal(await fixture.cluster.exists(fixture.widgetNamed("lost")), true);
        });

        it("echoes the request at a preview without the engine", async () => {
            const provider = await fixture.direct({
                kubeconfig: fixture.cluster.kubeconfigWith({ server: "https://127.0.0.1:1" }),
            });
            const inputs = fixture.widgetNamed("echoed");
            assert.deepEqual(await provider.create(inputs, { preview: true }), { id: "", outputs: inputs });
            await assert.rejects(provider.create(inputs), /configured Kubernetes cluster is unreachable/);
        });
    });
});
