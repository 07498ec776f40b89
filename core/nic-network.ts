import { NETWORK_TYPES, validateCniConfig, type CniNetworkSpec, type NetworkType } from "./cni-config";
import type { Trunk } from "./cni/trunk";
import type { NicType } from "./nic";
import type { Place, Problem } from "./problem";

/** What a NIC may say of a network of its own. */
export interface NicNetworkFields {
    readonly bridge?: string | undefined;
    readonly master?: string | undefined;
    readonly resourceName?: string | undefined;
    readonly vlanId?: number | undefined;
    readonly trunk?: Trunk | undefined;
    readonly mtu?: number | undefined;
}

/** How a NIC says what it is on. */
export interface NicNetworkChoice extends NicNetworkFields {
    readonly name: string;
    readonly type: NicType;
    /** The network that it names. */
    readonly network?: { readonly name: string; readonly type: NetworkType } | undefined;
    /** Whether it names a NetworkAttachmentDefinition. */
    readonly namesNad: boolean;
}

const FIELDS = ["bridge", "master", "resourceName", "vlanId", "trunk", "mtu"] as const;

/** The fields that a NIC declares of a network of its own. */
export function ownNetworkFields(nic: NicNetworkFields): Partial<NicNetworkFields> {
    return Object.fromEntries(FIELDS.filter((field) => nic[field] !== undefined).map((field) => [field, nic[field]]));
}

/** The network of a NIC that names none; undefined on the pod network. */
export function ownNetwork(
    name: string,
    nic: Pick<NicNetworkChoice, "type"> & NicNetworkFields,
): CniNetworkSpec | undefined {
    if (nic.type === "pod") {
        return undefined;
    }
    return { type: nic.type, name, ...networkDefaults(nic.type), ...ownNetworkFields(nic) } as CniNetworkSpec;
}

/** What a network of a type has where nothing else is said. */
export function networkDefaults(type: NetworkType): { bridge?: string; macSpoofCheck?: boolean } {
    return type === "bridge" ? { bridge: "br0", macSpoofCheck: true } : {};
}

/** Everything wrong with what a NIC says it is on. A type that is none is told of by `validateNics`. */
export function nicNetworkProblems(vm: string, nic: NicNetworkChoice): Problem[] {
    const place = { vm, nic: nic.name };
    const fields = Object.keys(ownNetworkFields(nic));
    if (nic.type === "pod") {
        return [...(nic.network ? ["network"] : []), ...fields].map((field) => ({
            ...place,
            field,
            rule: "a pod NIC is on the cluster's pod network",
            remedy: "leave it out, or choose another type",
        }));
    }
    if (!NETWORK_TYPES.includes(nic.type)) {
        return [];
    }
    if (nic.network !== undefined || nic.namesNad) {
        return [...chosenTwice(place, nic), ...typeProblems(place, nic), ...alreadySaid(place, nic, fields)];
    }
    const own = ownNetwork(`${vm.split("/").at(-1) ?? vm}-${nic.name}`, nic);
    return own ? validateCniConfig(own, place) : [];
}

function chosenTwice(place: Omit<Place, "field">, { network, namesNad }: NicNetworkChoice): Problem[] {
    return network && namesNad
        ? [
              {
                  ...place,
                  field: "nadName",
                  rule: `the NIC names network "${network.name}" as well, and is on one network`,
                  remedy: "keep either network or nadName",
              },
          ]
        : [];
}

function typeProblems(place: Omit<Place, "field">, { network, type }: NicNetworkChoice): Problem[] {
    return network && network.type !== type
        ? [
              {
                  ...place,
                  field: "type",
                  value: type,
                  rule: `network "${network.name}" is of type ${network.type}`,
                  remedy: `write type: "${network.type}", or name another network`,
              },
          ]
        : [];
}

function alreadySaid(place: Omit<Place, "field">, { network }: NicNetworkChoice, fields: readonly string[]): Problem[] {
    const said = network ? `network "${network.name}"` : "the NetworkAttachmentDefinition of nadName";
    return fields.map((field) => ({
        ...place,
        field,
        rule: `${said} says what the NIC is on, also its ${field}`,
        remedy: `leave ${field} out here, or leave ${network ? "network" : "nadName"} out to give the NIC a network of its own`,
    }));
}
