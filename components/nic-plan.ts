import type * as pulumi from "@pulumi/pulumi";
import type { GuestNic } from "../core/guest-network";
import { macFor, normalizeMac } from "../core/mac";
import { nicNetworkProblems, ownNetworkFields } from "../core/nic-network";
import { primaryOf, qualifiedNad, type LinkState, type NicDeclaration } from "../core/nic";
import type { Problem } from "../core/problem";
import type { IPReservationResource } from "../dynamic/ip-reservation/resource";
import type { NetworkGuard } from "../dynamic/network-guard/resource";
import { derived, isPlain } from "./input";
import { isPool } from "./ip-pool";
import { nicAddresses, type PlannedVm } from "./nic-addresses";
import { Network, type NetworkArgs } from "./network";
import type { NetworkInterfaceArgs, NetworkStatus } from "./networks";
import type { Scope } from "./scope";

/** A NIC with its network and address in place, before its VM exists. */
export interface NicPlan {
    readonly name: string;
    readonly type: NetworkInterfaceArgs["type"];
    readonly primary: boolean;
    /** `namespace/name`; undefined for the pod network. */
    readonly nadName: pulumi.Input<string> | undefined;
    /** The program makes the NetworkAttachmentDefinition. */
    readonly nadDeclared: boolean;
    /** Device of the nodes that the NIC has to itself, as far as the program says it. */
    readonly parentDevice: string | undefined;
    /** Guard of the network, where the program makes it. */
    readonly guard: NetworkGuard | undefined;
    readonly macAddress: pulumi.Input<string>;
    readonly model: pulumi.Input<string>;
    readonly linkState: pulumi.Input<LinkState>;
    /** Its addresses, the first one first; none with DHCP. */
    readonly reservations: readonly IPReservationResource[];
    /** With prefix length; empty with DHCP. */
    readonly addresses: pulumi.Input<string[]>;
    readonly guest: pulumi.Input<GuestNic>;
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
        ...(ip.reserved !== undefined && { reserved: ip.reserved }),
        ...(ip.secondaryAddresses && { secondaryAddresses: ip.secondaryAddresses.length }),
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
            : derived([vm.namespace, nic.nadName], ([namespace, name]) => qualifiedNad(namespace, name)));
    const macAddress = derived([vm.namespace, nic.macAddress], ([namespace, given]) =>
        given === undefined ? macFor(namespace, vm.name, nic.name) : canonical(given),
    );
    const reservations = nicAddresses(vm, nic, nadName, macAddress, scope);
    const addresses = derived(
        reservations.map(({ cidr }): pulumi.Input<string> => cidr),
        (cidrs) => cidrs,
    );
    return {
        name: nic.name,
        type: nic.type,
        primary,
        nadName,
        nadDeclared: network?.nad !== undefined,
        parentDevice: network?.parentDevice,
        guard: network?.guard,
        macAddress,
        model: nic.model ?? "virtio",
        linkState: nic.linkState ?? "up",
        reservations,
        addresses,
        guest: guestNic(nic, primary, macAddress, addresses, reservations, network),
    };
}

/** Everything wrong with the networks that the NICs are on, as far as the program says it. */
export function networkProblems(vm: string, nics: readonly NetworkInterfaceArgs[]): Problem[] {
    return nics.flatMap((nic) => nicNetworkProblems(vm, { ...nic, namesNad: nic.nadName !== undefined }));
}

/** The NIC's network: the one it names, or one of its own. */
function networkOf(vm: PlannedVm, nic: NetworkInterfaceArgs, scope: Scope): Network | undefined {
    if (nic.type === "pod" || nic.network || nic.nadName !== undefined) {
        return nic.network;
    }
    const args = {
        type: nic.type,
        namespace: vm.namespace,
        ...ownNetworkFields(nic),
        ...(vm.cluster && { cluster: vm.cluster }),
    };
    // `networkProblems` has found that the type has these fields.
    return new Network(`${vm.name}-${nic.name}`, args as NetworkArgs, scope.components);
}

function guestNic(
    nic: NetworkInterfaceArgs,
    primary: boolean,
    macAddress: pulumi.Input<string>,
    addresses: pulumi.Input<string[]>,
    reservations: readonly IPReservationResource[],
    network: Network | undefined,
): pulumi.Input<GuestNic> {
    const { gateway, dnsServers, routes, defaultRoute, mode = "dhcp" } = nic.ipConfig ?? {};
    const [first] = reservations;
    const searchDomains: pulumi.Input<string[] | undefined> = first?.searchDomains;
    const gateways = derived([gateway, ...reservations.map((each) => each.gateway)], oneOfEachFamily);
    return derived(
        [macAddress, addresses, gateways, dnsServers ?? first?.dnsServers, searchDomains, routes],
        ([mac, cidrs, known, servers, domains, more]) => ({
            name: nic.name,
            mode,
            primary,
            macAddress: mac,
            addresses: cidrs,
            gateways: known,
            ...(servers && { dnsServers: servers }),
            ...(domains && { searchDomains: domains }),
            ...(more && { routes: more }),
            ...(network?.mtu !== undefined && { mtu: network.mtu }),
            ...(defaultRoute !== undefined && { isDefaultRoute: defaultRoute }),
        }),
    );
}

/** The first gateway of each family, of those that are named. */
function oneOfEachFamily(gateways: readonly (string | undefined)[]): string[] {
    const named = gateways.filter((gateway) => gateway !== undefined && gateway !== "") as string[];
    return [...new Map(named.toReversed().map((gateway) => [gateway.includes(":"), gateway])).values()].toReversed();
}

/** The NIC's entry in the list that Wukong manifests have. */
export function networkStatus(nic: NicPlan): pulumi.Input<NetworkStatus> {
    const allocated: pulumi.Input<string | undefined> = nic.reservations[0]?.allocatedAt;
    return derived([nic.nadName, nic.addresses, allocated], ([nadName, [ipAddress], allocatedAt]) => ({
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
    return (value !== undefined && isPlain(value) ? { [key]: value } : {}) as { [P in K]?: T };
}
