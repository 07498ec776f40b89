import { hash } from "node:crypto";
import { type Parsed, parsed, refused } from "./problem";

/** KubeVirt's in-pod bridge uses this one (pkg/network/link); its webhook refuses it on masquerade NICs only. */
const RESERVED = "02:00:00:00:00:00";

/**
 * The MAC address of a NIC: a function of namespace, VM and NIC name alone, hence the same in every preview, after a
 * reorder, a restart, or the rename of a sibling. Locally administered unicast (`02:`), lower case.
 */
export function macFor(namespace: string, vm: string, nic: string): string {
    const digest = hash("sha256", `${namespace}/${vm}/${nic}`, "hex");
    const octets = (digest.slice(0, 10) === "0000000000" ? digest.slice(10) : digest).slice(0, 10);
    return ["02", ...(octets.match(/../g) as string[])].join(":");
}

/**
 * The canonical lower-case form of a MAC address. Accepts what Go's `net.ParseMAC`, and so KubeVirt, accepts for six
 * octets: `aa:bb:cc:dd:ee:ff`, `AA-BB-CC-DD-EE-FF` and `aabb.ccdd.eeff`. Refuses multicast (and broadcast), all zero,
 * and the address KubeVirt uses itself.
 */
export function normalizeMac(text: string): Parsed<string> {
    const forms = [
        /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
        /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i,
        /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i,
    ];
    if (!forms.some((form) => form.test(text))) {
        return refused(
            "it is not a MAC address of six octets",
            "write six pairs of hexadecimal digits, such as 02:4b:11:00:00:01, or leave macAddress out to get a stable one",
        );
    }
    const octets = text
        .toLowerCase()
        .replace(/[^0-9a-f]/g, "")
        .match(/../g) as string[];
    const mac = octets.join(":");
    if ((parseInt(octets[0] as string, 16) & 1) === 1) {
        return refused(
            "it is a multicast address (the lowest bit of the first octet is set) and cannot be the address of a NIC",
            `clear the bit, as in ${unicast(octets)}, or leave macAddress out to get a stable one`,
        );
    }
    if (mac === "00:00:00:00:00:00") {
        return refused("all octets are zero", "leave macAddress out to get a stable one");
    }
    if (mac === RESERVED) {
        return refused(
            "KubeVirt reserves it for the bridge inside the pod",
            "leave macAddress out to get a stable one",
        );
    }
    return parsed(mac);
}

function unicast(octets: readonly string[]): string {
    return `02:${octets.slice(1).join(":")}`;
}
