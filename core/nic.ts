import { IpConfig } from "./ip-config";
import { Problem } from "./problem";

/** What a NIC is connected to. */
export type NicType = "pod" | "bridge" | "macvlan" | "sriov" | "ovs";
/** KubeVirt's binding: how the guest's NIC is joined to the pod's. */
export type NicBinding = "masquerade" | "bridge" | "sriov";
export type LinkState = "up" | "down";

/** NIC models KubeVirt admits (pkg/network/admitter). */
export const NIC_MODELS = ["virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139"] as const;
export type NicModel = (typeof NIC_MODELS)[number];

/** A NIC with everything decided: what the VM's two lists are written from. */
export interface NicSpec {
    /** Logical name, equal in `networks` and `interfaces`. */
    readonly name: string;
    readonly type: NicType;
    readonly binding: NicBinding;
    /** `namespace/name` of the NetworkAttachmentDefinition; undefined for the pod network only. */
    readonly nadName?: string;
    /** Canonical, lower case. */
    readonly macAddress: string;
    readonly model: string;
    readonly linkState: LinkState;
}

/** A NIC as a program declares it. */
export interface NicDeclaration {
    readonly name: string;
    readonly type: NicType;
    readonly nadName?: string;
    readonly primary?: boolean;
    readonly macAddress?: string;
    /** @default "virtio" */
    readonly model?: string;
    /** @default "up" */
    readonly linkState?: string;
    readonly ipConfig?: IpConfig;
}

/** KubeVirt's binding for a type of NIC. */
export function bindingOf(type: NicType): NicBinding {
    switch (type) {
        case "pod":
            return "masquerade";
        case "sriov":
            return "sriov";
        default:
            return "bridge";
    }
}

/** The primary NIC: the one that says so, else the first; undefined for a VM without NICs. */
export function primaryOf<T extends { readonly primary?: boolean }>(nics: readonly T[]): T | undefined {
    return nics.find((nic) => nic.primary === true) ?? nics[0];
}

/** The NICs of a valid declaration with MAC, model and binding filled in, in the declared order. */
export function resolveNics(namespace: string, vm: string, nics: readonly NicDeclaration[]): NicSpec[] {
    void namespace;
    void vm;
    void nics;
    throw new Error("not implemented");
}

/** Everything wrong with the NICs of one VM (`namespace/name` or name), each alone and among each other. */
export function validateNics(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    void vm;
    void nics;
    throw new Error("not implemented");
}
