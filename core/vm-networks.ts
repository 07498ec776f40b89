import { normalizeMac } from "./mac";
import { bindingOf, type LinkState, type NicSpec, qualifiedNad } from "./nic";

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
    /** What the guest serves, by name; read by those who ask for a port by its name. */
    readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port: number }[];
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
            readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
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
    const source = nic.nadName === undefined ? { pod: {} } : { multus: { networkName: nic.nadName } };
    return {
        network: { name: nic.name, ...source },
        interface: {
            name: nic.name,
            [nic.binding]: {},
            model: nic.model,
            macAddress: nic.macAddress,
            ...(nic.linkState === "down" ? { state: "down" } : {}),
        },
    };
}

/** A NIC as the lists have it. */
export function specInLists(lists: VmLists, { name, macAddress }: NicIdentity, namespace: string): NicSpec {
    const network = lists.networks?.find((entry) => entry.name === name);
    const iface = lists.interfaces?.find((entry) => entry.name === name);
    const type = iface?.masquerade ? "pod" : iface?.sriov ? "sriov" : "bridge";
    return {
        name,
        type,
        binding: bindingOf(type),
        macAddress,
        ...(network?.multus && { nadName: qualifiedNad(namespace, network.multus.networkName) }),
        model: iface?.model ?? "virtio",
        linkState: iface?.state === "down" ? "down" : "up",
    };
}

/**
 * Adds NICs at the end. An entry that is there already and equal (apart from the link state, which is brought up to
 * date) stays, so the edit can be repeated; fields of it that a NIC here does not have are kept.
 * @param options.namespace the VM's, which a network name without one refers to
 * @param options.first name of a NIC that goes before all others when it is new: the primary of a VM that is off
 */
export function attachNics(
    lists: VmLists,
    nics: readonly NicSpec[],
    options: { namespace: string; first?: string },
): ListEdit {
    return edit(lists, nics, (nic, draft) => {
        const wanted = entriesOf(nic);
        const { network, iface } = draft.find(nic.name);
        if (network === undefined && iface === undefined) {
            draft.insert(wanted.network, wanted.interface, nic.name === options.first);
            return undefined;
        }
        const differences = differencesOf(network, iface, wanted, options.namespace);
        if (differences.length > 0) {
            return { reason: "different", message: `the VM has a NIC of that name with ${differences.join(", ")}` };
        }
        return iface === undefined ? undefined : changeState(iface, nic.linkState, draft);
    });
}

/** Puts a NIC on another network, which KubeVirt takes over by a live migration from 1.8 on. A missing one is no change. */
export function changeNetwork(lists: VmLists, nic: NicIdentity & { readonly nadName: string }): ListEdit {
    return edit(lists, [nic], (_, draft) => {
        const { network, iface } = draft.find(nic.name);
        if (network?.multus === undefined || iface === undefined) {
            return undefined;
        }
        if (!isSameMac(iface, nic)) {
            return foreign(iface, nic);
        }
        draft.move({ ...network, multus: { ...network.multus, networkName: nic.nadName } });
        return undefined;
    });
}

/** Asks KubeVirt to unplug NICs of a running VM: `state: absent`, both entries stay. Missing ones are no change. */
export function markAbsent(lists: VmLists, nics: readonly NicIdentity[]): ListEdit {
    return edit(lists, nics, (nic, draft) => {
        const { network, iface } = draft.find(nic.name);
        if (iface === undefined || iface.state === "absent") {
            return undefined;
        }
        if (!isSameMac(iface, nic)) {
            return foreign(iface, nic);
        }
        if (iface.bridge === undefined || network?.multus === undefined || network.multus.default === true) {
            return {
                reason: "not-detachable",
                message: "KubeVirt unplugs only NICs with bridge binding on a secondary network from a running VM",
            };
        }
        draft.replace({ ...iface, state: "absent" });
        return undefined;
    });
}

/** Removes both entries of NICs, for a VM that is off. Missing ones are no change. */
export function removeNics(lists: VmLists, nics: readonly NicIdentity[]): ListEdit {
    return edit(lists, nics, (nic, draft) => {
        const { iface } = draft.find(nic.name);
        if (iface !== undefined && !isSameMac(iface, nic)) {
            return foreign(iface, nic);
        }
        draft.remove(nic.name);
        return undefined;
    });
}

/** Sets link states. Missing NICs are no change. */
export function setLinkState(lists: VmLists, nics: readonly (NicIdentity & { linkState: LinkState })[]): ListEdit {
    return edit(lists, nics, (nic, draft) => {
        const { iface } = draft.find(nic.name);
        if (iface === undefined) {
            return undefined;
        }
        return isSameMac(iface, nic) ? changeState(iface, nic.linkState, draft) : foreign(iface, nic);
    });
}

/**
 * The JSON Patch of an edit: `test` and `replace` of both whole lists, as KubeVirt's own client writes it, so that
 * nobody's concurrent edit is lost. A list the VM lacks is tested for `null`, which the API server's patch library
 * (evanphx/json-patch) takes for missing. Empty when nothing changed.
 */
export function listsPatch(before: VmLists, after: VmLists): PatchOperation[] {
    if (JSON.stringify(before) === JSON.stringify(after)) {
        return [];
    }
    return [
        ...listPatch("/spec/template/spec/networks", before.networks, after.networks),
        ...listPatch("/spec/template/spec/domain/devices/interfaces", before.interfaces, after.interfaces),
    ];
}

