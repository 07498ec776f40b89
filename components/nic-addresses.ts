import type * as pulumi from "@pulumi/pulumi";
import { parseSubnet } from "../core/ip";
import { ownerKey, spaceOfNetwork } from "../core/reservation";
import { IPReservationResource } from "../dynamic/ip-reservation/resource";
import { earlierRequests } from "./address-order";
import { derived } from "./input";
import { isPool, poolDependency, poolInput, poolKey, type IPPool } from "./ip-pool";
import type { IPConfigArgs, NetworkInterfaceArgs } from "./networks";
import type { ClusterScopedArgs, Scope } from "./scope";

/** The VM whose NICs are planned. */
export interface PlannedVm extends ClusterScopedArgs {
    readonly name: string;
    readonly namespace: pulumi.Input<string>;
    readonly manager: string;
}

/** An address that a NIC asks for. */
interface WantedAddress {
    /** What its resource is called, behind the names of VM and NIC. */
    readonly suffix: string;
    /** Which of the NIC's addresses it is: 0 for the first, in either family. */
    readonly index: number;
    readonly address: pulumi.Input<string> | undefined;
    readonly pool: IPPool | pulumi.Input<string> | undefined;
    readonly family?: "IPv4" | "IPv6";
}

/** Reserves the addresses of a NIC; none with DHCP. */
export function nicAddresses(
    vm: PlannedVm,
    nic: NetworkInterfaceArgs,
    nadName: pulumi.Input<string> | undefined,
    macAddress: pulumi.Input<string>,
    scope: Scope,
): IPReservationResource[] {
    const { ipConfig } = nic;
    if (ipConfig?.mode !== "static") {
        return [];
    }
    const { gateway, reserved, adopt } = ipConfig;
    return wanted(ipConfig).map(({ suffix, index, address, pool, family }) => {
        const owner = derived([vm.namespace], ([namespace]) => {
            const key = ownerKey({ namespace, vm: vm.name, nic: nic.name });
            return index === 0 ? key : `${key}#${String(index)}`;
        });
        const request = {
            owner,
            ...(address !== undefined && { requested: address }),
            ...(family !== undefined && { family }),
        };
        return new IPReservationResource(
            `${vm.name}-${nic.name}-address${suffix}`,
            {
                ...scope.common,
                ...poolInput(pool),
                ...(pool === undefined && nadName && { space: derived([nadName], ([name]) => spaceOfNetwork(name)) }),
                ...request,
                ...(pool !== undefined && { earlier: earlierRequests(poolKey(pool), request) }),
                ...(gateway !== undefined && index === 0 && { declaredGateway: gateway }),
                macAddress,
                ...(reserved !== undefined && { retain: reserved }),
                ...(adopt !== undefined && { adopt }),
                ...(nadName && { network: nadName }),
                vm: derived([vm.namespace], ([namespace]) => `${namespace}/${vm.name}`),
                nic: nic.name,
                manager: vm.manager,
            },
            { ...scope.dynamic, dependsOn: poolDependency(pool) },
        );
    });
}

function wanted({ address, ipPool, secondaryAddresses = [] }: IPConfigArgs): WantedAddress[] {
    const first = { index: 0, address, pool: ipPool };
    const isDual = address === undefined && isPool(ipPool) && isDualStack(ipPool);
    return [
        ...(isDual
            ? [
                  { ...first, suffix: "", family: "IPv4" as const },
                  { ...first, suffix: "-ipv6", family: "IPv6" as const },
              ]
            : [{ ...first, suffix: "" }]),
        ...secondaryAddresses.map((each, position) => ({
            index: position + 1,
            suffix: `-${String(position + 1)}`,
            address: each.address,
            pool: each.ipPool ?? ipPool,
        })),
    ];
}

function isDualStack({ spec }: IPPool): boolean {
    const families = spec.blocks.map(({ cidr }) => {
        const subnet = parseSubnet(cidr);
        return subnet.ok ? subnet.value.family : undefined;
    });
    return families.includes(4) && families.includes(6);
}
