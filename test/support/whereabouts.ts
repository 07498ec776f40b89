import * as k8s from "@kubernetes/client-node";
import { after, before } from "mocha";
import { done, orUndefined, seen, testClients, until } from "./embedded-cluster";

const group = "whereabouts.cni.cncf.io";
const version = "v1alpha1";
const KINDS = { ippools: "IPPool", overlappingrangeipreservations: "OverlappingRangeIPReservation" } as const;

/** Makes an object of Whereabouts, as its CNI plugin does. */
export async function makeWhereaboutsObject(
    plural: keyof typeof KINDS,
    namespace: string,
    name: string,
    spec: object,
): Promise<void> {
    const { custom } = await testClients();
    const body = { apiVersion: `${group}/${version}`, kind: KINDS[plural], metadata: { name }, spec };
    await custom.createNamespacedCustomObject({ group, version, plural, namespace, body });
}

/**
 * Gives the cluster the kinds of Whereabouts while the tests of a suite run. The fields that are used have the types of
 * its own definitions (doc/crds).
 */
export function useWhereaboutsKinds(): void {
    let crds: k8s.ApiextensionsV1Api | undefined;
    before("install the kinds of Whereabouts", async () => {
        const { config, custom } = await testClients();
        crds = config.makeApiClient(k8s.ApiextensionsV1Api);
        for (const [plural, kind] of Object.entries(KINDS)) {
            await crds.createCustomResourceDefinition({ body: definition(plural, kind) });
        }
        for (const plural of Object.keys(KINDS)) {
            await until(`${plural} of Whereabouts to be served`, async () => {
                try {
                    return done(
                        await custom.listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural }),
                    );
                } catch (error) {
                    return seen(String(error));
                }
            });
        }
    });
    after("remove the kinds of Whereabouts", async () => {
        for (const plural of Object.keys(KINDS)) {
            const name = `${plural}.${group}`;
            await orUndefined(crds?.deleteCustomResourceDefinition({ name }));
            await until(`${name} to be gone`, async () => {
                const left = await orUndefined(crds?.readCustomResourceDefinition({ name }));
                return left === undefined ? done(true) : seen(left.status);
            });
        }
    });
}

function definition(plural: string, kind: string): k8s.V1CustomResourceDefinition {
    const text = { type: "string" };
    const allocation = {
        type: "object",
        required: ["id", "podref"],
        properties: { id: text, podref: text, ifname: text },
    };
    const properties: Record<string, k8s.V1JSONSchemaProps> =
        kind === "IPPool"
            ? { range: text, allocations: { type: "object", additionalProperties: allocation } }
            : { podref: text, containerid: text, ifname: text };
    const schema = {
        openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } },
    };
    return {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `${plural}.${group}` },
        spec: {
            ...{ group, scope: "Namespaced", names: { plural, kind } },
            versions: [{ name: version, served: true, storage: true, schema }],
        },
    };
}
