import { type Family, familyName } from "../../core/ip";
import type { ProxyPort } from "../../core/service-proxy/model";

/** Parts ports by whether the kernel can serve their IP family; those that it cannot are told of in sentences. */
export function partByFamily(
    ports: readonly ProxyPort[],
    families: readonly Family[],
    program: "nftables" | "iptables",
): { readonly served: readonly ProxyPort[]; readonly unserved: readonly string[] } {
    const isServed = ({ family }: ProxyPort): boolean => families.includes(family);
    const unserved = ports
        .filter((port) => !isServed(port))
        .map(
            ({ service, family }) =>
                `Service ${service} is not served by ${familyName(family)} here: this kernel has no ${program} for it. ` +
                `Start the node with it, or make the Service one of the other family.`,
        );
    return { served: ports.filter(isServed), unserved };
}
