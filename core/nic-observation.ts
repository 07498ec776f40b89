import type { InterfaceStatus } from "./kubevirt-objects";
import { lenientAddress } from "./lenient-address";
import { isLinkLocal } from "./link-local";
import type { LinkState } from "./nic";

/** What the running VM shows of a NIC. */
export interface NicObservation {
    /** Name of the interface in the guest; empty until a guest agent tells. */
    readonly interfaceName: string;
    /** Addresses that the guest reports, canonical and without those that a NIC chooses itself. */
    readonly observedAddresses: string[];
    /** Empty where KubeVirt does not tell: before 1.5, and of SR-IOV NICs. */
    readonly observedLinkState: LinkState | "";
}

/** @param status the NIC's entry in the instance's status; undefined where it has none */
export function observeNic(status: InterfaceStatus | undefined): NicObservation {
    const { interfaceName = "", ipAddress = "", ipAddresses = [], linkState } = status ?? {};
    const addresses = (ipAddresses.length > 0 ? ipAddresses : [ipAddress])
        .map(lenientAddress)
        .filter((address) => address !== undefined)
        .filter((address) => !isLinkLocal(address));
    return {
        interfaceName,
        observedAddresses: [...new Set(addresses.map(({ text }) => text))],
        observedLinkState: linkState === "up" || linkState === "down" ? linkState : "",
    };
}

/**
 * Which of its addresses the guest does not have, as a clause. A guest that reports none says nothing: KubeVirt loses them
 * at times (kubevirt issue 12698).
 * @param declared with prefix length
 * @param observed without
 */
export function missingAddresses(declared: readonly string[], observed: readonly string[]): string | undefined {
    const wanted = declared.map((cidr) => lenientAddress(cidr)?.text ?? cidr);
    const missing = wanted.filter((address) => !observed.includes(address));
    return observed.length === 0 || missing.length === 0
        ? undefined
        : `the guest does not have ${missing.join(", ")}, but ${observed.join(", ")}`;
}
