import * as pulumi from "@pulumi/pulumi";
import type { GuestNic } from "../core/guest-network";
import { macFor, normalizeMac } from "../core/mac";
import { primaryOf, qualifiedNad, type LinkState, type NicDeclaration } from "../core/nic";
import type { Problem } from "../core/problem";
import { ownerKey, spaceOfNetwork } from "../core/reservation";
import { IPReservationResource } from "../dynamic/ip-reservation/resource";
import type { NetworkGuard } from "../dynamic/network-guard/resource";
import { turnAt } from "./address-turns";
import { isPool, poolDependency, poolInput, poolKey } from "./ip-pool";
import { Network } from "./network";
import type { NetworkInterfaceArgs, NetworkStatus } from "./networks";
import { type ClusterScopedArgs, type Scope } from "./scope";

/** The VM whose NICs are planned. */
export interface PlannedVm extends ClusterScopedArgs {
    readonly name: string;
    readonly namespace: pulumi.Output<string>;
    readonly manager: string;
}

/** A NIC with its network and address in place, before its VM exists. */
export interface NicPlan {
    readonly name: string;
    readonly type: NetworkInterfaceArgs["type"];
    readonly primary: boolean;
    /** `namespace/name`; undefined for the pod network. */
    readonly nadName: pulumi.Output<string> | undefined;
    /** The program makes the NetworkAttachmentDefinition. */
    readonly nadDeclared: boolean;
    /** Guard of the network, where the program makes it. */
    readonly guard: NetworkGuard | undefined;
    readonly macAddress: pulumi.Output<string>;
    readonly model: pulumi.Output<string>;
    readonly linkState: pulumi.Output<LinkState>;
    readonly reservation: IPReservationResource | undefined;
    /** With prefix length; empty with DHCP. */
    readonly addresses: pulumi.Output<string[]>;
    readonly guest: pulumi.Output<GuestNic>;
}

/** The NIC as far as the program names it in plain values; what is an Output is checked where it becomes known. */
export function plainDeclaration(nic: NetworkInterfaceArgs): NicDeclaration {
    const ip = nic.ipConfig;
    const ipConfig = ip && {
        mode: ip.mode,
        ...plain("address", ip.address),
        ...plain("gateway", ip.gateway),
        ...plain("dnsServers", ip.dnsServers),
        ...plain("routes", ip.routes),
        ...(ip.ipPool !== undefined && { ipPool: isPool(ip.ipPool) ? ip.ipPool.spec.name : "" }),
        ...(ip.defaultRoute !== undefined && { defaultRoute: ip.defaultRoute }),
    };
    return {
        name: nic.name,
        type: nic.type,
        ...(nic.primary !== undefined && { primary: nic.primary }),
        ...plain("nadName", nic.nadName),
        ...plain("macAddress", nic.macAddress),
        ...plain("model", nic.model),
        ...plain("linkState", nic.linkState),
        // An address that is not known yet would read as a static NIC without one.
        ...(ipConfig && (ip.address === undefined || "address" in ipConfig) && { ipConfig }),
    };
}

/** Services lead to pods, and so to pod NICs only. */
export function exposureProblems(vm: string, nics: readonly NetworkInterfaceArgs[]): Problem[] {
    return nics
        .filter((nic) => nic.type !== "pod" && nic.serviceExposure && nic.serviceExposure.enabled !== false)
        .map((nic) => ({
            vm,
            nic: nic.name,
            field: "serviceExposure",
            rule: `a Service reaches the pod network, and a ${nic.type} NIC is on another one`,
            remedy: "expose the VM's NIC of type pod",
        }));
}

/** Makes networks and reservations of the NICs, and puts together what NIC and guest are made of. */
export function planNics(vm: PlannedVm, nics: readonly NetworkInterfaceArgs[], scope: Scope): NicPlan[] {
    const primary = primaryOf(nics);
    return nics.map((nic) => planNic(vm, nic, nic === primary, scope));
}

function planNic(vm: PlannedVm, nic: NetworkInterfaceArgs, primary: boolean, scope: Scope): NicPlan {
    const network = networkOf(vm, nic, scope);
    const nadName =
        network?.nadName ??
        (nic.nadName === undefined
            ? undefined
            : pulumi.all([vm.namespace, nic.nadName]).apply(([namespace, name]) => qualifiedNad(namespace, name)));
    const macAddress = pulumi
        .all([vm.namespace, nic.macAddress])
        .apply(([namespace, given]) => (given === undefined ? macFor(namespace, vm.name, nic.name) : canonical(given)));
    const reservation = reservationOf(vm, nic, nadName, macAddress, scope);
    const addresses = reservation ? reservation.cidr.apply((cidr) => [cidr]) : pulumi.output<string[]>([]);
    return {
        name: nic.name,
        type: nic.type,
        primary,
        nadName,
        nadDeclared: network?.nad !== undefined,
        guard: network?.guard,
        macAddress,
        model: pulumi.output(nic.model ?? "virtio"),
        linkState: pulumi.output(nic.linkState ?? "up"),
        reservation,
        addresses,
        guest: guestNic(nic, primary, macAddress, addresses, reservation, network),
    };
}

