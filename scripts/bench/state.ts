import * as fs from "node:fs";
import { report } from "./figure";
import type { Setting, StoredResource } from "./setting";

/** Kilobytes, that is 1,000 bytes, of state that one resource may take. */
const LIMIT = 6;
const MANY = 8;

/** How much state NICs and addresses take, in the form of `pulumi stack export`. */
export async function state({ stack, kubeconfig }: Setting): Promise<boolean> {
    const many = Array.from({ length: MANY }, (_, index) => `nic${index + 1}`);
    const small = await stack("bench-state-2");
    await small.up({ virtualMachines: { small: ["nic1"] }, addresses: true });
    // The state keeps what the last change of a NIC cost, which is told at greater length of a hot-plugged one.
    await small.up({ virtualMachines: { small: ["nic1", "nic2"] }, addresses: true });
    const large = await stack("bench-state-8");
    await large.up({ virtualMachines: { large: many }, addresses: true });
    const explicit = await stack("bench-state-kubeconfig");
    const contents = fs.readFileSync(kubeconfig, "utf8");
    await explicit.up({ virtualMachines: { small: ["nic1"] }, addresses: true, kubeconfig: contents });

    const [ofSmall, ofLarge, ofExplicit] = await Promise.all([small, large, explicit].map((each) => each.resources()));
    const more = (kilobytes(ofLarge ?? []) - kilobytes(ofSmall ?? [])) / (MANY - 2);
    return [
        ...largest(ofSmall ?? [], "small-vm", LIMIT),
        ...largest(ofLarge ?? [], "8-nic-vm", LIMIT),
        // With what the VM's other resources grow by.
        report({ bench: "state", name: "further-nic-with-address-and-pool", value: more, unit: "kB" }),
        ...largest(ofExplicit ?? [], "kubeconfig-in-program"),
    ].every(Boolean);
}

/** Reports the largest resource of each kind. */
function largest(resources: readonly StoredResource[], where: string, limit?: number): boolean[] {
    return ["NetworkInterface", "IPReservation"].map((kind) => {
        const sizes = resources.filter(({ type }) => type.endsWith(`:${kind}`)).map((each) => kilobytes(each));
        const value = Math.max(...sizes);
        return report({ bench: "state", name: `${kind}-of-${where}`, value, unit: "kB", ...(limit && { limit }) });
    });
}

/** The size as it is exported, with its indentation. */
function kilobytes(value: object): number {
    return Buffer.byteLength(JSON.stringify(value, undefined, 4)) / 1000;
}
