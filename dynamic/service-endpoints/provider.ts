import { clientFor, type ClusterClient, type KubernetesObject } from "../../cluster/client";
import { ENDPOINT_SLICE } from "../../cluster/kinds";
import { poll, type Verdict } from "../../cluster/wait";
import { readinessOf, type AwaitedService, type Readiness, type SliceObject } from "../../core/service/readiness";
import type { ServicePort } from "../../core/service/ports";
import { SLICE_LABEL } from "../../core/service-proxy/names";
import type { CommonInputs } from "../connection";
import { checkWith, clientForCheck, containsUnknown, differs, plainErrors, storedAnew } from "../handler";

export interface ServiceEndpointsInputs extends CommonInputs, AwaitedService {
    namespace: string;
    service: string;
    ports: ServicePort[];
    isOnNetwork: boolean;
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
        await clientForCheck(news, `Service ${news.service}`, slices);
    }
    return { inputs: news, problems: [] };
});

export async function diff(
    _id: string,
    olds: ServiceEndpointsState,
    news: ServiceEndpointsInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces = (["namespace", "service"] as const).filter((field) => olds[field] !== news[field]);
    const waitsAnew = (["expected", "ports", "isOnNetwork"] as const).some((field) =>
        differs(olds[field], news[field]),
    );
    return Promise.resolve({ changes: replaces.length > 0 || waitsAnew || storedAnew(olds, news), replaces });
}

export const create = plainErrors(async (inputs: ServiceEndpointsInputs) => {
    return { id: `${inputs.namespace}/${inputs.service}`, outs: await settled(inputs) };
});

export const update = plainErrors(async (_id: string, _olds: ServiceEndpointsState, news: ServiceEndpointsInputs) => {
    return { outs: await settled(news) };
});

export const read = plainErrors(async (id: string, props: ServiceEndpointsState) => {
    const { ready } = await readiness(clientFor(props.connection), props);
    return { id, props: { ...props, ready: [...ready] } };
});

async function settled(inputs: ServiceEndpointsInputs): Promise<ServiceEndpointsState> {
    const client = clientFor(inputs.connection);
    const look = async (): Promise<Verdict<string[]>> => {
        const { ready, seen } = await readiness(client, inputs);
        return ready.length > 0 || !inputs.expected ? { done: true, result: [...ready] } : { done: false, seen };
    };
    const name = `${inputs.namespace}/${inputs.service}`;
    return { ...inputs, ready: await poll(look, `a ready endpoint of Service ${name}`, inputs.timeoutSeconds) };
}

async function readiness(client: ClusterClient, inputs: ServiceEndpointsInputs): Promise<Readiness> {
    const labelSelector = `${SLICE_LABEL.service}=${inputs.service}`;
    const slices = await client.list<KubernetesObject & SliceObject>(ENDPOINT_SLICE, inputs.namespace, {
        labelSelector,
    });
    return readinessOf(slices.items, inputs);
}
