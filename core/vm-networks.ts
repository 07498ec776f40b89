import { LinkState, NicSpec } from "./nic";

/** An entry of `spec.template.spec.networks`; fields not named here are kept as they are. */
export interface NetworkEntry {
    readonly name: string;
    readonly pod?: object;
    readonly multus?: { readonly networkName: string; readonly default?: boolean };
    readonly [field: string]: unknown;
}

/** An entry of `spec.template.spec.domain.devices.interfaces`; fields not named here are kept as they are. */
export interface InterfaceEntry {
    readonly name: string;
    readonly masquerade?: object;
    readonly bridge?: object;
    readonly sriov?: object;
    readonly macAddress?: string;
    readonly model?: string;
    /** `""` and `up` are the same; `absent` asks KubeVirt to unplug the NIC. */
    readonly state?: string;
    readonly [field: string]: unknown;
}

/** KubeVirt's two lists; undefined where the object has none. */
export interface VmLists {
    readonly networks: readonly NetworkEntry[] | undefined;
    readonly interfaces: readonly InterfaceEntry[] | undefined;
}

/** The part of a VirtualMachine that holds the lists. */
export interface VmWithLists {
    readonly spec?: {
        readonly template?: {
            readonly spec?: {
                readonly networks?: readonly NetworkEntry[];
                readonly domain?: { readonly devices?: { readonly interfaces?: readonly InterfaceEntry[] } };
            };
        };
    };
}

/** Why an entry was left alone. */
export interface ListConflict {
    readonly name: string;
    /**
     * `different`: an entry of that name exists with other content; `detaching`: it is being unplugged, wait until it
     * is gone; `not-detachable`: KubeVirt unplugs bridge bindings only; `no-link-state`: SR-IOV has no link state.
     */
    readonly reason: "different" | "detaching" | "not-detachable" | "no-link-state";
    /** A clause naming the fields with both values. */
    readonly message: string;
}

/** Result of an edit: NICs without a conflict are in `lists` as asked, the others untouched. */
export interface ListEdit {
    readonly lists: VmLists;
    /** Names whose entries differ from before; empty when nothing is to be written. */
    readonly changed: readonly string[];
    readonly conflicts: readonly ListConflict[];
}

/** An operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
    readonly op: "test" | "replace" | "add";
    readonly path: string;
    readonly value: unknown;
}

/** Tells one's own NIC from another one of the same name. */
export type NicIdentity = Pick<NicSpec, "name" | "macAddress">;

/** The two lists of a VirtualMachine. */
export function listsOf(vm: VmWithLists): VmLists {
    const spec = vm.spec?.template?.spec;
    return { networks: spec?.networks, interfaces: spec?.domain?.devices?.interfaces };
}

/** The entries of a NIC, with model and MAC always written: one that only KubeVirt knows makes it ask for a restart. */
export function entriesOf(nic: NicSpec): { network: NetworkEntry; interface: InterfaceEntry } {
    void nic;
    throw new Error("not implemented");
}

/**
 * Appends NICs. An entry that is there already and equal (apart from the link state, which is brought up to date) is
 * left alone, so the edit can be repeated.
 * @param options.namespace the VM's, which a network name without one refers to
 * @param options.first name of a NIC that goes before all others when it is new: the primary of a VM that is off
 */
export function attachNics(
    lists: VmLists,
    nics: readonly NicSpec[],
    options: { namespace: string; first?: string },
): ListEdit {
    void lists;
    void nics;
    void options;
    throw new Error("not implemented");
}

/** Asks KubeVirt to unplug NICs of a running VM: `state: absent`, both entries stay. Missing ones are no change. */
export function markAbsent(lists: VmLists, nics: readonly NicIdentity[]): ListEdit {
    void lists;
    void nics;
    throw new Error("not implemented");
}

/** Removes both entries of NICs, for a VM that is off. Missing ones are no change. */
export function removeNics(lists: VmLists, nics: readonly NicIdentity[]): ListEdit {
    void lists;
    void nics;
    throw new Error("not implemented");
}

/** Sets link states. Missing NICs are no change. */
export function setLinkState(lists: VmLists, nics: readonly (NicIdentity & { linkState: LinkState })[]): ListEdit {
    void lists;
    void nics;
    throw new Error("not implemented");
}

/**
 * The JSON Patch of an edit: `test` and `replace` of both whole lists, as KubeVirt's own client writes it, so that
 * nobody's concurrent edit is lost. Empty when nothing changed.
 */
export function listsPatch(before: VmLists, after: VmLists): PatchOperation[] {
    void before;
    void after;
    throw new Error("not implemented");
}
