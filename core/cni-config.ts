import { BRIDGE_FIELDS, bridgeConfig, bridgeProblems, type BridgeNetworkSpec } from "./cni/bridge";
import type { At } from "./cni/checks";
import { MACVLAN_FIELDS, macvlanConfig, macvlanProblems, type MacvlanNetworkSpec } from "./cni/macvlan";
import { OVS_FIELDS, ovsConfig, ovsProblems, ovsResourceName, type OvsNetworkSpec } from "./cni/ovs";
import { SRIOV_FIELDS, sriovConfig, sriovProblems, type SriovNetworkSpec } from "./cni/sriov";
import type { Place, Problem } from "./problem";

/** A network of any type that can be rendered; `name` is that of its NetworkAttachmentDefinition. */
export type CniNetworkSpec = BridgeNetworkSpec | MacvlanNetworkSpec | SriovNetworkSpec | OvsNetworkSpec;

/** What a layer-2 network is made by. */
export type NetworkType = CniNetworkSpec["type"];

interface Renderer<Spec> {
    /** What a network of the type may say of itself. */
    readonly fields: readonly string[];
    problems(spec: Spec, at: At): Problem[];
    config(spec: Spec): object;
}

const RENDERERS: { readonly [T in NetworkType]: Renderer<Extract<CniNetworkSpec, { type: T }>> } = {
    bridge: { fields: BRIDGE_FIELDS, problems: bridgeProblems, config: bridgeConfig },
    macvlan: { fields: MACVLAN_FIELDS, problems: macvlanProblems, config: macvlanConfig },
    sriov: { fields: SRIOV_FIELDS, problems: sriovProblems, config: sriovConfig },
    ovs: { fields: OVS_FIELDS, problems: ovsProblems, config: ovsConfig },
};

export const NETWORK_TYPES = Object.keys(RENDERERS) as readonly NetworkType[];

/** What may be said of a network that exists: what the guest and its addresses go by. */
const KNOWN_OF_EXISTING = ["type", "namespace", "cluster", "nadName", "vlanId", "mtu"];

/** Everything wrong with a network whose NetworkAttachmentDefinition exists, by the fields that are declared. */
export function existingNetworkProblems(name: string, type: NetworkType, declared: object): Problem[] {
    const subject = `Network "${name}"`;
    return [
        ...typeProblems(type, { subject, field: "type" }),
        ...Object.entries(declared)
            .filter(([field, value]) => value !== undefined && !KNOWN_OF_EXISTING.includes(field))
            .map(([field]) => ({
                subject,
                field,
                rule: "nadName names a NetworkAttachmentDefinition that exists and is used as it is",
                remedy: `leave ${field} out, or leave nadName out to have one made`,
            })),
    ];
}

/** Everything wrong with a network; told of its NIC, where it is one NIC's own. */
export function validateCniConfig(
    spec: CniNetworkSpec,
    where: Omit<Place, "field"> = { subject: `Network "${spec.name}"` },
): Problem[] {
    const at: At = (field) => ({ ...where, field });
    const unknownType = typeProblems(spec.type, at("type"));
    if (unknownType.length > 0) {
        return unknownType;
    }
    const renderer = rendererOf(spec);
    const foreign = Object.entries(spec).filter(
        ([field, value]) => value !== undefined && !["type", "name", ...renderer.fields].includes(field),
    );
    return [
        ...foreign.map(([field]) => ({
            ...at(field),
            rule: `a network of type ${spec.type} has no ${field}, only ${renderer.fields.join(", ")}`,
            remedy: "leave it out, or choose another type",
        })),
        ...renderer.problems(spec, at),
    ];
}

/**
 * The CNI configuration of a valid network as a JSON string, for `spec.config` of the NetworkAttachmentDefinition. The
 * plugins ignore keys they do not know, so a wrong one would leave the VM untagged without a word.
 */
export function cniConfig(spec: CniNetworkSpec): string {
    const { name, type } = spec;
    return JSON.stringify({ cniVersion: "1.0.0", name, type, ...rendererOf(spec).config(spec) });
}

/** The resource of the nodes that the NetworkAttachmentDefinition asks for, in Multus' annotation of this name. */
export const RESOURCE_NAME_ANNOTATION = "k8s.v1.cni.cncf.io/resourceName";

/** The resource of the nodes that a NIC on the network needs; undefined where it needs none. */
export function resourceNameOf(spec: CniNetworkSpec): string | undefined {
    switch (spec.type) {
        case "sriov":
            return spec.resourceName;
        case "ovs":
            return ovsResourceName(spec);
        default:
            return undefined;
    }
}

function typeProblems(type: NetworkType, place: Place): Problem[] {
    const rule = `a network is of type ${NETWORK_TYPES.join(", ")}`;
    return NETWORK_TYPES.includes(type) ? [] : [{ ...place, value: type, rule, remedy: "choose one of them" }];
}

function rendererOf(spec: CniNetworkSpec): Renderer<CniNetworkSpec> {
    return RENDERERS[spec.type];
}
