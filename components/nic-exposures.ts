import type * as pulumi from "@pulumi/pulumi";
import { primaryOf } from "../core/nic";
import type { Problem } from "../core/problem";
import { validateExposure } from "../core/service/validate-exposure";
import type { ExposedVirtualMachine, ServiceExposureArgs, ServicePortArgs } from "./exposure-args";
import { serviceNameProblems } from "../core/service/name";
import { selectorOf } from "../core/service/selector";
import { isPlain } from "./input";
import { nodePortRange } from "./node-port-range";
import type { NetworkInterfaceArgs, PortMappingArgs } from "./networks";
import { exposureOf, plainLabels, serviceNameOf } from "./service-exposure";

/** A Service that a NIC asks for. */
export interface NicExposure {
    readonly nic: string;
    /** The field of the NIC that asks for it. */
    readonly field: "serviceExposure" | "portMappings";
    /** By which it is found among the VM's Services: the NIC's name, for mapped ports with their kind behind it. */
    readonly key: string;
    /** Name of the component. */
    readonly name: string;
    /** What it is declared with, without VMs, network and cluster. */
    readonly args: ServiceExposureArgs;
}

/**
 * The Services of a VM's NICs. Those of its pod NIC, or where it has none of its primary NIC, are called `<vm>-service` and
 * `<vm>-nodeport`, those of others `<vm>-<nic>-service` and so on: no NIC's Service is renamed by what another one exposes.
 */
export function nicExposures(vm: string, nics: readonly NetworkInterfaceArgs[]): NicExposure[] {
    const main = nics.find(({ type }) => type === "pod") ?? primaryOf(nics);
    return nics.flatMap((nic) => exposuresOf(nic, nic === main ? vm : `${vm}-${nic.name}`));
}

/** What is wrong with the exposures of a VM's NICs, each named by VM, NIC and field. */
export function exposureProblems(
    vm: string,
    nics: readonly NetworkInterfaceArgs[],
    podLabels: ExposedVirtualMachine["podLabels"],
): Problem[] {
    const exposures = nicExposures(vm, nics);
    return nics.flatMap((nic) => {
        const own = exposures.filter((exposure) => exposure.nic === nic.name);
        const problems = [
            ...own.flatMap((exposure) =>
                [
                    ...validateExposure(exposureOf(onNetworkOf(nic, exposure.args))),
                    ...serviceNameProblems(serviceNameOf(exposure.name, exposure.args)),
                    ...labelProblems(exposure.args, { vmName: vm, podLabels }),
                ].map((problem) => ({
                    ...problem,
                    field: exposure.field === "portMappings" ? exposure.field : `${exposure.field}.${problem.field}`,
                })),
            ),
            ...mappingProblems(nic),
            ...(own.length > 0 ? cableProblems(nic) : []),
        ];
        return problems.map((problem) => ({ ...problem, vm, nic: nic.name }));
    });
}

/** What makes the Service of a VM that is there. */
export function exposureOfVm(
    exposure: NicExposure,
    vm: ExposedVirtualMachine,
    network: pulumi.Input<string> | undefined,
): ServiceExposureArgs {
    const { args, nic, field } = exposure;
    return {
        ...args,
        declaredBy: { vm: vm.vmName, nic, field },
        virtualMachines: [vm],
        ...(network !== undefined && { network }),
        namespace: vm.namespace,
    };
}

function exposuresOf(nic: NetworkInterfaceArgs, prefix: string): NicExposure[] {
    const { enabled = true, ...declared } = nic.serviceExposure ?? { enabled: false, ports: [] };
    const { nodePorts, hostPorts } = mapped(nic);
    const takesMapped = enabled && declared.type === "NodePort" && nodePorts.length > 0;
    const exposed: NicExposure = {
        nic: nic.name,
        field: "serviceExposure",
        key: nic.name,
        name: prefix,
        args: takesMapped
            ? { ...declared, ports: [...declared.ports.map(named), ...nodePorts.map(nodePortOf)] }
            : declared,
    };
    const ofMapped = (kind: "nodeport" | "hostport", args: ServiceExposureArgs): NicExposure => ({
        nic: nic.name,
        field: "portMappings",
        key: `${nic.name}-${kind}`,
        name: `${prefix}-${kind}`,
        args: { ...args, serviceName: `${prefix}-${kind}` },
    });
    return [
        ...(enabled ? [exposed] : []),
        ...(nodePorts.length > 0 && !takesMapped
            ? [ofMapped("nodeport", { type: "NodePort", ports: nodePorts.map(nodePortOf), ...dataplaneOf(nodePorts) })]
            : []),
        ...(hostPorts.length > 0
            ? [ofMapped("hostport", { ports: hostPorts.map(hostPortOf), ...dataplaneOf(hostPorts) })]
            : []),
    ];
}

