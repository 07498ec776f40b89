import { compare } from "./addresses";
import { proxiedService, type ProxiedService } from "./from-objects";
import type { PortRanges } from "./host-ports";
import type { ProxyPort, ProxyState } from "./model";
import { SLICE_LABEL } from "./names";
import type { EndpointSliceObject, ServiceObject } from "./objects";

/** The Services and EndpointSlices that a node's agent knows, and what it serves of them; a change costs what it changes. */
export class ServiceInventory {
    private readonly services = new Map<string, ServiceObject>();
    /** By the key of their Service, and by their own. */
    private readonly slices = new Map<string, Map<string, EndpointSliceObject>>();
    /** The key of its Service, by a slice's: its label may come to name another. */
    private readonly serviceOfSlice = new Map<string, string>();
    /** Keys of the Services for which something has changed. */
    private readonly changed = new Set<string>();
    private readonly served = new Map<string, ProxiedService>();
    /** Keys of the Services that are served, in order. */
    private order: readonly string[] = [];

    /**
     * @param nodeName the node whose endpoints are the local ones
     * @param allowedHostPorts ports of the node that Services may take. @default DEFAULT_HOST_PORTS
     */
    constructor(
        private readonly nodeName: string,
        private readonly allowedHostPorts?: PortRanges,
    ) {}

    public replaceServices(services: readonly ServiceObject[]): void {
        const all = new Map(services.map((service) => [keyOf(service), service]));
        for (const key of this.services.keys()) {
            if (!all.has(key)) {
                this.services.delete(key);
                this.changed.add(key);
            }
        }
        services.forEach((service) => {
            this.setService(service);
        });
    }

    public setService(service: ServiceObject): void {
        this.services.set(keyOf(service), service);
        this.changed.add(keyOf(service));
    }

    public removeService(service: ServiceObject): void {
        this.services.delete(keyOf(service));
        this.changed.add(keyOf(service));
    }

    public replaceSlices(slices: readonly EndpointSliceObject[]): void {
        for (const key of this.slices.keys()) {
            this.changed.add(key);
        }
        this.slices.clear();
        this.serviceOfSlice.clear();
        slices.forEach((slice) => {
            this.setSlice(slice);
        });
    }

    public setSlice(slice: EndpointSliceObject): void {
        this.removeSlice(slice);
        const key = serviceOf(slice);
        this.serviceOfSlice.set(keyOf(slice), key);
        const ofService = this.slices.get(key) ?? new Map<string, EndpointSliceObject>();
        this.slices.set(key, ofService.set(keyOf(slice), slice));
        this.changed.add(key);
    }

    public removeSlice(slice: EndpointSliceObject): void {
        const key = this.serviceOfSlice.get(keyOf(slice));
        if (key !== undefined) {
            this.slices.get(key)?.delete(keyOf(slice));
            this.serviceOfSlice.delete(keyOf(slice));
            this.changed.add(key);
        }
    }

    /** What is served now. A port that is served as before is the same object as before. */
    public state(): ProxyState {
        const keys = new Set(this.order);
        for (const key of this.changed) {
            const service = this.services.get(key);
            if (service === undefined) {
                this.served.delete(key);
                keys.delete(key);
            } else {
                const slices = [...(this.slices.get(key)?.values() ?? [])].sort((a, b) =>
                    compare(a.metadata.name, b.metadata.name),
                );
                const served = proxiedService(service, slices, this.nodeName, this.allowedHostPorts);
                this.served.set(key, { ...served, ports: keepEqual(this.served.get(key)?.ports ?? [], served.ports) });
                keys.add(key);
            }
            if ((this.slices.get(key)?.size ?? 0) === 0) {
                this.slices.delete(key);
            }
        }
        this.changed.clear();
        if (keys.size !== this.order.length || this.order.some((key) => !keys.has(key))) {
            this.order = [...keys].sort(compare);
        }
        return { ports: this.order.flatMap((key) => this.served.get(key)?.ports ?? []) };
    }

    /** The Services that are served as of the last `state`, in order. */
    public *proxied(): Generator<{ readonly service: ServiceObject; readonly served: ProxiedService }> {
        for (const key of this.order) {
            const [service, served] = [this.services.get(key), this.served.get(key)];
            if (service && served) {
                yield { service, served };
            }
        }
    }
}

/** `namespace/name:`, so that the order of Services is that of their ports' keys. */
function keyOf({ metadata }: ServiceObject | EndpointSliceObject): string {
    return `${metadata.namespace ?? ""}/${metadata.name}:`;
}

function serviceOf({ metadata }: EndpointSliceObject): string {
    return `${metadata.namespace ?? ""}/${metadata.labels?.[SLICE_LABEL.service] ?? ""}:`;
}

function keepEqual(before: readonly ProxyPort[], now: readonly ProxyPort[]): readonly ProxyPort[] {
    if (before.length === 0) {
        return now;
    }
    const known = new Map(before.map((port) => [JSON.stringify(port), port]));
    return now.map((port) => known.get(JSON.stringify(port)) ?? port);
}