/** The NIC's network: the one it names, or one of its own. */
function networkOf(vm: PlannedVm, nic: NetworkInterfaceArgs, scope: Scope): Network | undefined {
    if (nic.type === "pod" || nic.network || nic.nadName !== undefined) {
        return nic.network;
    }
    return new Network(
        `${vm.name}-${nic.name}`,
        {
            type: nic.type,
            namespace: vm.namespace,
            ...(nic.vlanId !== undefined && { vlanId: nic.vlanId }),
            ...(vm.cluster && { cluster: vm.cluster }),
        },
        scope.components,
    );
}

function reservationOf(
    vm: PlannedVm,
    nic: NetworkInterfaceArgs,
    nadName: pulumi.Output<string> | undefined,
    macAddress: pulumi.Output<string>,
    scope: Scope,
): IPReservationResource | undefined {
    const { mode, address, ipPool, gateway } = nic.ipConfig ?? { mode: "dhcp" as const };
    if (mode === "dhcp") {
        return undefined;
    }
    const turn = turnAt(poolKey(ipPool));
    const reservation = new IPReservationResource(
        `${vm.name}-${nic.name}-address`,
        {
            ...scope.common,
            ...poolInput(ipPool),
            ...(ipPool === undefined && nadName && { space: nadName.apply(spaceOfNetwork) }),
            ...(address !== undefined && { requested: address }),
            ...(gateway !== undefined && { declaredGateway: gateway }),
            macAddress,
            owner: turn.hold(vm.namespace.apply((namespace) => ownerKey({ namespace, vm: vm.name, nic: nic.name }))),
            vm: vm.namespace.apply((namespace) => `${namespace}/${vm.name}`),
            nic: nic.name,
            manager: vm.manager,
        },
        { ...scope.dynamic, dependsOn: poolDependency(ipPool) },
    );
    turn.pass(reservation);
    return reservation;
}

function guestNic(
    nic: NetworkInterfaceArgs,
    primary: boolean,
    macAddress: pulumi.Output<string>,
    addresses: pulumi.Output<string[]>,
    reservation: IPReservationResource | undefined,
    network: Network | undefined,
): pulumi.Output<GuestNic> {
    const { gateway, dnsServers, routes, defaultRoute, mode = "dhcp" } = nic.ipConfig ?? {};
    return pulumi
        .all([
            macAddress,
            addresses,
            pulumi.output(gateway ?? reservation?.gateway),
            pulumi.output(dnsServers ?? reservation?.dnsServers),
            pulumi.output(reservation?.searchDomains),
            pulumi.output(routes),
        ])
        .apply(([mac, cidrs, via, servers, domains, more]) => ({
            name: nic.name,
            mode,
            primary,
            macAddress: mac,
            addresses: cidrs,
            ...(via && { gateway: via }),
            ...(servers && { dnsServers: servers }),
            ...(domains && { searchDomains: domains }),
            ...(more && { routes: more }),
            ...(network?.mtu !== undefined && { mtu: network.mtu }),
            ...(defaultRoute !== undefined && { isDefaultRoute: defaultRoute }),
        }));
}

/** The NIC's entry in the list that Wukong manifests have. */
export function networkStatus(nic: NicPlan): pulumi.Output<NetworkStatus> {
    return pulumi
        .all([nic.nadName, nic.addresses, nic.reservation?.allocatedAt])
        .apply(([nadName, [ipAddress], allocatedAt]) => ({
            name: nic.name,
            type: nic.type,
            nadName: nadName ?? "",
            ipAddress: ipAddress ?? "",
            ipAllocated: allocatedAt !== undefined,
            ipAllocatedTime: allocatedAt ?? "",
        }));
}

function canonical(macAddress: string): string {
    const mac = normalizeMac(macAddress);
    return mac.ok ? mac.value : macAddress;
}

/** A field whose value is known as the program runs. */
function plain<K extends string, T>(key: K, value: pulumi.Input<T> | undefined): { [P in K]?: T } {
    const known = value !== undefined && !pulumi.Output.isInstance(value) && !(value instanceof Promise);
    return (known ? { [key]: value } : {}) as { [P in K]?: T };
}
