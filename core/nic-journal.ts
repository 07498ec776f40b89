import { normalizeMac } from "./mac";
import { qualifiedNad, type LinkState } from "./nic";
import type { PatchOperation, VmLists } from "./vm-networks";

/**
 * Annotation of a VirtualMachine with the NICs that its program's `networks` have put into it, as they were last written:
 * JSON, by name. It is written in the same patch as the lists, so it knows of a NIC even where the engine was killed before
 * it could record it; and it tells such a NIC from one that somebody else put there, or changed since.
 */
export const NIC_JOURNAL = "vm.novasphere.dev/nics";

interface Annotated {
    readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** A NIC that the journal has and the VM as well. */
export interface JournaledNic {
    readonly name: string;
    readonly macAddress: string;
}

/** A NIC as it is written into the lists. */
export interface WrittenNic extends JournaledNic {
    /** `namespace/name`; absent on the pod network. */
    readonly nadName?: string;
    readonly linkState: LinkState;
}

/** The NICs of the lists that the journal names, with the MAC address they have in both. */
export function journaledNics(vm: Annotated, { interfaces = [] }: VmLists): JournaledNic[] {
    const journal = journalOf(vm);
    return interfaces.flatMap(({ name, macAddress }) => {
        const mac = normalizeMac(macAddress ?? "");
        return mac.ok && journal[name]?.macAddress === mac.value ? [{ name, macAddress: mac.value }] : [];
    });
}

/** Whether the lists have the NIC just as it was last written, and not as somebody else has left it. */
export function isAsWritten(vm: Annotated, lists: VmLists, nic: string, namespace: string): boolean {
    const entry = lists.interfaces?.find(({ name }) => name === nic);
    const network = lists.networks?.find(({ name }) => name === nic)?.multus?.networkName;
    const mac = normalizeMac(entry?.macAddress ?? "");
    if (!mac.ok) {
        return false;
    }
    const found = entryOf({
        macAddress: mac.value,
        ...(network !== undefined && { nadName: qualifiedNad(namespace, network) }),
        linkState: entry?.state === "down" ? "down" : "up",
    });
    return JSON.stringify(journalOf(vm)[nic]) === JSON.stringify(found);
}

/**
 * What a patch of the lists has to say about the journal: NICs that are written with it; those that have left the lists,
 * or are leaving them, go from it. Empty where it says so already.
 */
export function journalPatch(vm: Annotated, written: readonly WrittenNic[], after: VmLists): PatchOperation[] {
    const before = journalOf(vm);
    const merged = { ...before, ...Object.fromEntries(written.map((nic) => [nic.name, entryOf(nic)])) };
    const staying = new Set((after.interfaces ?? []).filter(({ state }) => state !== "absent").map(({ name }) => name));
    const journal = Object.fromEntries(Object.entries(merged).filter(([name]) => staying.has(name)));
    if (JSON.stringify(journal) === JSON.stringify(before)) {
        return [];
    }
    const path = "/metadata/annotations";
    const value = JSON.stringify(journal);
    return vm.metadata?.annotations === undefined
        ? [{ op: "add", path, value: { [NIC_JOURNAL]: value } }]
        : [{ op: "add", path: `${path}/${NIC_JOURNAL.replaceAll("/", "~1")}`, value }];
}

/** What the journal says of a NIC: nothing of what most have. */
interface Entry {
    readonly macAddress: string;
    readonly network?: string;
    readonly linkState?: "down";
}

function entryOf({ macAddress, nadName, linkState }: Omit<WrittenNic, "name">): Entry {
    return {
        macAddress,
        ...(nadName !== undefined && { network: nadName }),
        ...(linkState === "down" && { linkState }),
    };
}

/** An annotation that is no journal (somebody edited it) names no NIC. */
function journalOf({ metadata }: Annotated): Record<string, Entry> {
    try {
        const journal: unknown = JSON.parse(metadata?.annotations?.[NIC_JOURNAL] ?? "{}");
        return typeof journal === "object" && journal !== null && !Array.isArray(journal)
            ? (journal as Record<string, Entry>)
            : {};
    } catch {
        return {};
    }
}
