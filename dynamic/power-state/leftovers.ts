import type { ClusterClient } from "../../cluster/client";
import { hasReason } from "../../cluster/errors";
import { addressOfReservation, release } from "../../cluster/ipam/ledger";
import { LABEL, type Reservation } from "../../cluster/ipam/objects";
import { graceOf } from "../../cluster/ipam/pools";
import { impactFacts } from "../../cluster/impact-facts";
import { IP_RESERVATION } from "../../cluster/kinds";
import { Remembered } from "../../cluster/remembered";
import type { VmView } from "../../cluster/virtual-machine";
import { classifyChange, type ImpactVerdict } from "../../core/impact";
import { MANAGER_ANNOTATION } from "../../core/manager";
import type { NicSpec } from "../../core/nic";
import { journaledNics } from "../../core/nic-journal";
import { hashLabel, nicOfOwner } from "../../core/reservation";
import { listsOf, specInLists } from "../../core/vm-networks";
import { doable } from "../network-interface/check";
import { detachNic } from "../network-interface/detach";
import type { Leftovers, PlannedNic, PowerStateInputs } from "./inputs";

/** What is left over, with what each unplug costs by the name of the NIC. */
export interface FoundLeftovers extends Leftovers {
    readonly verdicts: Readonly<Record<string, ImpactVerdict>>;
}

/**
 * Looks for NICs and addresses that this stack made for the VM and that are neither in its state nor in its program: an
 * update that was killed made them before the engine could record them.
 * @param networks the VM's NICs in the state
 */
export async function findLeftovers(
    client: ClusterClient,
    inputs: PowerStateInputs,
    networks: PowerStateInputs["networks"],
    view: VmView,
): Promise<FoundLeftovers> {
    const addresses = new Set(
        [...Object.values(networks), ...Object.values(inputs.networks)]
            .flatMap((nic) => nic.addresses)
            .map((cidr) => cidr.split("/")[0]),
    );
    const reservations = (await reservationsLeft(client, inputs)).filter(({ address }) => !addresses.has(address));
    const lists = listsOf(view.vm ?? {});
    const isOurs = view.vm?.metadata.annotations?.[MANAGER_ANNOTATION] === inputs.manager;
    const journaled = isOurs ? journaledNics(view.vm, lists) : [];
    const specs = journaled
        .map((nic) => specInLists(lists, nic, inputs.namespace))
        .filter((nic) => inputs.networks[nic.name] === undefined && !isSameNic(networks[nic.name], nic));
    if (specs.length === 0) {
        return { nics: [], reservations, verdicts: {} };
    }
    const facts = await impactFacts(client, view);
    const verdicts = specs.map((nic): [string, ImpactVerdict] => {
        const change = { kind: "detach", nic } as const;
        // To be rid of what nobody knows of is no reason for a restart.
        const consent = { onMigrationRequired: "wait", onRestartRequired: "report" } as const;
        return [nic.name, doable(change, classifyChange(change, { ...facts, isPrimary: false }), consent)];
    });
    const nics = specs.map(({ name, macAddress, nadName }) => ({
        name,
        macAddress,
        ...(nadName !== undefined && { nadName }),
    }));
    return { nics, reservations, verdicts: Object.fromEntries(verdicts) };
}

/** Whether it is the NIC of the state, which the engine deletes, and not one that was to take its place. */
function isSameNic(known: PlannedNic | undefined, { macAddress, nadName }: NicSpec): boolean {
    return known?.macAddress === macAddress && known.nadName === nadName;
}

/** Reservations for NICs of the VM. */
async function reservationsLeft(
    client: ClusterClient,
    { namespace, vm, manager }: PowerStateInputs,
): Promise<Leftovers["reservations"]> {
    const held = await ofStacks.get(client, manager, async () => reservationsOfStack(client, manager));
    return held
        .filter(({ spec }) => {
            const nic = nicOfOwner(spec.owner.key);
            return spec.state === "Active" && nic?.namespace === namespace && nic.vm === vm;
        })
        .map(({ spec: { address, space, allocationId, pool } }) => ({
            address,
            space,
            allocationId,
            ...(pool !== undefined && { pool }),
        }));
}

/** Reservations of a stack, read once in a run: every VM looks among them for what is left over of it. */
const ofStacks = new Remembered<Reservation[]>();

/** Where the kind is not there, or nobody may read it, the stack has made none. */
async function reservationsOfStack(client: ClusterClient, manager: string): Promise<Reservation[]> {
    try {
        const labelSelector = `${LABEL.manager}=${hashLabel(manager)}`;
        const { items } = await client.list<Reservation>(IP_RESERVATION, undefined, { labelSelector });
        return items.filter(({ spec }) => spec.owner.manager === manager);
    } catch (error) {
        if (hasReason(error, "not-found") || hasReason(error, "forbidden")) {
            return [];
        }
        throw error;
    }
}

/** Takes the NICs off the VM, then gives the addresses back. */
export async function removeLeftovers(client: ClusterClient, inputs: PowerStateInputs): Promise<void> {
    const { nics, reservations }: Leftovers = inputs.leftovers ?? { nics: [], reservations: [] };
    const vm = { namespace: inputs.namespace, name: inputs.vm, uid: inputs.vmUid ?? "" };
    await Promise.all(nics.map(async (nic) => detachNic(client, vm, nic, inputs)));
    await Promise.all(
        reservations.map(async ({ space, address, allocationId, pool }) => {
            const graceSeconds = await graceOf(client, pool);
            const tenancy = { space, address: addressOfReservation({ spec: { address } }) };
            const reason = "left behind by an interrupted update";
            return release(client, tenancy, { allocationId, reason, retain: false, graceSeconds });
        }),
    );
}
