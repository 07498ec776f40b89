import * as k8s from "@kubernetes/client-node";
import type { VirtualMachineInstance } from "../vm-watch";

/** The kinds of which `pulumi destroy` must leave nothing, by API version. */
const KINDS: readonly (readonly [string, string])[] = [
    ["kubevirt.io/v1", "VirtualMachine"],
    ["kubevirt.io/v1", "VirtualMachineInstance"],
    ["v1", "Pod"],
    ["k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition"],
    ["v1", "Secret"],
    ["v1", "Service"],
    ["discovery.k8s.io/v1", "EndpointSlice"],
    ["vm.novasphere.dev/v1alpha1", "IPPool"],
    ["vm.novasphere.dev/v1alpha1", "IPReservation"],
];

/** What shows whether a VM was restarted. */
export interface Life {
    readonly vmi: string;
    readonly running: string;
    readonly pod: string;
}

/** The cluster, as a client reads it that has nothing to do with the package. */
export class ClusterReader {
    private readonly objects: k8s.KubernetesObjectApi;

    constructor(
        config: k8s.KubeConfig,
        private readonly namespace: string,
    ) {
        this.objects = k8s.KubernetesObjectApi.makeApiClient(config);
    }

    async instance(vm: string): Promise<VirtualMachineInstance> {
        const found = await this.list("kubevirt.io/v1", "VirtualMachineInstance");
        const instance = found.find(({ metadata }) => metadata?.name === vm);
        if (instance === undefined) {
            throw new Error(`The cluster has no VirtualMachineInstance ${this.namespace}/${vm}.`);
        }
        return instance as VirtualMachineInstance;
    }

    async life(vm: string): Promise<Life> {
        const { metadata, status } = await this.instance(vm);
        const running = status?.phaseTransitionTimestamps?.find(({ phase }) => phase === "Running");
        const pods = await this.list("v1", "Pod");
        const own = pods.filter((pod) => pod.metadata?.labels?.["kubevirt.io/vm"] === vm);
        return {
            vmi: metadata?.uid ?? "",
            running: String(running?.phaseTransitionTimestamp),
            pod: own.map((pod) => pod.metadata?.name ?? "").join(", "),
        };
    }

    /** Where traffic to a Service goes to that is ready for it, as `address:port`. */
    async readyEndpoints(service: string): Promise<string[]> {
        const slices = (await this.list("discovery.k8s.io/v1", "EndpointSlice")) as k8s.V1EndpointSlice[];
        return slices
            .filter(({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === service)
            .flatMap(({ endpoints, ports }) =>
                (endpoints ?? [])
                    .filter(({ conditions }) => conditions?.ready === true)
                    .flatMap(({ addresses }) => addresses.map((address) => `${address}:${ports?.[0]?.port ?? ""}`)),
            );
    }

    async nodePort(service: string): Promise<number | undefined> {
        const services = (await this.list("v1", "Service")) as k8s.V1Service[];
        return services.find(({ metadata }) => metadata?.name === service)?.spec?.ports?.[0]?.nodePort;
    }

    /** Everything of the kinds that the program makes, as `Kind name`. */
    async everything(): Promise<string[]> {
        const lists = KINDS.map(async ([apiVersion, kind]) =>
            (await this.list(apiVersion, kind)).map(({ metadata }) => `${kind} ${metadata?.name ?? ""}`),
        );
        return (await Promise.all(lists)).flat();
    }

    /** The names of those kinds. */
    get kinds(): string[] {
        return KINDS.map(([, kind]) => kind);
    }

    private async list(apiVersion: string, kind: string): Promise<k8s.KubernetesObject[]> {
        const scope = apiVersion.startsWith("vm.novasphere.dev/") ? undefined : this.namespace;
        return (await this.objects.list(apiVersion, kind, scope)).items;
    }
}
