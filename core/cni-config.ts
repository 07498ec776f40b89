import { type Place, type Problem } from "./problem";

/** A network on a Linux bridge of the nodes, for the `bridge` CNI plugin. */
export interface BridgeNetworkSpec {
    readonly type: "bridge";
    /** Name of the network in the configuration: that of the NetworkAttachmentDefinition. */
    readonly name: string;
    /** The bridge on every node, at most 15 characters. */
    readonly bridge: string;
    /** Access VLAN, 1 to 4094. */
    readonly vlanId?: number;
    /** 68 to 65535. @default that of the bridge */
    readonly mtu?: number;
    /** Drop frames from other MACs than the NIC's (needs nft on the nodes). @default false */
    readonly macspoofchk?: boolean;
    /** Guests of one node cannot reach each other. @default false */
    readonly portIsolation?: boolean;
}

/** A network of any type that can be rendered. */
export type CniNetworkSpec = BridgeNetworkSpec;

/** Everything wrong with a network. */
export function validateCniConfig(spec: CniNetworkSpec): Problem[] {
    const subject = `Network "${spec.name}"`;
    return [
        ...interfaceNameProblems({ subject, field: "bridge" }, spec.bridge),
        ...wholeNumberProblems({ subject, field: "vlanId" }, spec.vlanId, 1, 4094, "a VLAN id (IEEE 802.1Q)"),
        ...wholeNumberProblems({ subject, field: "mtu" }, spec.mtu, 68, 65535, "an MTU"),
    ];
}

/**
 * The CNI configuration as a JSON string, for `spec.config` of the NetworkAttachmentDefinition. The plugins ignore keys
 * they do not know, so a wrong one would leave the VM untagged without a word: the keys are those of the plugin's
 * `NetConf` (containernetworking/plugins, plugins/main/bridge/bridge.go).
 */
export function cniConfig(spec: CniNetworkSpec): string {
    return JSON.stringify({
        cniVersion: "1.0.0",
        name: spec.name,
        type: spec.type,
        bridge: spec.bridge,
        ...(spec.vlanId === undefined ? {} : { vlan: spec.vlanId }),
        // Its default was true up to plugins 1.6; true leaves VLAN 1 untagged on the port beside the access VLAN.
        preserveDefaultVlan: false,
        ...(spec.mtu === undefined ? {} : { mtu: spec.mtu }),
        ...(spec.macspoofchk === undefined ? {} : { macspoofchk: spec.macspoofchk }),
        ...(spec.portIsolation === undefined ? {} : { portIsolation: spec.portIsolation }),
        // KubeVirt raises the pod's NIC itself and the guest has the address, so the pod's side stays bare.
        disableContainerInterface: true,
        ipam: {},
    });
}

/** A name the Linux kernel takes for a network device (`dev_valid_name`): 1 to 15 characters, no space, / or :. */
function interfaceNameProblems(place: Place, name: string): Problem[] {
    return name !== "." && name !== ".." && /^[^\s/:]{1,15}$/.test(name)
        ? []
        : [
              {
                  ...place,
                  value: name,
                  rule: "the name of a network device has 1 to 15 characters and no space, / or :",
                  remedy: "name the bridge as it is called on the nodes, such as br1",
              },
          ];
}

function wholeNumberProblems(
    place: Place,
    value: number | undefined,
    low: number,
    high: number,
    what: string,
): Problem[] {
    return value === undefined || (Number.isInteger(value) && value >= low && value <= high)
        ? []
        : [
              {
                  ...place,
                  value,
                  rule: `${what} is an integer in ${String(low)}-${String(high)}`,
                  remedy: "correct it, or leave it out",
              },
          ];
}
