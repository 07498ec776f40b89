import { staticAddresses, type GuestDevice, type StaticAddresses } from "./guest-network-data";
import { type InterfaceStatus } from "./kubevirt-objects";
import { lenientAddress } from "./lenient-address";
import { normalizeMac } from "./mac";
import { qualifiedNad } from "./nic";
import { type InterfaceEntry, type NetworkEntry } from "./vm-networks";

/** What is read of a cloud-init volume. */
interface CloudInitSource {
    readonly networkData?: string;
    readonly networkDataBase64?: string;
}

/** What is read of `spec` of a VirtualMachineInstance, and of `spec.template.spec` of a VirtualMachine. */
export interface MachineSpec {
    readonly networks?: readonly NetworkEntry[];
    readonly domain?: { readonly devices?: { readonly interfaces?: readonly InterfaceEntry[] } };
    readonly volumes?: readonly {
        readonly cloudInitNoCloud?: CloudInitSource;
        readonly cloudInitConfigDrive?: CloudInitSource;
    }[];
}

/** What network data says, by its text: a machine and its instance have the same, and reading takes a while. */
export type ReadNetworkData = Map<string, readonly StaticAddresses[]>;

/** An address of a NIC, and how it is known. */
export interface NicAddress {
    readonly nic: string;
    /** Canonical. */
    readonly address: string;
    readonly from: "status" | "cloud-init";
}

/**
 * The addresses of a machine's NICs on some networks: those that the status reports, and the static ones of its cloud-init
 * network data. A NIC on the pod network has none here. Network data in a Secret is not read: that would take the right to
 * read all Secrets of the cluster.
 * @param networks `namespace/name` of network attachment definitions
 * @param known what was read before; is added to
 */
export function machineAddresses(
    namespace: string,
    spec: MachineSpec | undefined,
    status: readonly InterfaceStatus[],
    networks: ReadonlySet<string>,
    known: ReadNetworkData = new Map(),
): NicAddress[] {
    const nics = new Set(
        (spec?.networks ?? [])
            .filter(({ multus }) => multus && networks.has(qualifiedNad(namespace, multus.networkName)))
            .map(({ name }) => name),
    );
    if (nics.size === 0) {
        return [];
    }
    const found = new Map<string, NicAddress>();
    const add = (nic: string | undefined, text: string, from: NicAddress["from"]): void => {
        const address = lenientAddress(text)?.text;
        if (nic !== undefined && address !== undefined && nics.has(nic) && !found.has(`${nic} ${address}`)) {
            found.set(`${nic} ${address}`, { nic, address, from });
        }
    };
    for (const { name, ipAddress, ipAddresses } of status) {
        [...(ipAddress === undefined ? [] : [ipAddress]), ...(ipAddresses ?? [])].forEach((text) => {
            add(name, text, "status");
        });
    }
    const nicByMac = macTable(spec, status);
    const nicOf = (device: GuestDevice): string | undefined =>
        "name" in device ? device.name : nicByMac.get(canonicalMac(device.macAddress));
    for (const entry of networkDataOf(spec).flatMap((text) => readOnce(text, known))) {
        for (const device of entry.nics) {
            entry.addresses.forEach((text) => {
                add(nicOf(device), text, "cloud-init");
            });
        }
    }
    return [...found.values()];
}

function readOnce(networkData: string, known: ReadNetworkData): readonly StaticAddresses[] {
    const read = known.get(networkData) ?? staticAddresses(networkData);
    known.set(networkData, read);
    return read;
}

/** The names of the NICs by MAC address; KubeVirt chooses one where the spec has none, and reports it. */
function macTable(spec: MachineSpec | undefined, status: readonly InterfaceStatus[]): Map<string, string> {
    const declared = spec?.domain?.devices?.interfaces ?? [];
    const pairs = [
        ...status.map(({ name, mac }) => ({ name, mac })),
        ...declared.map(({ name, macAddress }) => ({ name, mac: macAddress })),
    ];
    return new Map(
        pairs.flatMap(({ name, mac }) =>
            name === undefined || mac === undefined || mac === "" ? [] : [[canonicalMac(mac), name] as const],
        ),
    );
}

function canonicalMac(text: string): string {
    const mac = normalizeMac(text);
    return mac.ok ? mac.value : text;
}

/** Where both are given, KubeVirt takes the plain text (`readRawOrBase64Data`, pkg/cloud-init/cloud-init.go). */
function networkDataOf(spec: MachineSpec | undefined): string[] {
    return (spec?.volumes ?? []).flatMap(({ cloudInitNoCloud, cloudInitConfigDrive }) => {
        const { networkData = "", networkDataBase64 = "" } = cloudInitNoCloud ?? cloudInitConfigDrive ?? {};
        const text = networkData === "" ? Buffer.from(networkDataBase64, "base64").toString("utf8") : networkData;
        return text === "" ? [] : [text];
    });
}
