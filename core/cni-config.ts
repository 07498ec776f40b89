import { Problem } from "./problem";

/** A network on a Linux bridge of the nodes, for the `bridge` CNI plugin. */
export interface BridgeNetworkSpec {
    readonly type: "bridge";
    /** Name of the network in the configuration: that of the NetworkAttachmentDefinition. */
    readonly name: string;
    /** The bridge on every node, at most 15 characters. */
    readonly bridge: string;
    /** Access VLAN, 1 to 4094. */
    readonly vlanId?: number;
    /** 68 to 65535. */
    readonly mtu?: number;
    /** Drop frames from other MACs than the NIC's (needs nft on the nodes). */
    readonly macspoofchk?: boolean;
    /** Guests of one node cannot reach each other. */
    readonly portIsolation?: boolean;
}

/** A network of any type that can be rendered. */
export type CniNetworkSpec = BridgeNetworkSpec;

/** Everything wrong with a network. */
export function validateCniConfig(spec: CniNetworkSpec): Problem[] {
    void spec;
    throw new Error("not implemented");
}

/** The CNI configuration as a JSON string, for `spec.config` of the NetworkAttachmentDefinition. */
export function cniConfig(spec: CniNetworkSpec): string {
    void spec;
    throw new Error("not implemented");
}
