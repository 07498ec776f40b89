import { type Family, familyName } from "../ip";
import { condition, type MigrationObject, type VmiObject, type VmObject } from "../kubevirt-objects";
import { migrationStart } from "../migration";
import { qualifiedNad } from "../nic";
import { ownerKey } from "../reservation";
import type { InterfaceEntry } from "../vm-networks";
import { matches } from "../service/selector";
import { SERVICE_ANNOTATION } from "./names";
import { addressOfNic, hostSubnet, type NicAddress, type ReservationIndex } from "./nic-addresses";
import type { PoolSubnets } from "./pool-subnets";
import { type ResolvedPort, resolvePorts } from "./target-ports";
import type { ServiceObject } from "./objects";
import { targetOf, type VmTarget } from "./vm-service";

/** What the cluster holds of VMs and their addresses. */
export interface EndpointFacts {
    /** Instances, also of other namespaces and with other labels. */
    readonly instances: readonly VmiObject[];
    /** VMs, of which those without an instance are told too; they make no endpoints. @default none */
    readonly machines?: readonly VmObject[];
    /** Migrations of the Service's namespace. */
    readonly migrations: readonly MigrationObject[];
    readonly reservations: ReservationIndex;
    readonly subnets: PoolSubnets;
    /** The address that the Service's slices have of an instance: it stays while a migration silences the guest agent. */
    readonly published?: (uid: string, family: Family) => string | undefined;
}

/** A VM on its network, in one IP family. */
export interface VmEndpoint {
    readonly vm: string;
    readonly namespace: string;
    /** Of the instance: with the network, it is the endpoint's identity. A live migration keeps it. */
    readonly uid: string;
    readonly nic: string;
    readonly family: Family;
    readonly address: string;
    readonly addressFrom: NicAddress["from"];
    /** Where its clients may be too, as CIDR; the address alone where that is not known. */
    readonly subnet: string;
    readonly nodeName?: string;
    /** As EndpointConditions of discovery.k8s.io/v1 say it, and KEP-1669. */
    readonly ready: boolean;
    readonly serving: boolean;
    readonly terminating: boolean;
    readonly ports: readonly ResolvedPort[];
}

/** What a Service comes to for a VM that its labels choose. */
export interface VmVerdict {
    readonly vm: string;
    /** Of the instance; empty where there is none. */
    readonly uid: string;
    /** One for each family of the Service. */
    readonly endpoints: readonly VmEndpoint[];
    /** Why new connections do not go to it, or not on every port and in every family: sentences. */
    readonly why: readonly string[];
}

/** The endpoints of a Service, and why there are no others. */
export interface EndpointsReport {
    readonly families: readonly Family[];
    /** By name, one for each VM that the labels choose. */
    readonly vms: readonly VmVerdict[];
    /** What is wrong with the Service itself, as sentences; it has no endpoints then, and no slices. */
    readonly problems: readonly string[];
}

/** The endpoints that a Service in front of VMs should have. */
export function endpointsOf(service: ServiceObject, facts: EndpointFacts): EndpointsReport {
    const { target, problems } = targetOf(service);
    if (target === undefined) {
        return { families: [], vms: [], problems };
    }
    const families = familiesOf(service);
    const { namespace } = service.metadata;
    const chosen = facts.instances
        .filter(({ metadata }) => metadata?.namespace === namespace && matches(target.labels, metadata?.labels))
        .sort((a, b) => compare(a.metadata?.name ?? "", b.metadata?.name ?? ""));
    const judged = chosen.map((vmi) => judge(vmi, service, target, families, facts));
    const running = new Set(judged.map(({ vm }) => vm));
    const off = (facts.machines ?? [])
        .filter(({ metadata }) => metadata?.namespace === namespace && !running.has(metadata?.name ?? ""))
        .filter(({ spec }) => matches(target.labels, spec?.template?.metadata?.labels))
        .map(({ metadata, status }) => notRunning(metadata?.name ?? "", status?.printableStatus));
    return {
        families,
        vms: [...withoutTwins(judged), ...off].sort((a, b) => compare(a.vm, b.vm)),
        problems,
    };
}

