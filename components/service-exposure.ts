import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { needsNetworkPolicy, type Exposure } from "../core/service/exposure";
import { validateExposure } from "../core/service/validate-exposure";
import { serviceNameProblems } from "../core/service/name";
import { expandPorts } from "../core/service/ports";
import { selectorOf, type LabelledVm } from "../core/service/selector";
import { qualifiedNad } from "../core/nic";
import type { Problem } from "../core/problem";
import type { CommonInputs, InputsOf } from "../dynamic/connection";
import type { ClaimedVm, ServiceClaimInputs } from "../dynamic/service-claim/inputs";
import { ServiceClaim } from "../dynamic/service-claim/resource";
import { ServiceEndpoints } from "../dynamic/service-endpoints/resource";
import { untraced } from "../dynamic/shim";
import type { ExposedVirtualMachine, ServiceExposureArgs } from "./exposure-args";
import { derived, isPlain } from "./input";
import { Network } from "./network";
import { nodePortRange } from "./node-port-range";
import { managerOfStack } from "./manager";
import { refuse } from "./refuse";
import { scopeOf } from "./scope";
import { ingressObject, networkPolicyObject, serviceObject, type PlannedService } from "./service-objects";

/** A Service in front of VMs: `<name>-nodeport` of type NodePort, `<name>-service` of the other types. */
export class ServiceExposure extends pulumi.ComponentResource {
    /** Name of the Service, and of what else is made for it. */
    public readonly name: string;
    /** What looks whether the Service's name, ports and addresses are free. */
    public readonly claim: ServiceClaim;
    /** The Service object in the cluster. */
    public readonly service: kubernetes.core.v1.Service;
    /** The Ingress in front of it; absent without `ingress`. */
    public readonly ingress: kubernetes.networking.v1.Ingress | undefined;
    /** What limits who may come; absent where nothing, the load balancer or the node agent does. */
    public readonly networkPolicy: kubernetes.networking.v1.NetworkPolicy | undefined;
    /** Where traffic flows to once the Service is up, as `address:port`; absent where no VM is named. */
    public readonly endpoints: ServiceEndpoints | undefined;

    constructor(name: string, args: ServiceExposureArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:ServiceExposure", name, {}, opts);
        const { virtualMachines: vms = [] } = args;
        const exposure = exposureOf(args);
        const found = args.selector ? undefined : selectorOf(vms.map(plainLabels));
        const serviceName = serviceNameOf(name, args);
        refuse(this, `ServiceExposure ${name}`, [
            ...validateExposure(exposure),
            ...serviceNameProblems(serviceName),
            ...ownerProblems(args),
            ...podNicProblems(args),
            ...(found?.ok === false && exposure.targets === 1 ? [{ field: "virtualMachines", ...found }] : []),
        ]);
        const scope = scopeOf(this, args);
        const namespace = args.namespace ?? vms[0]?.namespace ?? "default";
        const planned: PlannedService = {
            name: serviceName,
            namespace,
            ports: expandPorts(args.ports).ports,
            dataplane: exposure.dataplane,
            network: networkName(args.network, namespace),
            selector: args.selector ?? (found?.ok ? found.value : {}),
            ownerReferences: args.ownedByVirtualMachine ? ownerReferences(vms) : undefined,
            args,
        };
        this.name = serviceName;
        // Of two exposures with children of one name the engine would only say that the name is there twice.
        const child = args.serviceName === undefined ? serviceName : name;
        // A name that comes to be given, or is no longer, does not make another child, whose old self would be deleted.
        const otherChild =
            args.serviceName === undefined ? name : serviceNameOf(name, { ...args, serviceName: undefined });
        const known = <T extends pulumi.CustomResourceOptions>(options: T, suffix = ""): T => ({
            ...options,
            aliases: [{ name: `${otherChild}${suffix}` }],
        });
        this.claim = new ServiceClaim(
            `${child}-claim`,
            { ...scope.common, ...claimOf(name, planned, args, needsNetworkPolicy(exposure)) },
            known(scope.dynamic, "-claim"),
        );
        const options = known({ ...scope.kubernetes, dependsOn: this.claim });
        this.service = untraced(() => new kubernetes.core.v1.Service(child, serviceObject(planned), options));
        if (args.ingress) {
            const ingress = ingressObject(planned, args.ingress);
            const after = known({ ...scope.kubernetes, dependsOn: this.service });
            this.ingress = untraced(() => new kubernetes.networking.v1.Ingress(child, ingress, after));
        }
        if (needsNetworkPolicy(exposure)) {
            const policy = networkPolicyObject(planned, args.sourceRanges ?? []);
            this.networkPolicy = untraced(() => new kubernetes.networking.v1.NetworkPolicy(child, policy, options));
        }
        if (vms.length > 0) {
            this.endpoints = new ServiceEndpoints(
                `${child}-endpoints`,
                {
                    ...scope.common,
                    namespace: planned.namespace,
                    service: serviceName,
                    ports: [...planned.ports],
                    isOnNetwork: planned.network !== undefined,
                    expected: vms.some(({ expectedToRun }) => expectedToRun),
                    timeoutSeconds: args.readyTimeoutSeconds ?? 300,
                },
                known(
                    { ...scope.dynamic, dependsOn: [this.service, ...vms.map(({ powerState }) => powerState)] },
                    "-endpoints",
                ),
            );
        }
        this.registerOutputs({});
    }
}

