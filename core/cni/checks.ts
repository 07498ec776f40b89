import { type Place, type Problem } from "../problem";

/** Makes the place of a field of the network that is looked at. */
export type At = (field: string) => Place;

/** A value of whatever type a program without types hands in. */
export function shown(value: unknown): Pick<Problem, "value"> {
    if (value === undefined) {
        return {};
    }
    const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return { value: isPlain ? value : JSON.stringify(value) };
}

/** A name the Linux kernel takes for a network device (`dev_valid_name`): 1 to 15 characters, no space, / or :. */
export function deviceNameProblems(place: Place, name: unknown, example: string): Problem[] {
    const taken = typeof name === "string" && name !== "." && name !== ".." && /^[^\s/:]{1,15}$/.test(name);
    return taken
        ? []
        : [
              {
                  ...place,
                  ...shown(name),
                  rule: "the name of a network device has 1 to 15 characters and no space, / or :",
                  remedy: `name the device as it is called on the nodes, such as ${example}`,
              },
          ];
}

/** A whole number between two bounds, or nothing. */
export function wholeNumberProblems(
    place: Place,
    value: number | undefined,
    [low, high]: readonly [number, number],
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

/** True, false, or nothing: the plugins refuse the words. */
export function flagProblems(place: Place, value: unknown): Problem[] {
    return value === undefined || typeof value === "boolean"
        ? []
        : [{ ...place, ...shown(value), rule: "it is true or false", remedy: "write it without quotes" }];
}

/** A VLAN id (IEEE 802.1Q); 0 and 4095 are none. */
export function vlanProblems(place: Place, vlanId: number | undefined): Problem[] {
    return wholeNumberProblems(place, vlanId, [1, 4094], "a VLAN id (IEEE 802.1Q)");
}

/** An MTU that the kernel gives a device: IPv4 needs 68 bytes (RFC 791). */
export function mtuProblems(place: Place, mtu: number | undefined): Problem[] {
    return wholeNumberProblems(place, mtu, [68, 65535], "an MTU");
}

/**
 * An extended resource that a device plugin gives a node: `domain/name`
 * (apimachinery, `IsQualifiedName` with a domain that is not `kubernetes.io`).
 */
export function resourceNameProblems(place: Place, resourceName: unknown): Problem[] {
    const [, domain = "", name = ""] =
        /^([^/]*)\/([^/]*)$/.exec(typeof resourceName === "string" ? resourceName : "") ?? [];
    const isDomain =
        domain.length <= 253 && domain.split(".").every((label) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label));
    const isName = name.length <= 63 && /^[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?$/.test(name);
    return isDomain && isName && domain !== "kubernetes.io"
        ? []
        : [
              {
                  ...place,
                  ...shown(resourceName),
                  rule: "a resource of the nodes is called domain/name",
                  remedy: "name it as `kubectl get node -o yaml` lists it under allocatable, such as intel.com/sriov_net",
              },
          ];
}
