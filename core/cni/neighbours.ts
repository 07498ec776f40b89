import type { Place, Problem } from "../problem";
import type { NadConfig } from "./nad-config";

/** A network by the name of its NetworkAttachmentDefinition. */
export interface NamedNad {
    /** `namespace/name`. */
    readonly nadName: string;
    readonly config: NadConfig;
}

/**
 * What networks on one bridge do to each other, as warnings: the kernel gives a bridge the least MTU of its ports, and an
 * isolated port is shut off from isolated ports only.
 */
export function neighbourWarnings(subject: string, own: NamedNad, others: readonly NamedNad[]): Problem[] {
    const { config } = own;
    if (config.plugin !== "bridge") {
        return [];
    }
    const place = (field: string): Place => ({ subject, field });
    const bridge = `bridge ${config.bridge ?? ""}`;
    return others
        .filter(({ nadName, config: other }) => {
            return nadName !== own.nadName && other.plugin === "bridge" && other.bridge === config.bridge;
        })
        .flatMap(({ nadName, config: other }): Problem[] => [
            ...(other.mtu === config.mtu
                ? []
                : [
                      {
                          ...place("mtu"),
                          ...(config.mtu !== undefined && { value: config.mtu }),
                          rule: `${nadName} on the same ${bridge} has ${other.mtu === undefined ? "none" : `MTU ${String(other.mtu)}`}, and a bridge has the least MTU of its ports`,
                          remedy: "give all networks of a bridge the same MTU, at most that of the uplink",
                          severity: "warning" as const,
                      },
                  ]),
            ...(other.isolation === config.isolation || areApart(config, other)
                ? []
                : [
                      {
                          ...place("isolation"),
                          value: config.isolation,
                          rule: `${nadName} on the same ${bridge} has isolation ${String(other.isolation)}, and guests of the two reach each other`,
                          remedy: "give all networks of a bridge the same isolation",
                          severity: "warning" as const,
                      },
                  ]),
        ]);
}

/** Access networks of different VLANs have no frames in common. */
function areApart(a: NadConfig, b: NadConfig): boolean {
    return !a.hasTrunk && !b.hasTrunk && a.vlanId !== b.vlanId;
}
