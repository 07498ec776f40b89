/** What a NetworkAttachmentDefinition of whoever says of its network, as far as it is of use here. */
export interface NadConfig {
    /** The CNI plugin that makes the NIC: the first one of a list. */
    readonly plugin: string;
    /** The bridge of the plugins bridge and ovs. */
    readonly bridge?: string;
    /** Device that a macvlan sits on; undefined where the plugin would take the one of the default route. */
    readonly parentDevice?: string;
    /** Mode of a macvlan. */
    readonly mode?: string;
    readonly vlanId?: number;
    readonly hasTrunk: boolean;
    readonly mtu?: number;
    readonly isolation: boolean;
}

/** Reads `spec.config`: a configuration, or a list of them. Undefined where it is neither, or empty (a file on the nodes). */
export function readNadConfig(config: unknown): NadConfig | undefined {
    const whole = parse(config);
    const first = Array.isArray(whole?.plugins) ? record(whole.plugins[0]) : whole;
    const { type, bridge, master, mode, vlan, vlanTrunk, mtu, portIsolation } = first ?? {};
    if (typeof type !== "string") {
        return undefined;
    }
    return {
        plugin: type,
        hasTrunk: Array.isArray(vlanTrunk) && vlanTrunk.length > 0,
        isolation: portIsolation === true,
        // The plugins' own defaults (plugins/main/bridge/bridge.go, plugins/main/macvlan/macvlan.go).
        ...(type === "bridge" && { bridge: typeof bridge === "string" ? bridge : "cni0" }),
        ...(type === "ovs" && typeof bridge === "string" && { bridge }),
        ...(type === "macvlan" && { mode: typeof mode === "string" && mode !== "" ? mode : "bridge" }),
        ...(type === "macvlan" && typeof master === "string" && master !== "" && { parentDevice: master }),
        ...(typeof vlan === "number" && vlan !== 0 && { vlanId: vlan }),
        ...(typeof mtu === "number" && mtu > 0 && { mtu }),
    };
}

function parse(config: unknown): Record<string, unknown> | undefined {
    try {
        return typeof config === "string" ? record(JSON.parse(config)) : undefined;
    } catch {
        return undefined;
    }
}

function record(value: unknown): Record<string, unknown> | undefined {
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