function notRunning(vm: string, printableStatus = "not started yet"): VmVerdict {
    return {
        vm,
        uid: "",
        endpoints: [],
        why: [`VM ${vm} is no endpoint: it has no instance, as it is ${printableStatus}.`],
    };
}

/** The families of a Service's addresses; of one that has none yet, both. */
function familiesOf({ spec }: ServiceObject): Family[] {
    const named = spec?.ipFamilies ?? [];
    return ([4, 6] as const).filter((family) => named.length === 0 || named.includes(familyName(family)));
}

function judge(
    vmi: VmiObject,
    service: ServiceObject,
    target: VmTarget,
    families: readonly Family[],
    facts: EndpointFacts,
): VmVerdict {
    const { name: vm = "", namespace = "", uid = "" } = vmi.metadata ?? {};
    const none = (why: string): VmVerdict => ({ vm, uid, endpoints: [], why: [`VM ${vm} is no endpoint: ${why}.`] });
    const phase = vmi.status?.phase ?? "";
    if (phase !== "Running") {
        return none(
            `its instance is ${phase === "" ? "new" : `in phase ${phase}`}, and only one that is Running counts`,
        );
    }
    const migratingSince = migrationStart({ vmi, migrations: facts.migrations });
    const paused = condition(vmi.status?.conditions, "Paused");
    if (paused?.status === "True" && !isOfMigration(paused, migratingSince)) {
        return none("it is paused");
    }
    const nic = attachedNic(vmi, target.network);
    if (typeof nic === "string") {
        return none(nic);
    }
    const { ports, missing } = resolvePorts(service.spec?.ports ?? [], nic.ports ?? []);
    const why = missing.map((clause) => `VM ${vm} is not reached on every port: ${clause}.`);
    if (ports.length === 0 && missing.length > 0) {
        return none(missing.join(", and "));
    }
    const conditions = conditionsOf(vmi, migratingSince, service.spec?.publishNotReadyAddresses === true);
    const status = vmi.status?.interfaces?.find((each) => each.name === nic.name) ?? {};
    const key = ownerKey({ namespace, vm, nic: nic.name });
    const found = families.map((family) => {
        const lastAddress = migratingSince === undefined ? undefined : facts.published?.(uid, family);
        const addressed = { key, network: target.network, status, lastAddress };
        return { family, address: addressOfNic(addressed, family, facts.reservations, facts.subnets) };
    });
    const lacking = found.flatMap(({ address }) => (typeof address === "string" ? [address] : []));
    if (lacking.length === found.length) {
        return none(lacking.join("; "));
    }
    why.push(...lacking.map((clause) => `VM ${vm} is not reached in every family: ${clause}.`));
    const endpoints = found.flatMap(({ family, address }): VmEndpoint[] =>
        typeof address === "string"
            ? []
            : [
                  {
                      ...{ vm, namespace, uid, nic: nic.name, family, address: address.address },
                      addressFrom: address.from,
                      subnet: address.subnet ?? hostSubnet(address.address),
                      ...(vmi.status?.nodeName !== undefined && { nodeName: vmi.status.nodeName }),
                      ...conditions,
                      ports,
                  },
              ],
    );
    why.push(...whyNotReady(vm, vmi, conditions), ...unknownSubnets(vm, service, found));
    return { vm, uid, endpoints, why };
}

/** The first NIC on a network that the guest has, or why there is none, as a clause. */
function attachedNic(vmi: VmiObject, network: string): InterfaceEntry | string {
    const namespace = vmi.metadata?.namespace ?? "";
    const names = (vmi.spec?.networks ?? [])
        .filter(({ multus }) => multus !== undefined && qualifiedNad(namespace, multus.networkName) === network)
        .map(({ name }) => name);
    let why = `it has no NIC on network ${network}`;
    for (const name of names) {
        const nic = vmi.spec?.domain?.devices?.interfaces?.find((each) => each.name === name);
        const status = vmi.status?.interfaces?.find((each) => each.name === name);
        if (nic === undefined) {
            continue;
        }
        if (nic.state === "absent") {
            why = `its NIC ${name} on network ${network} is being detached`;
        } else if (status?.infoSource?.split(", ").includes("domain") !== true) {
            why = `its NIC ${name} on network ${network} is not attached: KubeVirt does not report it in the domain`;
        } else if (nic.state === "down") {
            why = `the link of its NIC ${name} on network ${network} is down`;
        } else {
            return nic;
        }
    }
    return why;
}

