import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { probeProblems, runStrategyProblems } from "../core/admission";
import type { OnMigrationRequired, OnRestartRequired } from "../core/consent";
import { errorsOf } from "../core/problem";
import { validateNics } from "../core/nic";
import { NetworkInterface } from "../dynamic/network-interface/resource";
import type { RunStrategy } from "../dynamic/power-state/inputs";
import { PowerState } from "../dynamic/power-state/resource";
import { untraced } from "../dynamic/shim";
import type { ExposedNic, ExposedVirtualMachine } from "./exposure-args";
import { guestSecret } from "./guest-secret";
import { managerOfStack, objectAnnotations } from "./manager";
import type { NetworkInterfaceArgs, NetworkStatus } from "./networks";
import { networkProblems, networkStatus, plainDeclaration, planNics } from "./nic-plan";
import { exposureOfVm, exposureProblems, nicExposures } from "./nic-exposures";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";
import { ServiceExposure } from "./service-exposure";
import {
    filled,
    podLabels,
    templateProblems,
    vmTemplate,
    type Disk,
    type VirtualMachineTemplate,
    type Volume,
} from "./vm-template";

/** What every VM is declared with. */
export interface CommonVirtualMachineArgs extends ClusterScopedArgs {
    /** @default "default" */
    namespace?: pulumi.Input<string>;
    /** Name of the VirtualMachine object. @default the name of this resource with `-vm` behind it */
    vmName?: string;
    /** Labels of the VM and, where it has no `template`, of its pods beside `kubevirt.io/vm`. */
    labels?: Record<string, pulumi.Input<string>>;
    /** The NICs. A NIC added to a running VM is attached live; one removed is detached live. */
    networks: NetworkInterfaceArgs[];
    /** KubeVirt's run strategy. @default "Always" */
    runStrategy?: RunStrategy;
    /** How long a start, a stop, a restart, an attach or a detach may take, in seconds. @default 300 */
    timeoutSeconds?: number;
    /**
     * What to do about a change of the NICs that takes a live migration. `wait`: until KubeVirt migrates the VM, as it does
     * by itself where its workloadUpdateMethods say so; `request`: ask for the migration; `refuse`: the change, at preview.
     * @default "wait"
     */
    onMigrationRequired?: OnMigrationRequired;
    /**
     * What to do about a change of the NICs that takes a restart. `report`: write it, and say that it is in force at the
     * next restart; `restart`: the VM, once, when all its NICs are in place; `refuse`: the change, at preview.
     * @default "report"
     */
    onRestartRequired?: OnRestartRequired;
}

/** A KubeVirt virtual machine and everything network about it. */
export interface VirtualMachineArgs extends CommonVirtualMachineArgs {
    /** Annotations of the VM's template, which its instance and pods get. */
    annotations?: Record<string, pulumi.Input<string>>;
    /** Number of virtual CPUs. */
    cpu: pulumi.Input<number>;
    /** Memory of the guest, as a Kubernetes quantity such as `4Gi`. */
    memory: pulumi.Input<string>;
    /** Disks, as KubeVirt writes them. @default a virtio disk for each of `volumes` */
    disks?: Disk[];
    /** Volumes, as KubeVirt writes them. */
    volumes?: Volume[];
    /** cloud-init user data; kept in a Secret. @default an empty `#cloud-config` */
    userData?: pulumi.Input<string>;
    /**
     * How the guest is told its network: cloud-init network configuration (version 2) on a NoCloud disk, or not at all.
     * cloud-init reads it at the guest's first boot only.
     * @default "cloud-init"
     */
    guestConfig?: "cloud-init" | "none";
}

