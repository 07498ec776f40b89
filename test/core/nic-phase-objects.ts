import type { InterfaceStatus, VmiObject, VmObject } from "../../core/nic-phase";
import type { InterfaceEntry, NetworkEntry } from "../../core/vm-networks";

/** Builders for VM `demo/web` and its instance, both with a pod NIC `default`. */
export const DOMAIN = "domain, multus-status";
export const AGENT = "domain, guest-agent, multus-status";
export const POD_NIC = "pod94b3b2d5a0f";

export function iface(name: string, rest: Partial<InterfaceEntry> = {}): InterfaceEntry {
    return { name, bridge: {}, model: "virtio", macAddress: "02:4b:11:00:00:02", ...rest };
}

export function net(name: string, networkName = `demo/${name}`): NetworkEntry {
    return { name, multus: { networkName } };
}

export const DEFAULT: InterfaceEntry = {
    name: "default",
    masquerade: {},
    model: "virtio",
    macAddress: "02:4b:11:00:00:01",
};
export const DEFAULT_NET: NetworkEntry = { name: "default", pod: {} };

export function vm(
    interfaces: InterfaceEntry[],
    rest: VmObject["status"] = {},
    networks = interfaces.map(({ name }) => net(name)),
): VmObject {
    return {
        metadata: { name: "web", namespace: "demo" },
        spec: {
            template: {
                spec: {
                    networks: [DEFAULT_NET, ...networks],
                    domain: { devices: { interfaces: [DEFAULT, ...interfaces] } },
                },
            },
        },
        status: rest,
    };
}

export function vmi(
    interfaces: InterfaceEntry[],
    statuses: InterfaceStatus[],
    rest: VmiObject["status"] = {},
    networks = interfaces.map(({ name }) => net(name)),
): VmiObject {
    return {
        metadata: { name: "web", namespace: "demo" },
        spec: { networks: [DEFAULT_NET, ...networks], domain: { devices: { interfaces: [DEFAULT, ...interfaces] } } },
        status: {
            phase: "Running",
            interfaces: [{ name: "default", infoSource: "domain", podInterfaceName: "eth0" }, ...statuses],
            ...rest,
        },
    };
}

export function st(name: string, infoSource: string, rest: Partial<InterfaceStatus> = {}): InterfaceStatus {
    return { name, infoSource, podInterfaceName: POD_NIC, ...rest };
}

export const RED = iface("red");
export const ABSENT = iface("red", { state: "absent" });
export const required = (status: string, reason: string): { type: string; status: string; reason: string } => ({
    type: "MigrationRequired",
    status,
    reason,
});
export const NOW = required("True", "AutoMigrationDueToLiveUpdate");
export const SOON = required("False", "AutoMigrationPending");
export const FIXED = {
    type: "LiveMigratable",
    status: "False",
    reason: "DisksNotLiveMigratable",
    message: "cannot migrate VMI: PVC x is not shared",
};
export const RESTART = {
    type: "RestartRequired",
    status: "True",
    message: "a non-live-updatable field was changed in the template spec",
};
export const FAILURE = {
    type: "Failure",
    status: "True",
    reason: "HotPlugNetworkInterfaceError",
    message: "the server rejected our request",
};
