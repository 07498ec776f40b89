import { parse } from "yaml";

/** How a device of a guest is told: by its MAC address, or by its name in the guest. */
export type GuestDevice = { readonly macAddress: string } | { readonly name: string };

/** Static addresses of a guest, with the NICs behind which they are used: several where these are bridged or bonded. */
export interface StaticAddresses {
    readonly nics: readonly GuestDevice[];
    /** As written, with or without prefix length. */
    readonly addresses: readonly string[];
}

interface Device {
    /** Undefined for a bridge or bond, and where nothing tells it. */
    readonly nic?: GuestDevice | undefined;
    readonly members: readonly string[];
    readonly addresses: readonly string[];
}

/** By what the other devices of the same text call it. */
type Devices = Map<string, Device>;

/**
 * The static addresses in a VM's cloud-init network data: network configuration version 1 or 2 (NoCloud), or OpenStack's
 * `network_data.json` (config drive; cloud-init's sources/helpers/openstack.py). VLANs inside the guest are left out:
 * they are other networks. A text that cannot be read has none.
 */
export function staticAddresses(networkData: string): StaticAddresses[] {
    const devices = devicesOf(readText(networkData));
    return [...devices.keys()].flatMap((id) => {
        const { addresses } = devices.get(id) as Device;
        const nics = addresses.length === 0 ? [] : nicsBelow(id, devices, new Set());
        return nics.length === 0 ? [] : [{ nics, addresses }];
    });
}

/**
 * Every scalar is read as text: YAML 1.1, which cloud-init reads, would make a number of an unquoted 52:54:00:12:34:56.
 * JSON is YAML.
 */
function readText(networkData: string): Record<string, unknown> {
    try {
        return record(parse(networkData, { schema: "failsafe", merge: true, uniqueKeys: false, logLevel: "error" }));
    } catch {
        return {};
    }
}

function devicesOf(config: Record<string, unknown>): Devices {
    // cloud-init takes the configuration under a key `network` too (stages.py, _get_network_key_contents).
    const inner = "network" in config ? record(config.network) : config;
    switch (inner.version) {
        case "1":
            return version1(inner);
        case "2":
            return version2(inner);
        default:
            return openStack(inner);
    }
}

function version1(config: Record<string, unknown>): Devices {
    const devices: Devices = new Map();
    for (const entry of list(config.config).map(record)) {
        const name = text(entry.name);
        if (name === undefined || entry.type === "vlan") {
            continue;
        }
        const isJoint = entry.type === "bond" || entry.type === "bridge";
        devices.set(name, {
            nic: isJoint ? undefined : deviceOf(entry.mac_address, name),
            members: texts(entry.type === "bond" ? entry.bond_interfaces : entry.bridge_interfaces),
            addresses: list(entry.subnets)
                .map(record)
                .map((subnet) => text(subnet.address) ?? text(subnet.ip_address))
                .filter((address) => address !== undefined),
        });
    }
    return devices;
}

function version2(config: Record<string, unknown>): Devices {
    const devices: Devices = new Map();
    for (const [id, entry] of entries(config.ethernets)) {
        const match = record(entry.match);
        devices.set(id, {
            nic: "match" in entry ? deviceOf(match.macaddress, text(match.name)) : { name: id },
            members: [],
            addresses: netplanAddresses(entry.addresses),
        });
    }
    for (const [id, entry] of [...entries(config.bonds), ...entries(config.bridges)]) {
        devices.set(id, { members: texts(entry.interfaces), addresses: netplanAddresses(entry.addresses) });
    }
    return devices;
}

/** Netplan has options to an address as a mapping with the address as its one key. */
function netplanAddresses(value: unknown): string[] {
    return list(value).flatMap((address) => text(address) ?? Object.keys(record(address)));
}

function openStack(config: Record<string, unknown>): Devices {
    const addresses = new Map<string, string[]>();
    for (const network of list(config.networks).map(record)) {
        const [link, address] = [text(network.link), text(network.ip_address)];
        if (link !== undefined && address !== undefined) {
            const others = addresses.get(link) ?? [];
            others.push(address);
            addresses.set(link, others);
        }
    }
    const devices: Devices = new Map();
    for (const link of list(config.links).map(record)) {
        const id = text(link.id);
        if (id !== undefined && link.type !== "vlan") {
            devices.set(id, {
                nic: link.type === "bond" ? undefined : deviceOf(link.ethernet_mac_address, text(link.name)),
                members: texts(link.bond_links),
                addresses: addresses.get(id) ?? [],
            });
        }
    }
    return devices;
}

function deviceOf(macAddress: unknown, name: string | undefined): GuestDevice | undefined {
    const mac = text(macAddress);
    if (mac !== undefined) {
        return { macAddress: mac };
    }
    return name === undefined ? undefined : { name };
}

/** The NICs that a device is, or is made of. */
function nicsBelow(id: string, devices: Devices, passed: Set<string>): GuestDevice[] {
    const device = devices.get(id);
    if (device === undefined || passed.has(id)) {
        return [];
    }
    passed.add(id);
    const own = device.nic === undefined ? [] : [device.nic];
    return [...own, ...device.members.flatMap((member) => nicsBelow(member, devices, passed))];
}

function entries(value: unknown): [string, Record<string, unknown>][] {
    return Object.entries(record(value)).map(([id, entry]) => [id, record(entry)]);
}

function record(value: unknown): Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : {};
}

function list(value: unknown): unknown[] {
    return Array.isArray(value) ? value : [];
}

function texts(value: unknown): string[] {
    return list(value).filter((each) => typeof each === "string");
}

/** The empty text is YAML's `null` here. */
function text(value: unknown): string | undefined {
    return typeof value === "string" && value !== "" ? value : undefined;
}