/** `ready`, `serving` and `terminating`, as the EndpointSlice controller of Kubernetes has them of pods. */
function conditionsOf(
    vmi: VmiObject,
    migratingSince: string | undefined,
    publishNotReady: boolean,
): Pick<VmEndpoint, "ready" | "serving" | "terminating"> {
    const readiness = condition(vmi.status?.conditions, "Ready");
    const serving =
        readiness?.status === "True" || (readiness !== undefined && isOfMigration(readiness, migratingSince));
    const terminating = vmi.metadata?.deletionTimestamp !== undefined;
    return { ready: publishNotReady || (serving && !terminating), serving, terminating };
}

/**
 * Whether a condition came with the migration that is under way: between its source and its target, KubeVirt reports a VM
 * as not ready which answers all the time (ovn-kubernetes issue 6581). What was so before it stays so.
 */
function isOfMigration(
    { lastTransitionTime }: { readonly lastTransitionTime?: string | null },
    since: string | undefined,
): boolean {
    return since !== undefined && Date.parse(lastTransitionTime ?? since) >= Date.parse(since);
}

/** Why an endpoint gets no new connections although it is one. */
function whyNotReady(
    vm: string,
    vmi: VmiObject,
    { ready, serving, terminating }: Pick<VmEndpoint, "ready" | "serving" | "terminating">,
): string[] {
    if (ready) {
        return [];
    }
    if (terminating && serving) {
        return [`VM ${vm} is being deleted: it serves only while no other VM of the Service is ready (KEP-1669).`];
    }
    if (terminating) {
        return [`VM ${vm} is being deleted, and is not ready.`];
    }
    const { reason = "", message = "" } = condition(vmi.status?.conditions, "Ready") ?? {};
    const said = [reason, message].filter((text) => text !== "").join(": ");
    return [`VM ${vm} is not ready${said === "" ? "" : `: KubeVirt says ${said}`}.`];
}

/** Answers to clients beside a VM pass the node by, unless the node knows who is beside it. */
function unknownSubnets(
    vm: string,
    { metadata }: ServiceObject,
    found: readonly { readonly address: NicAddress | string }[],
): string[] {
    return metadata.annotations?.[SERVICE_ANNOTATION.masquerade] !== "SameSubnet"
        ? []
        : found.flatMap(({ address }) =>
              typeof address === "string" || address.subnet !== undefined
                  ? []
                  : [
                        `VM ${vm} is not reached by clients of its own subnet: no IPPool has ${address.address}, so the ` +
                            `subnet is not known, and masquerade is SameSubnet.`,
                    ],
          );
}

/** An address that two VMs have goes to the one it is reserved for, else to the first by name. */
function withoutTwins(verdicts: readonly VmVerdict[]): VmVerdict[] {
    const holders = new Map<string, VmEndpoint>();
    for (const endpoint of verdicts.flatMap(({ endpoints }) => endpoints)) {
        const holder = holders.get(endpoint.address);
        if (holder === undefined || (holder.addressFrom !== "reservation" && endpoint.addressFrom === "reservation")) {
            holders.set(endpoint.address, endpoint);
        }
    }
    return verdicts.map((verdict) => {
        const twins = verdict.endpoints.filter((endpoint) => holders.get(endpoint.address) !== endpoint);
        const said = twins.map(
            ({ vm, address }) =>
                `VM ${vm} is no endpoint with ${address}: VM ${holders.get(address)?.vm ?? ""} has that address.`,
        );
        return twins.length === 0
            ? verdict
            : {
                  ...verdict,
                  endpoints: verdict.endpoints.filter((endpoint) => !twins.includes(endpoint)),
                  why: [...verdict.why, ...said],
              };
    });
}

function compare(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