function mapped({ portMappings = [] }: NetworkInterfaceArgs): Record<"nodePorts" | "hostPorts", PortMappingArgs[]> {
    const [first, last] = nodePortRange();
    const isNodePort = ({ hostPort }: PortMappingArgs): boolean => hostPort >= first && hostPort <= last;
    return {
        nodePorts: portMappings.filter(isNodePort),
        hostPorts: portMappings.filter((mapping) => !isNodePort(mapping)),
    };
}

function nodePortOf(mapping: PortMappingArgs): ServicePortArgs {
    return { ...targetOf(mapping), nodePort: mapping.hostPort };
}

function hostPortOf(mapping: PortMappingArgs): ServicePortArgs {
    return { ...targetOf(mapping), hostPort: mapping.hostPort };
}

function targetOf({ protocol = "TCP", containerPort }: PortMappingArgs): ServicePortArgs {
    return named({ protocol, port: containerPort });
}

/** Each of several ports has a name, which mappings do not give. */
function named(port: ServicePortArgs): ServicePortArgs {
    return { ...port, name: port.name ?? `${(port.protocol ?? "TCP").toLowerCase()}-${String(port.port)}` };
}

function dataplaneOf(mappings: readonly PortMappingArgs[]): Pick<ServiceExposureArgs, "dataplane"> {
    const dataplane = mappings.find((mapping) => mapping.dataplane !== undefined)?.dataplane;
    return dataplane === undefined ? {} : { dataplane };
}

/** The exposure with the network of its NIC, as far as the rules look at it. */
function onNetworkOf({ type }: NetworkInterfaceArgs, args: ServiceExposureArgs): ServiceExposureArgs {
    return {
        ...args,
        ...(type !== "pod" && { network: type }),
        ...(!args.selector && { selector: { "kubevirt.io/vm": "" } }),
    };
}

function mappingProblems(nic: NetworkInterfaceArgs): Problem[] {
    const exposed = nic.serviceExposure?.enabled === false ? undefined : nic.serviceExposure;
    const { nodePorts } = mapped(nic);
    const dataplanes = new Set(
        [
            ...nodePorts.map(({ dataplane }) => dataplane),
            ...(exposed?.type === "NodePort" && nodePorts.length > 0 ? [exposed.dataplane] : []),
        ].map((dataplane) => dataplane ?? (nic.type === "pod" ? "kube-proxy" : "wukong")),
    );
    return dataplanes.size > 1
        ? [
              {
                  field: "portMappings",
                  rule: "the NodePorts of a NIC are ports of one Service, which has one dataplane",
                  remedy: "give them the same dataplane",
              },
          ]
        : [];
}

/** The VM is found by the labels of its Service, whoever says which these are. */
function labelProblems(
    { selector }: ServiceExposureArgs,
    vm: Pick<ExposedVirtualMachine, "vmName" | "podLabels">,
): Problem[] {
    if (!selector) {
        const found = selectorOf([plainLabels(vm)]);
        return found.ok ? [] : [{ field: "selector", rule: found.rule, remedy: found.remedy }];
    }
    return Object.entries(selector).flatMap(([key, value]) => {
        const own = vm.podLabels[key];
        const isKnown = isPlain(value) && (own === undefined || isPlain(own));
        return !isKnown || own === value
            ? []
            : [
                  {
                      field: "selector",
                      value: `${key}=${value}`,
                      rule: "the Service leads to VMs that have this label, and this one has not",
                      remedy: "add it to the labels of the VM, or choose a label that it has",
                  },
              ];
    });
}

/** Nothing reaches a guest whose cable is out. */
function cableProblems({ linkState }: NetworkInterfaceArgs): Problem[] {
    return linkState !== undefined && isPlain(linkState) && linkState === "down"
        ? [
              {
                  field: "linkState",
                  value: linkState,
                  rule: "the NIC is exposed, and nothing gets through to it while its link is down",
                  remedy: 'set linkState: "up", or take the exposure away',
              },
          ]
        : [];
}
