import type { ClusterClient } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { NETWORK_ATTACHMENT_DEFINITION, VIRTUAL_MACHINE } from "../../cluster/kinds";
import type { Need } from "../../cluster/preflight";
import { modeRefused, parentHolder, parentTaken } from "../../core/cni/parent-holders";
import type { Problem } from "../../core/problem";
import { containsUnknown } from "../handler";
import { listedNads, listedNics } from "../listing";
import type { NetworkInterfaceInputs } from "./inputs";

type Place = Required<Pick<Problem, "vm" | "nic">>;

/** Parent devices of the nodes that the macvlan NICs of this program have, and whose they are. */
const claimed = new Map<string, string>();

/** What the rule of one VM for each parent looks at, beyond the NIC's own namespace. */
export function needsOfParent({ type }: NetworkInterfaceInputs): Need[] {
    return type === "macvlan"
        ? [
              { kind: VIRTUAL_MACHINE, verbs: ["list"] },
              { kind: NETWORK_ATTACHMENT_DEFINITION, verbs: ["list"] },
          ]
        : [];
}

/** The NIC that another NIC of the program, of whichever VM, shares its parent with. */
export function claimParent(inputs: NetworkInterfaceInputs, place: Place): Problem[] {
    const { parentDevice, connection } = inputs;
    if (parentDevice === undefined || containsUnknown(connection)) {
        return [];
    }
    const owner = `NIC "${place.nic}" of VM "${place.vm}"`;
    const key = `${connectionKey(connection)} ${parentDevice}`;
    const holder = claimed.get(key) ?? owner;
    claimed.set(key, holder);
    return holder === owner ? [] : [parentTaken(place, parentDevice, holder)];
}

/** Whether the parent of a macvlan NIC is free in the cluster; that of a network which exists is read from it. */
export async function checkParent(
    client: ClusterClient,
    inputs: NetworkInterfaceInputs,
    place: Place,
): Promise<Problem[]> {
    if (inputs.type !== "macvlan" || inputs.nadName === undefined) {
        return [];
    }
    const { nadName } = inputs;
    const [nads, nics] = await Promise.all([listedNads(client), listedNics(client)]);
    const configs = new Map(nads.map((nad) => [nad.nadName, nad.config]));
    const own = configs.get(nadName);
    if (inputs.parentDevice === undefined && own?.mode !== undefined && own.mode !== "passthru") {
        return nics.some((each) => each.vm === place.vm && each.nic === place.nic && each.nadName === nadName)
            ? []
            : [modeRefused(place, nadName, own.mode)];
    }
    const parentDevice = inputs.parentDevice ?? own?.parentDevice;
    if (parentDevice === undefined) {
        return [];
    }
    // What the program declares of its own network has been looked at before.
    const twice = inputs.parentDevice === undefined ? claimParent({ ...inputs, parentDevice }, place) : [];
    const holder = parentHolder(place, parentDevice, nics, (each) => configs.get(each)?.parentDevice);
    return twice.length > 0 || holder === undefined
        ? twice
        : [parentTaken(place, parentDevice, `NIC "${holder.nic}" of VM "${holder.vm}" in the cluster`)];
}