function listPatch(path: string, before: unknown, after: unknown): PatchOperation[] {
    const test: PatchOperation = { op: "test", path, value: before ?? null };
    return after === undefined ? [test] : [test, { op: before === undefined ? "add" : "replace", path, value: after }];
}

/** Lists under edit. Every step makes new arrays, so the lists given to an edit stay as they were. */
class Draft {
    public networks: readonly NetworkEntry[];
    public interfaces: readonly InterfaceEntry[];

    public constructor(lists: VmLists) {
        this.networks = lists.networks ?? [];
        this.interfaces = lists.interfaces ?? [];
    }

    public find(name: string): { network: NetworkEntry | undefined; iface: InterfaceEntry | undefined } {
        return {
            network: this.networks.find((entry) => entry.name === name),
            iface: this.interfaces.find((entry) => entry.name === name),
        };
    }

    public insert(network: NetworkEntry, iface: InterfaceEntry, first: boolean): void {
        this.networks = first ? [network, ...this.networks] : [...this.networks, network];
        this.interfaces = first ? [iface, ...this.interfaces] : [...this.interfaces, iface];
    }

    public replace(iface: InterfaceEntry): void {
        this.interfaces = this.interfaces.map((entry) => (entry.name === iface.name ? iface : entry));
    }

    public move(network: NetworkEntry): void {
        this.networks = this.networks.map((entry) => (entry.name === network.name ? network : entry));
    }

    public remove(name: string): void {
        this.networks = this.networks.filter((entry) => entry.name !== name);
        this.interfaces = this.interfaces.filter((entry) => entry.name !== name);
    }
}

/** Applies a step per NIC; one with a conflict changes nothing. */
function edit<T extends { readonly name: string }>(
    lists: VmLists,
    nics: readonly T[],
    step: (nic: T, draft: Draft) => Omit<ListConflict, "name"> | undefined,
): ListEdit {
    const draft = new Draft(lists);
    const changed: string[] = [];
    const conflicts: ListConflict[] = [];
    for (const nic of nics) {
        const before = draft.find(nic.name);
        const conflict = step(nic, draft);
        if (conflict !== undefined) {
            conflicts.push({ name: nic.name, ...conflict });
            continue;
        }
        const after = draft.find(nic.name);
        if (before.network !== after.network || before.iface !== after.iface) {
            changed.push(nic.name);
        }
    }
    const edited = { networks: draft.networks, interfaces: draft.interfaces };
    return { lists: changed.length === 0 ? lists : edited, changed, conflicts };
}

function changeState(iface: InterfaceEntry, wanted: LinkState, draft: Draft): Omit<ListConflict, "name"> | undefined {
    if (iface.state === "absent") {
        return {
            reason: "detaching",
            message: "KubeVirt is unplugging a NIC of that name; it can be used again once it is gone",
        };
    }
    if (linkStateOf(iface) === wanted) {
        return undefined;
    }
    if (iface.sriov !== undefined) {
        return { reason: "no-link-state", message: "KubeVirt has no link state for SR-IOV NICs" };
    }
    draft.replace({ ...iface, state: wanted });
    return undefined;
}

/** KubeVirt takes no state for `up`. */
function linkStateOf(iface: InterfaceEntry): string {
    return iface.state === undefined || iface.state === "" ? "up" : iface.state;
}

/** What of an existing NIC is not as wanted, as `field "present" instead of "wanted"`. */
function differencesOf(
    network: NetworkEntry | undefined,
    iface: InterfaceEntry | undefined,
    wanted: { network: NetworkEntry; interface: InterfaceEntry },
    namespace: string,
): string[] {
    const pairs: [string, string, string][] = [
        ["network", sourceOf(network, namespace), sourceOf(wanted.network, namespace)],
        ["binding", bindingOfEntry(iface), bindingOfEntry(wanted.interface)],
        ["macAddress", canonicalMac(iface?.macAddress), canonicalMac(wanted.interface.macAddress)],
        ["model", iface?.model ?? "virtio", wanted.interface.model ?? "virtio"],
    ];
    return pairs
        .filter(([, present, other]) => present !== other)
        .map(([field, present, other]) => `${field} "${present}" instead of "${other}"`);
}

function sourceOf(network: NetworkEntry | undefined, namespace: string): string {
    if (network?.multus !== undefined) {
        const nad = qualifiedNad(namespace, network.multus.networkName);
        return network.multus.default === true ? `${nad} (as the pod's default network)` : nad;
    }
    return network?.pod !== undefined ? "pod" : "none";
}

function bindingOfEntry(iface: InterfaceEntry | undefined): string {
    const known = ["masquerade", "bridge", "sriov", "passtBinding", "binding", "macvtap", "passt", "slirp"];
    return known.find((binding) => iface?.[binding] !== undefined) ?? "none";
}

function canonicalMac(text: string | undefined): string {
    const mac = text === undefined ? undefined : normalizeMac(text);
    return mac?.ok === true ? mac.value : (text ?? "none");
}

function isSameMac(iface: InterfaceEntry, nic: NicIdentity): boolean {
    return canonicalMac(iface.macAddress) === canonicalMac(nic.macAddress);
}

function foreign(iface: InterfaceEntry, nic: NicIdentity): Omit<ListConflict, "name"> {
    return {
        reason: "different",
        message: `the VM's NIC of that name has macAddress "${canonicalMac(iface.macAddress)}" instead of "${nic.macAddress}"`,
    };
}
