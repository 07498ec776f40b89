import type { Family } from "../../ip";
import type { ProxyEndpoint, ProxyPort } from "../model";
import { servedPort } from "../served-port";

/**
 * The UDP ports that chains served, as far as they tell: where they were reached, and their endpoints.
 * @param save what `iptables-save -t nat` printed
 */
export function servedPorts(family: Family, save: string, prefix: string): ProxyPort[] {
    const rules = save.split("\n").flatMap((line) => {
        const [, chain = "", rule = ""] = line.startsWith(`-A ${prefix}-`) ? (/^-A (\S+) (.*)$/.exec(line) ?? []) : [];
        return chain === "" ? [] : [{ chain, rule, target: / -j (\S+)/.exec(` ${rule}`)?.[1] ?? "" }];
    });
    const byChain = new Map<string, typeof rules>();
    for (const rule of rules) {
        byChain.set(rule.chain, [...(byChain.get(rule.chain) ?? []), rule]);
    }
    const endpointsOf = (chain: string): ProxyEndpoint[] =>
        (byChain.get(chain) ?? []).flatMap(({ rule, target }): ProxyEndpoint[] => {
            const to = /--to-destination (\S+)/.exec(rule)?.[1];
            return to === undefined ? (target.startsWith(`${prefix}-`) ? endpointsOf(target) : []) : [parse(to)];
        });
    return [...(byChain.get(`${prefix}-SERVICES`) ?? []), ...(byChain.get(`${prefix}-NODEPORTS`) ?? [])].flatMap(
        ({ rule, target }): ProxyPort[] => {
            const port = / --dport (\d+)/.exec(rule)?.[1];
            const address = /-d ([^/\s]+)/.exec(rule)?.[1];
            return port === undefined || !rule.includes("-p udp")
                ? []
                : [servedPort(family, address, Number(port), endpointsOf(target))];
        },
    );
}

function parse(destination: string): ProxyEndpoint {
    const colon = destination.lastIndexOf(":");
    return {
        address: destination.slice(0, colon).replace(/^\[|\]$/g, ""),
        port: Number(destination.slice(colon + 1)),
    };
}
