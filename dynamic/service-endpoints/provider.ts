import { clientFor, type ClusterClient, type KubernetesObject } from "../../cluster/client";
import { ENDPOINT_SLICE, SERVICE } from "../../cluster/kinds";
import { poll, type Verdict } from "../../cluster/wait";
import type { CommonInputs } from "../connection";
import { checkWith, clientForCheck, containsUnknown, plainErrors, storedAnew } from "../handler";

export interface ServiceEndpointsInputs extends CommonInputs {
    namespace: string;
    service: string;
    /** False where the VMs behind the Service are off: nothing is waited for. */
    expected: boolean;
    timeoutSeconds: number;
}

interface ServiceEndpointsState extends ServiceEndpointsInputs {
    ready: string[];
}

export const check = checkWith<ServiceEndpointsInputs>(async ({ news }) => {
    if (!containsUnknown(news)) {
        const { namespace } = news;
        const slices = [{ kind: ENDPOINT_SLICE, verbs: ["list"] as const, namespace }];
        await clientForCheck(news, `Service ${news.service}`, slices, [{ kind: SERVICE, namespace }]);
    }
    return { inputs: news, problems: [] };
});

export async function diff(
    _id: string,
    olds: ServiceEndpointsState,
    news: ServiceEndpointsInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces = (["namespace", "service"] as const).filter((field) => olds[field] !== news[field]);
    return Promise.resolve({
        changes: replaces.length > 0 || olds.expected !== news.expected || storedAnew(olds, news),
        replaces,
    });
}

export async function create(inputs: ServiceEndpointsInputs): Promise<{ id: string; outs: ServiceEndpointsState }> {
    return { id: `${inputs.namespace}/${inputs.service}`, outs: await settled(inputs) };
}

export async function update(
    _id: string,
    _olds: ServiceEndpointsState,
    news: ServiceEndpointsInputs,
): Promise<{ outs: ServiceEndpointsState }> {
    return { outs: await settled(news) };
}

export const read = plainErrors(async (id: string, props: ServiceEndpointsState) => {
    return { id, props: { ...props, ready: await readyAddresses(clientFor(props.connection), props) } };
});

async function settled(inputs: ServiceEndpointsInputs): Promise<ServiceEndpointsState> {
    const client = clientFor(inputs.connection);
    const look = async (): Promise<Verdict<string[]>> => {
        const ready = await readyAddresses(client, inputs);
        return ready.length > 0 || !inputs.expected
            ? { done: true, result: ready }
            : { done: false, seen: "no ready endpoint in its EndpointSlices" };
    };
    const name = `${inputs.namespace}/${inputs.service}`;
    return { ...inputs, ready: await poll(look, `a ready endpoint of Service ${name}`, inputs.timeoutSeconds) };
}

interface EndpointSlice extends KubernetesObject {
    endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null;
    ports?: { port?: number }[] | null;
}

async function readyAddresses(
    client: ClusterClient,
    { namespace, service }: { namespace: string; service: string },
): Promise<string[]> {
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const slices = await client.list<EndpointSlice>(ENDPOINT_SLICE, namespace, { labelSelector });
    return slices.items
        .flatMap((slice) =>
            (slice.endpoints ?? [])
                // An absent condition means ready (EndpointConditions in discovery.k8s.io/v1).
                .filter((endpoint) => endpoint.conditions?.ready !== false)
                .flatMap((endpoint) => endpoint.addresses)
                .flatMap((address) => (slice.ports ?? []).map(({ port }) => `${address}:${String(port)}`)),
        )
        .sort();
}