/** A VM whose template is written as KubeVirt has it, such as one that `wukong import vm` prints. Its guest is told nothing. */
export interface TemplatedVirtualMachineArgs extends CommonVirtualMachineArgs {
    /** `spec.template` of the VirtualMachine, without `networks` and `interfaces`; taken as it is. */
    template: VirtualMachineTemplate;
    /**
     * Take over a VM that was made without Pulumi: it and the NICs that are declared as it has them are left as they are,
     * and what is declared otherwise is changed. NICs that are not declared stay. A VM of another stack is refused.
     * @default false
     */
    adopt?: boolean;
}

/** A VM called `<name>-vm`, its NICs, their addresses, and what starts it once all NICs are in place. */
export class VirtualMachine extends pulumi.ComponentResource implements ExposedVirtualMachine {
    public readonly vmName: string;
    /** Namespace of the VirtualMachine object. */
    public readonly namespace: pulumi.Output<string>;
    public readonly expectedToRun: boolean;
    /** The VirtualMachine object in the cluster, without its NICs and run strategy. */
    public readonly object: kubernetes.apiextensions.CustomResource;
    /** The NICs by name. */
    public readonly interfaces: Readonly<Record<string, NetworkInterface>>;
    /** The NICs as Wukong manifests list them. */
    public readonly networks: pulumi.Output<NetworkStatus[]>;
    /** What starts and stops the VM, after all its NICs. */
    public readonly powerState: PowerState;
    public readonly podLabels: Readonly<Record<string, pulumi.Input<string>>>;
    public readonly nics: readonly ExposedNic[];
    /** Services by the name of their NIC; those of `portMappings` by it with `-nodeport` or `-hostport` behind it. */
    public readonly services: Readonly<Record<string, ServiceExposure>>;
    /** Where traffic flows to, as `address:port`, by name of the Service; known once it flows. */
    public readonly endpoints: pulumi.Output<Record<string, string[]>>;
    /** Secret of the guest's configuration; absent without one. */
    public readonly secret: kubernetes.core.v1.Secret | undefined;

