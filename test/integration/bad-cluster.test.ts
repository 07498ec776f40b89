import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { IPPool, IPReservation, Network } from "../../index";
import { startBareApiServer, type BareApiServer } from "../../scripts/embedded-cluster/bare-api-server";
import { done, seen, until } from "../support/embedded-cluster";
import { machine, PASSWORD } from "../support/machine";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("bad input about the cluster itself, refused by a preview before anything is written", () => {
    const suite = useStack("bad-cluster");
    const { namespace } = suite;
    let bare: BareApiServer;

    before("start another cluster", async () => {
        bare = await startBareApiServer();
    });

    after("stop the other cluster", async () => {
        await bare.stop();
    });

    /** Versions of all that a program could have written to the other cluster. */
    async function writtenToBare(): Promise<unknown> {
        const core = bare.config.makeApiClient(k8s.CoreV1Api);
        const custom = bare.config.makeApiClient(k8s.CustomObjectsApi);
        const kinds = CRDS.map(({ group, version, plural }) =>
            custom
                .listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural })
                .then((list) => (list as k8s.KubernetesListObject<k8s.KubernetesObject>).items)
                .catch((error: unknown) => (error as k8s.ApiException<unknown>).code),
        );
        const secrets = await core.listSecretForAllNamespaces();
        return [secrets.items.map(({ metadata }) => metadata?.name), ...(await Promise.all(kinds))];
    }

    const program = () => async () => {
        machine(namespace.name, "web", [{ name: "eth0", type: "pod" }]);
        return Promise.resolve();
    };

    it("is a cluster without the kinds that it takes, with how to install them", async () => {
        await suite.stack.become({ kubeconfig: bare.kubeconfig });
        const before = await writtenToBare();
        const text = await refusalOf(suite.stack.preview(program()), [PASSWORD]);
        assertSays(
            text,
            "The cluster at https://127.0.0.1:",
            "does not know virtualmachines.kubevirt.io (v1)",
            "Install KubeVirt",
        );

        const addresses = await refusalOf(
            suite.stack.preview(async () => {
                new IPReservation("spare", { pool: new IPPool("lan", { cidr: "10.56.0.0/24" }) });
                return Promise.resolve();
            }),
        );
        assertSays(
            addresses,
            "does not know ipreservations.vm.novasphere.dev (v1alpha1)",
            "kubectl apply -f node_modules/pulumi-wukong/crds/",
        );

        const network = await refusalOf(
            suite.stack.preview(async () => {
                new Network("lan", { type: "bridge", namespace: namespace.name });
                return Promise.resolve();
            }),
        );
        assertSays(network, "does not know network-attachment-definitions.k8s.cni.cncf.io (v1)", "Install Multus");
        assert.deepEqual(await writtenToBare(), before);
    });

    it("is another cluster than the one that the stack's VM is on", async () => {
        await suite.stack.become("admin");
        await suite.stack.up(program());
        const uid = (await suite.view.vm("web-vm")).metadata!.uid!;
        const [there, before] = await installKinds(bare.config).then(async () =>
            Promise.all([suite.view.written(), writtenToBare()]),
        );
        await suite.stack.become({ kubeconfig: bare.kubeconfig });
        try {
            const change = async (): Promise<void> => {
                machine(namespace.name, "web", [{ name: "eth0", type: "pod", linkState: "down" }]);
                return Promise.resolve();
            };
            const text = await refusalOf(suite.stack.preview(change), [PASSWORD]);
            assertSays(
                text,
                `The VM ${namespace.name}/web-vm of this stack has uid ${uid}, but the cluster at https://127.0.0.1:`,
                "has no VM of that name",
                "KUBECONFIG",
            );
            assert.deepEqual(await writtenToBare(), before);

            const namesake = await makeNamesake(bare.config, namespace.name, "web-vm");
            const other = await refusalOf(suite.stack.preview(change), [PASSWORD]);
            assertSays(
                other,
                `web-vm of this stack has uid ${uid}`,
                `has another VM of that name, with uid ${namesake}`,
            );
            assert.deepEqual(await suite.view.written(), there);
        } finally {
            await suite.stack.become("admin");
        }
    });
});

/** The kinds that the package works with, on a cluster that serves none of them. */
const CRDS = [
    { group: "kubevirt.io", version: "v1", plural: "virtualmachines", kind: "VirtualMachine", scope: "Namespaced" },
    {
        ...{ group: "kubevirt.io", version: "v1", plural: "virtualmachineinstances" },
        ...{ kind: "VirtualMachineInstance", scope: "Namespaced" },
    },
    { group: "kubevirt.io", version: "v1", plural: "kubevirts", kind: "KubeVirt", scope: "Namespaced" },
];

async function installKinds(config: k8s.KubeConfig): Promise<void> {
    const crds = config.makeApiClient(k8s.ApiextensionsV1Api);
    for (const { group, version, plural, kind, scope } of CRDS) {
        const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
        await crds.createCustomResourceDefinition({
            body: {
                metadata: { name: `${plural}.${group}` },
                spec: {
                    ...{ group, scope, names: { plural, kind } },
                    versions: [{ name: version, served: true, storage: true, schema }],
                },
            },
        });
    }
    const custom = config.makeApiClient(k8s.CustomObjectsApi);
    for (const { group, version, plural } of CRDS) {
        await until(`${plural} to be served`, async () => {
            try {
                return done(await custom.listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural }));
            } catch (error) {
                return seen(String(error));
            }
        });
    }
}

/** A VM of the same name on another cluster; its uid. */
async function makeNamesake(config: k8s.KubeConfig, namespace: string, name: string): Promise<string> {
    await config.makeApiClient(k8s.CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } });
    const made: unknown = await config.makeApiClient(k8s.CustomObjectsApi).createNamespacedCustomObject({
        ...{ group: "kubevirt.io", version: "v1", plural: "virtualmachines", namespace },
        body: { apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", metadata: { name }, spec: {} },
    });
    return (made as k8s.KubernetesObject).metadata!.uid!;
}
