import { strict as assert } from "node:assert";

import type { DirectDiff } from "./support/direct";
import { secret, UNKNOWN } from "./support/direct";
import { useFixture } from "./support/fixture";

type Inputs = { apiVersion: string; kind: string; metadata: { name: string } & Record<string, unknown> } & Record<
    string,
    unknown
>;

/** The state of an object that lives as its inputs say, with what the API server adds. */
function stateOf(inputs: Inputs, live: object = {}): object {
    const metadata = { ...inputs.metadata, uid: "u", resourceVersion: "7", generation: 1 };
    return {
        ...inputs,
        metadata,
        ...live,
        __inputs: inputs,
        __fieldManager: "m",
        __initialApiVersion: inputs.apiVersion,
    };
}

describe("Diff of the kubernetes provider", function () {
    this.timeout(60_000);
    const fixture = useFixture();

    const metadata = { name: "x", namespace: "n" };
    const service = (spec: object, more: object = {}): Inputs => ({
        apiVersion: "v1",
        kind: "Service",
        metadata: { ...metadata, ...more },
        spec,
    });
    const widget = (spec: object, more: object = {}): Inputs => ({
        ...fixture.widget,
        metadata: { ...metadata, ...more },
        spec,
    });
    const IN_PLACE = { changed: true, replaces: [], deleteBeforeReplace: false };
    const NONE: DirectDiff = { changed: false, replaces: [], deleteBeforeReplace: false, detailed: {} };

    describe("Diff without cluster on pruned state", () => {
        it("sees no change in what the API server added or others changed", async () => {
            const provider = await fixture.direct();
            const inputs = widget({ size: 1, networks: [{ name: "a" }] });
            const live = { spec: { size: 1, strategy: "Always", networks: [{ name: "a", extra: 1 }, { name: "b" }] } };
            assert.deepEqual(await provider.diff(stateOf(inputs, live), inputs), NONE);
        });

        it("compares with the live values in the state, not with the old inputs", async () => {
            const provider = await fixture.direct();
            const inputs = widget({ size: 1 });
            const drifted = await provider.diff(stateOf(inputs, { spec: { size: 5 } }), inputs);
            assert.deepEqual(drifted, { ...IN_PLACE, detailed: { "spec.size": "UPDATE" } });
        });

        it("asks no cluster", async () => {
            const kubeconfig = fixture.cluster.kubeconfigWith({ server: "https://127.0.0.1:1" });
            const provider = await fixture.direct({ kubeconfig });
            const inputs = service({ type: "ClusterIP" });
            const changed = await provider.diff(stateOf(inputs), service({ type: "NodePort" }));
            assert.deepEqual(changed, { ...IN_PLACE, detailed: { "spec.type": "UPDATE" } });
        });

        it("takes a missing namespace for default", async () => {
            const provider = await fixture.direct();
            const inputs = { ...widget({ size: 1 }), metadata: { name: "x" } };
            const live = { metadata: { name: "x", namespace: "default" } };
            assert.deepEqual(await provider.diff(stateOf(inputs, live), inputs), NONE);
        });
    });

    describe("detailedDiff", () => {
        it("names added, changed and removed values by path", async () => {
            const provider = await fixture.direct();
            const olds = widget({ size: 1, memory: "1Gi", networks: [{ name: "a" }, { name: "b" }] });
            const news = widget({ size: 2, strategy: "Halted", networks: [{ name: "c" }] });
            assert.deepEqual(await provider.diff(stateOf(olds), news), {
                ...IN_PLACE,
                detailed: {
                    "spec.size": "UPDATE",
                    "spec.strategy": "ADD",
                    "spec.memory": "DELETE (inputs)",
                    "spec.networks[0].name": "UPDATE",
                    "spec.networks[1]": "DELETE (inputs)",
                },
            });
        });

        it("quotes keys with dots, and finds keys missing inside lists", async () => {
            const provider = await fixture.direct();
            const olds = widget({ networks: [{ name: "a", extra: "x" }] }, { annotations: { "a.b/c": "1" } });
            const news = widget({ networks: [{ name: "a" }] }, { annotations: { "a.b/c": "2" } });
            assert.deepEqual(await provider.diff(stateOf(olds), news), {
                ...IN_PLACE,
                detailed: {
                    'metadata.annotations["a.b/c"]': "UPDATE",
                    "spec.networks[0].extra": "DELETE (inputs)",
                },
            });
        });

        it("shows an unknown value as a change", async () => {
            const provider = await fixture.direct();
            const changed = await provider.diff(
                stateOf(widget({ size: 1 })),
                widget({ size: UNKNOWN, memory: UNKNOWN }),
            );
            assert.deepEqual(changed.detailed, { "spec.size": "UPDATE", "spec.memory": "ADD" });
        });

        it("looks through secrets", async () => {
            const provider = await fixture.direct();
            const olds = widget({ size: 1 }, { annotations: { token: secret("a") } });
            assert.deepEqual(await provider.diff(stateOf(olds), olds), NONE);
            const news = widget({ size: 1 }, { annotations: { token: secret("b") } });
            const { detailed } = await provider.diff(stateOf(olds), news);
            assert.deepEqual(detailed, { "metadata.annotations.token": "UPDATE" });
        });

        it("shows an empty label map on a custom resource as an addition, for ever", async () => {
            const provider = await fixture.direct();
            const inputs = widget({ size: 1 }, { labels: {} });
            const live = { metadata: { ...metadata, uid: "u" } };
            const { detailed } = await provider.diff(stateOf(inputs, live), inputs);
            assert.deepEqual(detailed, { "metadata.labels": "ADD" });
        });

        it("leaves out ignored paths and what lies below them", async () => {
            const provider = await fixture.direct();
            const olds = widget({ size: 1, strategy: "Halted", networks: [{ name: "a" }] });
            const news = widget({ size: 2, strategy: "Always", networks: [{ name: "b" }] });
            const ignore = ["spec.strategy", "spec.networks"];
            const { detailed } = await provider.diff(stateOf(olds), news, ignore);
            assert.deepEqual(detailed, { "spec.size": "UPDATE" });
        });
    });

    describe("replaces and DBR table", () => {
        const secretWith = (more: object, name: object = metadata): Inputs => ({
            apiVersion: "v1",
            kind: "Secret",
            metadata: name as Inputs["metadata"],
            type: "Opaque",
            ...more,
        });
        const endpointSlice = (addressType: string): Inputs => ({
            apiVersion: "discovery.k8s.io/v1",
            kind: "EndpointSlice",
            metadata,
            addressType,
            endpoints: [],
        });
        const autonamed = { ...metadata, annotations: { "pulumi.com/autonamed": "true" } };
        const mutable = { enableSecretMutable: "true", enableConfigMapMutable: "true" };
        const replaced = (path: string, kind: string, deleteBeforeReplace: boolean): DirectDiff => ({
            changed: true,
            replaces: [path],
            deleteBeforeReplace,
            detailed: { [path]: kind },
        });
        const inPlace = (path: string, kind = "UPDATE"): DirectDiff => ({ ...IN_PLACE, detailed: { [path]: kind } });

        const cases: {
            title: string;
            olds: () => Inputs;
            news: () => Inputs;
            expected: DirectDiff;
            settings?: object;
        }[] = [
            {
                title: "a renamed custom resource: create first",
                olds: () => widget({ size: 1 }),
                news: () => widget({ size: 1 }, { name: "y" }),
                expected: replaced("metadata.name", "UPDATE_REPLACE", false),
            },
            {
                title: "a custom resource in another namespace: create first",
                olds: () => widget({ size: 1 }),
                news: () => widget({ size: 1 }, { namespace: "other" }),
                expected: replaced("metadata.namespace", "UPDATE_REPLACE", false),
            },
            {
                title: "a Service's clusterIP added: delete first",
                olds: () => service({ type: "ClusterIP" }),
                news: () => service({ type: "ClusterIP", clusterIP: "None" }),
                expected: replaced("spec.clusterIP", "ADD_REPLACE", true),
            },
            {
                title: "a Service's clusterIP changed: delete first",
                olds: () => service({ clusterIP: "10.96.0.9" }),
                news: () => service({ clusterIP: "10.96.0.8" }),
                expected: replaced("spec.clusterIP", "UPDATE_REPLACE", true),
            },
            {
                title: "a Service's clusterIP dropped: delete first",
                olds: () => service({ type: "ClusterIP", clusterIP: "10.96.0.9" }),
                news: () => service({ type: "ClusterIP" }),
                expected: { ...replaced("spec.clusterIP", "DELETE_REPLACE (inputs)", true) },
            },
            {
                title: "a Service's type: in place",
                olds: () => service({ type: "ClusterIP" }),
                news: () => service({ type: "NodePort" }),
                expected: inPlace("spec.type"),
            },
            {
                title: "a Service's selector: in place",
                olds: () => service({ selector: { a: "b" } }),
                news: () => service({ selector: { a: "c" } }),
                expected: inPlace("spec.selector.a"),
            },
            {
                title: "a named Secret's data: delete first",
                olds: () => secretWith({ data: secret({ a: "YQ==" }) }),
                news: () => secretWith({ data: secret({ a: "Yg==" }) }),
                expected: replaced("data.a", "UPDATE_REPLACE", true),
            },
            {
                title: "an autonamed Secret's data: create first",
                olds: () => secretWith({ data: secret({ a: "YQ==" }) }, autonamed),
                news: () => secretWith({ data: secret({ a: "Yg==" }) }, autonamed),
                expected: replaced("data.a", "UPDATE_REPLACE", false),
            },
            {
                title: "a Secret's data under enableSecretMutable: in place",
                olds: () => secretWith({ data: secret({ a: "YQ==" }) }),
                news: () => secretWith({ data: secret({ a: "Yg==" }) }),
                expected: inPlace("data.a"),
                settings: mutable,
            },
            {
                title: "a Secret's type, even under enableSecretMutable: delete first",
                olds: () => secretWith({}),
                news: () => secretWith({ type: "kubernetes.io/basic-auth" }),
                expected: replaced("type", "UPDATE_REPLACE", true),
                settings: mutable,
            },
            {
                title: "an immutable Secret's data, even under enableSecretMutable: delete first",
                olds: () => secretWith({ immutable: true, data: secret({ a: "YQ==" }) }),
                news: () => secretWith({ immutable: true, data: secret({ a: "Yg==" }) }),
                expected: replaced("data.a", "UPDATE_REPLACE", true),
                settings: mutable,
            },
            {
                title: "immutable: true added: in place",
                olds: () => secretWith({}),
                news: () => secretWith({ immutable: true }),
                expected: inPlace("immutable", "ADD"),
            },
            {
                title: "a ConfigMap's data: delete first",
                olds: () => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } }),
                news: () => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "2" } }),
                expected: replaced("data.a", "UPDATE_REPLACE", true),
            },
            {
                title: "a ConfigMap's data under enableConfigMapMutable: in place",
                olds: () => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } }),
                news: () => ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "2" } }),
                expected: inPlace("data.a"),
                settings: mutable,
            },
            {
                title: "an EndpointSlice's addressType: in place, for the server to refuse",
                olds: () => endpointSlice("IPv4"),
                news: () => endpointSlice("IPv6"),
                expected: inPlace("addressType"),
            },
            {
                title: "a NetworkPolicy's podSelector: in place",
                olds: () => policy({ podSelector: {} }),
                news: () => policy({ podSelector: { matchLabels: { a: "b" } } }),
                expected: inPlace("spec.podSelector.matchLabels", "ADD"),
            },
            {
                title: "a RoleBinding's roleRef: delete first",
                olds: () => binding("a"),
                news: () => binding("b"),
                expected: replaced("roleRef.name", "UPDATE_REPLACE", true),
            },
            {
                title: "a DaemonSet's selector: delete first",
                olds: () => daemonSet("a"),
                news: () => daemonSet("b"),
                expected: replaced("spec.selector.matchLabels.app", "UPDATE_REPLACE", true),
            },
        ];
        const policy = (spec: object): Inputs => ({
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            metadata,
            spec,
        });
        const binding = (role: string): Inputs => ({
            apiVersion: "rbac.authorization.k8s.io/v1",
            kind: "RoleBinding",
            metadata,
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
        });
        const daemonSet = (app: string): Inputs => ({
            apiVersion: "apps/v1",
            kind: "DaemonSet",
            metadata,
            spec: {
                selector: { matchLabels: { app } },
                template: { spec: { containers: [{ name: "c", image: "i" }] } },
            },
        });

        for (const { title, olds, news, expected, settings } of cases) {
            it(title, async () => {
                const provider = await fixture.direct(settings);
                assert.deepEqual(await provider.diff(stateOf(olds()), news()), expected);
            });
        }
    });

    describe("DiffConfig", () => {
        it("replaces the provider for another server, updates it for another option", async () => {
            const provider = await fixture.direct();
            const here = fixture.cluster.kubeconfig;
            const there = fixture.cluster.kubeconfigWith({ server: "https://127.0.0.1:1" });
            assert.deepEqual(await provider.diffConfig({ kubeconfig: here }, { kubeconfig: there }), {
                diffs: ["kubeconfig"],
                replaces: ["kubeconfig"],
            });
            const mutable = { kubeconfig: here, enableSecretMutable: "true" };
            assert.deepEqual(await provider.diffConfig({ kubeconfig: here }, mutable), {
                diffs: ["enableSecretMutable"],
                replaces: [],
            });
            assert.deepEqual(await provider.diffConfig(mutable, mutable), { diffs: [], replaces: [] });
        });
    });
});
