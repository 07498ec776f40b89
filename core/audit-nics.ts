import { type AuditedNic } from "./audit-view";
import { type InterfaceStatus } from "./kubevirt-objects";
import { lenientAddress } from "./lenient-address";
import { normalizeMac } from "./mac";
import { machineAddresses, type MachineSpec, type NicAddress, type ReadNetworkData } from "./machine-addresses";
import { qualifiedNad } from "./nic";
import { ownerKey } from "./reservation";

/** What is read of a VirtualMachine, and of its instance. */
export interface AuditedMachine {
    readonly namespace: string;
    readonly name: string;
    readonly spec: MachineSpec | undefined;
    /** Of an instance that runs, or is about to. */
    readonly status?: readonly InterfaceStatus[];
}

type MutableNic = { -readonly [K in keyof AuditedNic]: AuditedNic[K] };

/**
 * The NICs of all machines, each once: what a VM declares goes before what its instance has.
 * @param vms templates of VirtualMachines
 * @param vmis VirtualMachineInstances
 * @param networks whose addresses are wanted, `namespace/name`; all where it is absent
 */
export function auditedNics(
    vms: readonly AuditedMachine[],
    vmis: readonly AuditedMachine[],
    networks?: ReadonlySet<string>,
): AuditedNic[] {
    const nics = new Map<string, MutableNic>();
    const known: ReadNetworkData = new Map();
    // The instances' addresses first: what a guest reports says more than what cloud-init was told.
    const uses = groupedUses([...vmis, ...vms], networks, known);
    for (const machine of [...vms, ...vmis]) {
        const { namespace, name: vm, spec, status = [] } = machine;
        const interfaces = spec?.domain?.devices?.interfaces ?? [];
        const names = new Set([...(spec?.networks ?? []), ...interfaces, ...status].map(({ name }) => name ?? ""));
        names.delete("");
        for (const name of names) {
            const key = ownerKey({ namespace, vm, nic: name });
            const nic = nics.get(key) ?? { key, uses: uses.get(key) ?? [] };
            nics.set(key, nic);
            const network = spec?.networks?.find((entry) => entry.name === name)?.multus?.networkName;
            if (network !== undefined) {
                nic.network ??= qualifiedNad(namespace, network);
            }
            const state = status.find((entry) => entry.name === name);
            const mac = interfaces.find((entry) => entry.name === name)?.macAddress ?? state?.mac;
            if (mac !== undefined && mac !== "") {
                nic.macAddress ??= canonicalMac(mac);
            }
            if (state?.infoSource?.split(", ").includes("guest-agent") === true) {
                nic.reported = reportedAddresses(state);
            }
        }
    }
    return [...nics.values()];
}

function groupedUses(
    machines: readonly AuditedMachine[],
    networks: ReadonlySet<string> | undefined,
    known: ReadNetworkData,
): Map<string, NicAddress[]> {
    const uses = new Map<string, NicAddress[]>();
    for (const { namespace, name: vm, spec, status = [] } of machines) {
        for (const use of machineAddresses(namespace, spec, status, networks ?? networksOf(namespace, spec), known)) {
            const key = ownerKey({ namespace, vm, nic: use.nic });
            const others = uses.get(key) ?? [];
            uses.set(key, others);
            if (!others.some(({ address }) => address === use.address)) {
                others.push(use);
            }
        }
    }
    return uses;
}

function networksOf(namespace: string, spec: MachineSpec | undefined): Set<string> {
    return new Set(
        (spec?.networks ?? []).flatMap(({ multus }) => (multus ? [qualifiedNad(namespace, multus.networkName)] : [])),
    );
}

function reportedAddresses({ ipAddress, ipAddresses = [] }: InterfaceStatus): string[] {
    const texts = [...(ipAddress === undefined ? [] : [ipAddress]), ...ipAddresses];
    return [...new Set(texts.flatMap((text) => lenientAddress(text)?.text ?? []))];
}

function canonicalMac(text: string): string {
    const mac = normalizeMac(text);
    return mac.ok ? mac.value : text.toLowerCase();
}