/** What the Service of an exposure is called. */
export function serviceNameOf(name: string, { serviceName, type }: ServiceExposureArgs): string {
    return serviceName ?? `${name}-${type === "NodePort" ? "nodeport" : "service"}`;
}

/** An exposure as far as it is said in plain values. */
export function exposureOf({ clusterIP, loadBalancerIP, ...args }: ServiceExposureArgs): Exposure {
    const { network, virtualMachines = [], selector } = args;
    return {
        ...args,
        type: args.type ?? "ClusterIP",
        // A NIC names its VM in any case.
        targets: args.declaredBy ? 1 : (virtualMachines.length > 0 ? 1 : 0) + (selector ? 1 : 0),
        hasEmptySelector:
            args.declaredBy === undefined &&
            selector !== undefined &&
            isPlain(selector) &&
            Object.keys(selector).length === 0,
        network: network === undefined ? "pod" : "secondary",
        nodePortRange: nodePortRange(),
        dataplane: args.dataplane ?? (network === undefined ? "kube-proxy" : "wukong"),
        ...(clusterIP !== undefined && isPlain(clusterIP) && { clusterIP }),
        ...(loadBalancerIP !== undefined && isPlain(loadBalancerIP) && { loadBalancerIP }),
    };
}

/** What is looked at before the Service is made. */
function claimOf(
    exposure: string,
    { name, namespace, ports, selector, network, args }: PlannedService,
    { virtualMachines = [], declaredBy, selector: given }: ServiceExposureArgs,
    isRestricted: boolean,
): Omit<InputsOf<ServiceClaimInputs>, keyof CommonInputs> {
    const { clusterIP, loadBalancerIP, annotations } = args;
    return {
        ...{ namespace, service: name, manager: managerOfStack(), exposure },
        ...(declaredBy && { declaredBy }),
        ports: [...ports],
        ...(clusterIP !== undefined && { clusterIP }),
        ...(loadBalancerIP !== undefined && { loadBalancerIP }),
        ...(annotations && { annotations: pulumi.output(annotations) }),
        ...(virtualMachines.length > 0 && { vms: pulumi.all(virtualMachines.map(claimedVm)) }),
        selector: pulumi.output(selector),
        isSelectorGiven: given !== undefined,
        ...(network !== undefined && { network }),
        ...{ isRestricted, hasIngress: args.ingress !== undefined },
    };
}

function claimedVm({ vmName: name, namespace, podLabels, nics }: ExposedVirtualMachine): pulumi.Output<ClaimedVm> {
    const nadNames = nics.map(({ nadName }) => nadName).filter((nadName) => nadName !== undefined);
    return pulumi.output({ name, namespace, labels: podLabels, nadNames });
}

/** Without a network of its own an exposure leads to the pod network. */
function podNicProblems({ network, virtualMachines = [] }: ServiceExposureArgs): Problem[] {
    return virtualMachines
        .filter(({ nics }) => network === undefined && !nics.some(({ type }) => type === "pod"))
        .map(({ vmName }) => ({
            field: "network",
            rule: `VM ${vmName} has no NIC on the pod network`,
            remedy: "name the network on which it is reached, or give it a NIC of type pod",
        }));
}

/** An owner is one object: Kubernetes collects what has several only when all of them are gone. */
function ownerProblems({ ownedByVirtualMachine, virtualMachines = [], selector }: ServiceExposureArgs): Problem[] {
    return ownedByVirtualMachine === true && (virtualMachines.length !== 1 || selector)
        ? [
              {
                  field: "ownedByVirtualMachine",
                  value: true,
                  rule: "a Service goes with its VM where it is that of one VM",
                  remedy: "leave it out, or name one VM in virtualMachines",
              },
          ]
        : [];
}

/**
 * The VM as owner of what is exposed of it. In the preview of a VM that is not there yet its uid may be unknown or absent,
 * and there is no owner to write down. A foreground delete of the VM waits for what blocks it, so that a replaced VM does
 * not find its predecessor's Service being collected.
 */
function ownerReferences([vm]: readonly ExposedVirtualMachine[]): PlannedService["ownerReferences"] {
    return vm?.object.metadata.apply(({ uid }: { uid?: string }) =>
        uid === undefined
            ? undefined
            : [
                  {
                      ...{ apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", name: vm.vmName, uid },
                      blockOwnerDeletion: true,
                  },
              ],
    );
}

export function plainLabels({ vmName, podLabels }: Pick<ExposedVirtualMachine, "vmName" | "podLabels">): LabelledVm {
    const known = Object.entries(podLabels).filter((label): label is [string, string] => isPlain(label[1]));
    return { name: vmName, labels: Object.fromEntries(known) };
}

/** `namespace/name` of the network; a name alone is one of the Service's namespace. */
function networkName(
    network: ServiceExposureArgs["network"],
    namespace: pulumi.Input<string>,
): pulumi.Input<string> | undefined {
    if (network === undefined || network instanceof Network) {
        return network?.nadName;
    }
    return derived([namespace, network], ([place, name]) => qualifiedNad(place, name));
}
