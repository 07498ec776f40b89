import { normalizeMac } from "./mac";
import type { PatchOperation, VmLists } from "./vm-networks";

/**
 * Annotation of a VirtualMachine with the NICs that its program's `networks` have put into it: MAC addresses by name, as
 * JSON. It is written in the same patch as the lists, so it knows of a NIC even where the engine was killed before it
 * could record it; and it tells such a NIC from one that somebody else put there.
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

/** The NICs of the lists that the journal names, with the MAC address they have in both. */
export function journaledNics(vm: Annotated, { interfaces = [] }: VmLists): JournaledNic[] {
    const journal = journalOf(vm);
    return interfaces.flatMap(({ name, macAddress }) => {
        const mac = normalizeMac(macAddress ?? "");
        return mac.ok && journal[name] === mac.value ? [{ name, macAddress: mac.value }] : [];
    });
}

/**
 * What a patch of the lists has to say about the journal: NICs that are added to it; those that have left the lists, or
 * are leaving them, go from it. Empty where it says so already.
 */
export function journalPatch(vm: Annotated, added: readonly JournaledNic[], after: VmLists): PatchOperation[] {
    const before = journalOf(vm);
    const merged = { ...before, ...Object.fromEntries(added.map(({ name, macAddress }) => [name, macAddress])) };
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

/** An annotation that is no journal (somebody edited it) names no NIC. */
function journalOf({ metadata }: Annotated): Record<string, string> {
    try {
        const journal: unknown = JSON.parse(metadata?.annotations?.[NIC_JOURNAL] ?? "{}");
        return typeof journal === "object" && journal !== null && !Array.isArray(journal)
            ? (journal as Record<string, string>)
            : {};
    } catch {
        return {};
    }
}
