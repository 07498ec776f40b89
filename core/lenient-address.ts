import { Address6 } from "ip-address";
import { type Address, addressOf, bits, parseAddress, type Subnet, subnetOf } from "./ip";

/**
 * The address that another program wrote and uses, where it is one. What follows a slash is left out. Kubernetes took
 * leading zeros (as decimals, not octals) and IPv4-mapped IPv6 before KEP-4858, so objects have them.
 */
export function lenientAddress(text: string): Address | undefined {
    const [alone = ""] = text.split("/");
    const decimal = /^[0-9.]+$/.test(alone) ? alone.replace(/(^|\.)0+(?=[0-9])/g, "$1") : alone;
    const address = parseAddress(decimal);
    return address.ok ? address.value : mappedIPv4(decimal);
}

/** The network that another program wrote, with host bits or without. */
export function lenientSubnet(text: string): Subnet | undefined {
    const address = lenientAddress(text);
    const prefix = /\/([0-9]{1,3})$/.exec(text)?.[1];
    return address !== undefined && prefix !== undefined && Number(prefix) <= bits(address.family)
        ? subnetOf(address, Number(prefix))
        : undefined;
}

function mappedIPv4(text: string): Address | undefined {
    if (!/^[0:]+:ffff:/i.test(text) || !Address6.isValid(text)) {
        return undefined;
    }
    const value = new Address6(text).bigInt();
    return value >> 32n === 0xffffn ? addressOf(4, value & 0xffffffffn) : undefined;
}