    constructor(
        name: string,
        args: VirtualMachineArgs | TemplatedVirtualMachineArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super("wukong:index:VirtualMachine", name, {}, opts);
        this.vmName = args.vmName ?? `${name}-vm`;
        this.podLabels =
            "template" in args ? (args.template.metadata?.labels ?? {}) : podLabels(this.vmName, args.labels);
        const adopt = "template" in args && args.adopt === true;
        const runStrategy = args.runStrategy ?? "Always";
        refuse(this, `VirtualMachine ${name}`, [
            ...runStrategyProblems(this.vmName, runStrategy),
            ...("template" in args ? templateProblems(this.vmName, args.template) : []),
            // A VM that is taken over may have NICs that the program does not declare.
            ...("template" in args && !adopt ? probeProblems(this.vmName, args.template.spec, args.networks) : []),
            ...errorsOf(validateNics(this.vmName, args.networks.map(plainDeclaration))),
            ...networkProblems(this.vmName, args.networks),
            ...exposureProblems(this.vmName, args.networks, this.podLabels),
        ]);
        const namespace = args.namespace ?? "default";
        this.namespace = pulumi.output(namespace);
        this.expectedToRun = runStrategy === "Always" || runStrategy === "RerunOnFailure";
        const scope = scopeOf(this, args);
        const timeoutSeconds = args.timeoutSeconds ?? 300;
        const manager = managerOfStack();
        const { vmName } = this;
        const placed = { namespace, ...(args.cluster && { cluster: args.cluster }) };
        const nics = planNics({ name: vmName, manager, ...placed }, args.networks, scope);
        this.nics = nics;

        if (!("template" in args) && args.guestConfig !== "none") {
            this.secret = guestSecret(`${this.vmName}-cloud-init`, namespace, args.userData, nics, scope);
        }
        this.object = untraced(
            () =>
                new kubernetes.apiextensions.CustomResource(
                    this.vmName,
                    {
                        apiVersion: "kubevirt.io/v1",
                        kind: "VirtualMachine",
                        metadata: {
                            name: this.vmName,
                            namespace,
                            ...filled("labels", args.labels),
                            annotations: {
                                ...objectAnnotations(),
                                // What an adopted VM has was written by others, whose fields stay theirs otherwise.
                                ...(adopt && { "pulumi.com/patchForce": "true" }),
                            },
                        },
                        spec: {
                            // PowerState starts the VM when its NICs are in place; one that is adopted has them.
                            ...(!adopt && { runStrategy: "Halted" }),
                            template:
                                "template" in args
                                    ? args.template
                                    : vmTemplate(this.vmName, args, this.secret?.metadata.name),
                        },
                    },
                    {
                        ...scope.kubernetes,
                        ignoreChanges: ["spec.runStrategy"],
                        // Networks and addresses outlive the VMs that have them.
                        dependsOn: nics.flatMap(({ guard, reservations }) => [
                            ...(guard ? [guard] : []),
                            ...reservations,
                        ]),
                    },
                ),
        );
        const vmUid = this.object.metadata.apply((metadata) => metadata.uid);
        const consent = {
            ...(args.onMigrationRequired && { onMigrationRequired: args.onMigrationRequired }),
            ...(args.onRestartRequired && { onRestartRequired: args.onRestartRequired }),
        };
        const dynamicOptions = { ...scope.dynamic, deletedWith: this.object };
        const common = scope.common;
        const siblings = nics.map((nic) => nic.name).sort();
        this.interfaces = Object.fromEntries(
            nics.map(
                ({
                    name: nic,
                    type,
                    primary,
                    nadName,
                    nadDeclared,
                    parentDevice,
                    guard,
                    macAddress,
                    model,
                    linkState,
                    addresses,
                }) => [
                    nic,
                    new NetworkInterface(
                        `${vmName}-${nic}`,
                        {
                            ...common,
                            ...{ namespace, vm: vmName, vmUid, nic, siblings, type, primary },
                            ...(nadName && {
                                nadName,
                                nadDeclared,
                                ...(parentDevice !== undefined && { parentDevice }),
                            }),
                            ...{ macAddress, model, linkState, addresses, timeoutSeconds, ...consent },
                        },
                        // The engine orders deletes by direct dependencies: the NIC leaves before its network.
                        { ...dynamicOptions, dependsOn: guard ? [guard] : [] },
                    ),
                ],
            ),
        );
        this.powerState = new PowerState(
            `${this.vmName}-power`,
            {
                ...common,
                namespace,
                vm: this.vmName,
                vmUid,
                manager,
                ...(adopt && { adopt }),
                runStrategy,
                networks: pulumi.all(
                    Object.fromEntries(
                        nics.map(({ name: nic, type, primary, nadName, macAddress, model, linkState, addresses }) => {
                            const { impact, reason } = this.interfaces[nic] ?? {};
                            return [
                                nic,
                                { type, primary, nadName, macAddress, model, linkState, addresses, impact, reason },
                            ];
                        }),
                    ),
                ),
                timeoutSeconds,
                ...consent,
            },
            { ...dynamicOptions, dependsOn: Object.values(this.interfaces) },
        );
        this.services = Object.fromEntries(
            nicExposures(vmName, args.networks).map((exposure) => {
                const network = nics.find(({ name: nic }) => nic === exposure.nic)?.nadName;
                const service = { ...exposureOfVm(exposure, this, network), ...placed };
                return [exposure.key, new ServiceExposure(exposure.name, service, scope.components)];
            }),
        );
        this.endpoints = pulumi.all(endpointsOf(this.services));
        this.networks = pulumi.all(nics.map(networkStatus));
        this.registerOutputs({ vmName: this.vmName, networks: this.networks });
    }
}

/** The endpoints of the Services that have some of their own, by name of the Service. */
function endpointsOf(services: VirtualMachine["services"]): Record<string, pulumi.Output<string[]>> {
    return Object.fromEntries(
        Object.values(services).flatMap(({ name, endpoints }) => (endpoints ? [[name, endpoints.ready]] : [])),
    );
}
