import { strict as assert } from "node:assert";

import { CheckRequest } from "@pulumi/pulumi/proto/provider_pb";

import { secret, UNKNOWN } from "./support/direct";
import { useFixture } from "./support/fixture";

const { Mode } = CheckRequest.AutonamingOptions;

describe("Check of the kubernetes provider", function () {
    this.timeout(60_000);
    const fixture = useFixture();

    const configMap = (metadata: object, more: object = {}): object => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata,
        ...more,
    });

    describe("autonaming with the annotation", () => {
        it("names an object <logical name>-<8 hex> from the seed, and says so in an annotation", async () => {
            const provider = await fixture.direct();
            const first = await provider.check(configMap({}), { name: "settings", seed: "one" });
            const again = await provider.check(configMap({}), { name: "settings", seed: "one" });
            const other = await provider.check(configMap({}), { name: "settings", seed: "two" });
            const metadata = first.metadata as { name: string; annotations: object };
            assert.match(metadata.name, /^settings-[0-9a-f]{8}$/);
            assert.deepEqual(metadata.annotations, { "pulumi.com/autonamed": "true" });
            assert.deepEqual(again, first);
            assert.notDeepEqual(other, first);
        });

        it("names custom resources too", async () => {
            const provider = await fixture.direct();
            const { metadata } = await provider.check({ ...fixture.widget, metadata: {} }, { name: "vm" });
            assert.match((metadata as { name: string }).name, /^vm-[0-9a-f]{8}$/);
        });

        it("keeps the generated name of an existing object, and other annotations beside it", async () => {
            const provider = await fixture.direct();
            const olds = await provider.check(configMap({}), { seed: "one" });
            const { metadata } = await provider.check(configMap({ annotations: { a: "b" } }), { olds, seed: "two" });
            assert.deepEqual(metadata, {
                name: (olds.metadata as { name: string }).name,
                namespace: "default",
                annotations: { a: "b", "pulumi.com/autonamed": "true" },
            });
        });

        it("takes the name that the engine proposes, and refuses where naming is disabled", async () => {
            const provider = await fixture.direct();
            const proposed = await provider.check(configMap({}), { autonaming: [Mode.PROPOSE, "proposed"] });
            assert.equal((proposed.metadata as { name: string }).name, "proposed");
            await assert.rejects(
                provider.check(configMap({}), { autonaming: [Mode.DISABLE, ""] }),
                /autonaming is disabled/,
            );
        });

        it("leaves a given name and an unknown name alone", async () => {
            const provider = await fixture.direct();
            for (const name of ["given", UNKNOWN]) {
                const { metadata } = await provider.check(configMap({ name }));
                assert.deepEqual(metadata, { name, namespace: "default" });
            }
        });

        it("refuses metadata.generateName", async () => {
            const provider = await fixture.direct();
            await assert.rejects(provider.check(configMap({ generateName: "x-" })), /generateName.*not supported/);
        });
    });

    describe("namespace", () => {
        it("comes from the provider's option, else from the kubeconfig's context, else is default", async () => {
            const byOption = await fixture.direct({ namespace: "by-option" });
            const kubeconfig = fixture.cluster.kubeconfigWith({ namespace: "by-context" });
            const byContext = await fixture.direct({ kubeconfig });
            const namespaceOf = async (provider: typeof byOption, object: object): Promise<unknown> =>
                ((await provider.check(object)).metadata as { namespace?: string }).namespace;
            assert.equal(await namespaceOf(byOption, configMap({ name: "c" })), "by-option");
            assert.equal(await namespaceOf(byContext, configMap({ name: "c" })), "by-context");
            assert.equal(await namespaceOf(byOption, { ...fixture.widget, metadata: { name: "w" } }), "by-option");
            assert.equal(await namespaceOf(byOption, configMap({ name: "c", namespace: "own" })), "own");
            const clusterRole = {
                apiVersion: "rbac.authorization.k8s.io/v1",
                kind: "ClusterRole",
                metadata: { name: "r" },
            };
            assert.equal(await namespaceOf(byOption, clusterRole), undefined);
        });
    });

    describe("`stringData` folding", () => {
        const named = { name: "s", namespace: "n" };
        const secretOf = (more: object): object => ({ apiVersion: "v1", kind: "Secret", metadata: named, ...more });

        it("moves stringData into data in base64, wins over data, and makes it secret as a whole", async () => {
            const provider = await fixture.direct();
            const inputs = await provider.check(
                secretOf({ data: { a: "YQ==", b: "Yg==" }, stringData: { a: "grüß" } }),
            );
            // printf 'grüß' | base64
            assert.deepEqual(inputs, secretOf({ data: secret({ a: "Z3LDvMOf", b: "Yg==" }) }));
        });

        it("leaves stringData as it is while a value is unknown", async () => {
            const provider = await fixture.direct();
            const inputs = await provider.check(secretOf({ stringData: { a: UNKNOWN } }));
            assert.deepEqual(inputs, secretOf({ stringData: secret({ a: UNKNOWN }) }));
        });
    });

    describe("one spelling of inputs", () => {
        it("keeps secrets leaf by leaf in a custom resource, whole lists where one element is secret", async () => {
            const provider = await fixture.direct();
            const object = {
                ...fixture.widget,
                metadata: { name: "w", namespace: "n", annotations: { token: secret("hidden"), open: "yes" } },
                spec: { networks: [{ name: secret("hidden") }, { name: "b" }] },
            };
            assert.deepEqual(await provider.check(object), {
                ...object,
                spec: { networks: secret([{ name: "hidden" }, { name: "b" }]) },
            });
        });

        it("drops empty label maps of built-in kinds, not of custom resources", async () => {
            const provider = await fixture.direct();
            const metadata = { name: "x", namespace: "n" };
            const builtIn = await provider.check(configMap({ ...metadata, labels: {} }));
            assert.deepEqual(builtIn, configMap(metadata));
            const custom = { ...fixture.widget, metadata: { ...metadata, labels: {} } };
            assert.deepEqual(await provider.check(custom), custom);
        });

        it("drops what only the API server writes", async () => {
            const provider = await fixture.direct();
            const metadata = { name: "x", namespace: "n" };
            const checked = await provider.check(
                configMap({ ...metadata, uid: "u", resourceVersion: "1", generation: 1 }),
            );
            assert.deepEqual(checked, configMap(metadata));
        });
    });
});
