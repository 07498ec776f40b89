import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ServiceEndpoints } from "../dynamic/service-endpoints/resource";
import { untraced } from "../dynamic/shim";
import type { PowerState } from "../dynamic/power-state/resource";
import { validateExposure } from "../core/service";
import { objectAnnotations } from "./manager";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";

/** What a ServiceExposure asks of a VirtualMachine. */
export interface ExposedVirtualMachine {
    /** Name of the VirtualMachine object, and value of its pods' label `kubevirt.io/vm`. */
    readonly vmName: string;
    /** Namespace of the VirtualMachine object. */
    readonly namespace: pulumi.Output<string>;
    /** What starts the VM: its Service has endpoints only after that. */
    readonly powerState: PowerState;
    /** False where the program leaves the VM off. */
    readonly expectedToRun: boolean;
}

/** One port of a Service. */
export interface ServicePortArgs {
    /** Required where there are several ports. @default the only port has none */
    name?: string;
    /** @default "TCP" */
    protocol?: "TCP" | "UDP";
    /** Port of the Service, 1 to 65535. */
    port: number;
    /** Port in the guest. @default `port` */
    targetPort?: number;
    /** Port on every node; only with type NodePort or LoadBalancer. @default chosen by the cluster */
    nodePort?: number;
}

/** How the pod NIC of VMs is reached. */
export interface ExposureArgs {
    /** @default "ClusterIP" */
    type?: "ClusterIP" | "NodePort" | "LoadBalancer";
    /** Ports of the Service; at least one. */
    ports: ServicePortArgs[];
    /** `ClientIP` sends a client to the same VM each time. @default "None" */
    sessionAffinity?: "None" | "ClientIP";
}

/** Arguments of a ServiceExposure on its own; a NIC's `serviceExposure` takes the shorter ExposureArgs. */
export interface ServiceExposureArgs extends ExposureArgs, ClusterScopedArgs {
    /** The VM behind the Service, on its pod NIC. Several VMs share a Service by `selector`. */
    virtualMachine?: ExposedVirtualMachine;
    /** Labels of the VMs' pods, instead of `virtualMachine`. */
    selector?: Record<string, pulumi.Input<string>>;
    /** @default that of the VMs, else "default" */
    namespace?: pulumi.Input<string>;
    /**
     * How long to wait for a ready endpoint, in seconds; not at all with `selector`, or where the VMs are off.
     * @default 300
     */
    readyTimeoutSeconds?: number;
}

/**
 * A Service in front of VMs' pod NICs: `<name>-nodeport` of type NodePort, `<name>-service` of the other types.
 */
export class ServiceExposure extends pulumi.ComponentResource {
    /** The Service object in the cluster. */
    public readonly service: kubernetes.core.v1.Service;
    /** Where traffic flows to once the Service is up, as `address:port`; absent with `selector`. */
    public readonly endpoints: ServiceEndpoints | undefined;

    constructor(name: string, args: ServiceExposureArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:ServiceExposure", name, {}, opts);
        const vm = args.virtualMachine;
        const type = args.type ?? "ClusterIP";
        const targets = (vm ? 1 : 0) + (args.selector ? 1 : 0);
        refuse(this, `ServiceExposure ${name}`, validateExposure({ type, ports: args.ports, targets }));
        const scope = scopeOf(this, args);
        const serviceName = `${name}-${type === "NodePort" ? "nodeport" : "service"}`;
        const namespace = pulumi.output(args.namespace ?? vm?.namespace ?? "default");
        this.service = untraced(
            () =>
                new kubernetes.core.v1.Service(
                    serviceName,
                    {
                        metadata: {
                            name: serviceName,
                            namespace,
                            // The provider's own wait would hold the update for ten minutes; ServiceEndpoints waits instead.
                            annotations: objectAnnotations(),
                        },
                        spec: {
                            type,
                            selector: args.selector ?? { "kubevirt.io/vm": vm?.vmName ?? "" },
                            ports: args.ports.map((port) => ({
                                ...(port.name !== undefined && { name: port.name }),
                                protocol: port.protocol ?? "TCP",
                                port: port.port,
                                targetPort: port.targetPort ?? port.port,
                                ...(port.nodePort !== undefined && { nodePort: port.nodePort }),
                            })),
                            ...(args.sessionAffinity !== undefined && { sessionAffinity: args.sessionAffinity }),
                        },
                    },
                    scope.kubernetes,
                ),
        );
        if (vm) {
            this.endpoints = new ServiceEndpoints(
                `${serviceName}-endpoints`,
                {
                    ...scope.common,
                    namespace,
                    service: serviceName,
                    expected: vm.expectedToRun,
                    timeoutSeconds: args.readyTimeoutSeconds ?? 300,
                },
                { ...scope.dynamic, dependsOn: [this.service, vm.powerState] },
            );
        }
        this.registerOutputs({});
    }
}
