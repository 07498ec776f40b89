import type { Reference, TestCluster } from "./cluster";

const GROUP = "provider-test.vm.novasphere.dev";

/** A custom kind of the suite. */
export interface WidgetKind {
    apiVersion: string;
    kind: string;
}

/** The definition of a custom kind; `networks` is an atomic list, as in a VirtualMachine. */
export function definitionOf(kind: string): Reference & { spec: object } {
    const plural = `${kind.toLowerCase()}s`;
    const spec = {
        type: "object",
        properties: {
            size: { type: "integer", maximum: 100 },
            strategy: { type: "string" },
            memory: { type: "string" },
            networks: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
        },
    };
    const condition = { type: "object", properties: { type: { type: "string" }, status: { type: "string" } } };
    const status = {
        type: "object",
        properties: { phase: { type: "string" }, conditions: { type: "array", items: condition } },
    };
    const schema = { openAPIV3Schema: { type: "object", properties: { spec, status } } };
    return {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `${plural}.${GROUP}` },
        spec: {
            group: GROUP,
            scope: "Namespaced",
            names: { kind, plural, singular: kind.toLowerCase() },
            versions: [{ name: "v1", served: true, storage: true, subresources: { status: {} }, schema }],
        },
    };
}

export function widgetKind(kind: string): WidgetKind {
    return { apiVersion: `${GROUP}/v1`, kind };
}

/** Makes a custom kind and waits until the API server serves it. */
export async function defineKind(cluster: TestCluster, kind: string): Promise<WidgetKind> {
    const definition = definitionOf(kind);
    await cluster.create(definition);
    await cluster.until(`the API server to serve ${kind}`, async () => {
        const { status } = await cluster.read(definition);
        const conditions = (status?.conditions ?? []) as { type: string; status: string }[];
        return conditions.some(({ type, status: value }) => type === "Established" && value === "True");
    });
    return widgetKind(kind);
}
