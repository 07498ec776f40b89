import { SLICE_LABEL, SLICE_MANAGER } from "../service-proxy/names";
import type { ServicePort } from "./ports";

/** An EndpointSlice (discovery.k8s.io/v1) as far as it is read here. */
export interface SliceObject {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly endpoints?: readonly SliceEndpoint[] | null;
    readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number }[] | null;
}

interface SliceEndpoint {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
}

/** What a Service is waited for. */
export interface AwaitedService {
    readonly ports: readonly ServicePort[];
    /** Whether its EndpointSlices are kept by the endpoint controller of ServiceProxy, not by Kubernetes. */
    readonly isOnNetwork: boolean;
}

/** Where traffic flows to, and where it does not, what was seen instead. */
export interface Readiness {
    /** `address:port`, sorted; an IPv6 address in brackets. */
    readonly ready: readonly string[];
    readonly seen: string;
}

/** Whether traffic can flow: an endpoint that is ready, with all ports of the Service as they are declared now. */
export function readinessOf(slices: readonly SliceObject[], { ports, isOnNetwork }: AwaitedService): Readiness {
    const kept = slices.filter(
        ({ metadata }) => !isOnNetwork || metadata.labels?.[SLICE_LABEL.managedBy] === SLICE_MANAGER,
    );
    const current = kept.filter((slice) => ports.every((port) => hasPort(slice, port)));
    const ready = current
        .flatMap((slice) =>
            (slice.endpoints ?? [])
                .filter(isReady)
                .flatMap(({ addresses }) => addresses)
                .flatMap((address) => (slice.ports ?? []).map(({ port }) => endpointText(address, port))),
        )
        .sort();
    return { ready: [...new Set(ready)], seen: ready.length > 0 ? "" : missing(kept, current, isOnNetwork) };
}

/** An absent condition means ready (EndpointConditions in discovery.k8s.io/v1). */
function isReady({ conditions }: SliceEndpoint): boolean {
    return conditions?.ready !== false;
}

function hasPort({ ports }: SliceObject, wanted: ServicePort): boolean {
    return (ports ?? []).some(
        ({ name = "", protocol = "TCP", port }) =>
            name === (wanted.name ?? "") && protocol === wanted.protocol && port === wanted.targetPort,
    );
}

function endpointText(address: string, port: number | undefined): string {
    return `${address.includes(":") ? `[${address}]` : address}:${String(port)}`;
}

function missing(kept: readonly SliceObject[], current: readonly SliceObject[], isOnNetwork: boolean): string {
    if (kept.length === 0) {
        return isOnNetwork
            ? "no EndpointSlice of the endpoint controller, so it does not run: deploy a ServiceProxy"
            : "no EndpointSlice";
    }
    const addresses = kept.flatMap(({ endpoints }) => (endpoints ?? []).flatMap((each) => each.addresses));
    if (addresses.length === 0) {
        const address = isOnNetwork ? "an address on the network, reserved or told by its guest agent" : "an address";
        return `no endpoint in its EndpointSlices: no VM behind it runs and has ${address}`;
    }
    const which = `its EndpointSlices have ${[...new Set(addresses)].sort().join(", ")}`;
    return current.length === 0 ? `${which}, not with the ports that are declared` : `${which}, none of them ready`;
}
