import type { Family } from "../../ip";

/** The table of the node agent in the families `ip` and `ip6`. */
export const TABLE = "wukong";

/** The set whose one element says which transaction of ours was the last; it is in the table of IPv4. */
export const STAMP_SET = "transaction";

/**
 * What a connection of ours has in its conntrack mark from the choice of its endpoint until it leaves the node: 8 bits that
 * say it is ours, 10 for the rule of its masquerade, 14 for the endpoint.
 */
export const MARK = { tag: 0x57000000, groupShift: 14, groups: 1 << 10, slots: 1 << 14 } as const;

/** A mark as nft prints it. */
export function markText(group: number, slot = 0): string {
    return `0x${(MARK.tag + (group << MARK.groupShift) + slot).toString(16)}`;
}

/** The keyword of a family's tables and addresses. */
export function familyWord(family: Family): "ip" | "ip6" {
    return family === 4 ? "ip" : "ip6";
}

/** The type of a family's addresses in sets. */
export function addressType(family: Family): "ipv4_addr" | "ipv6_addr" {
    return family === 4 ? "ipv4_addr" : "ipv6_addr";
}

const IS_OURS = "ct mark & 0xff000000 == 0x57000000";

/** Whom a packet is for: at an address and port, and, with `node-`, at a port of the node. */
const BY_ADDRESS = "daddr . meta l4proto . th dport";
const BY_PORT = "meta l4proto . th dport";

/**
 * The part of a family's table that does not depend on Services: maps by which a packet finds what becomes of it, and the
 * chains that look into them. A Service is elements of these maps; docs/decisions.md says why.
 *
 * The maps are looked up one after the other, and a transaction may come in between: the chain of three endpoints may have
 * been chosen, and the third be gone. The chains `-again` then choose anew; a packet that has its endpoint does not get there.
 */
export function layoutOf(family: Family): string {
    const ip = familyWord(family);
    const type = addressType(family);
    const isNode = `fib daddr type local ${ip} daddr != ${family === 4 ? "127.0.0.0/8" : "::1"}`;
    const icmp = family === 4 ? "icmp type port-unreachable" : "icmpv6 type port-unreachable";
    return `table ${ip} ${TABLE} {
    map services { type ${type} . inet_proto . inet_service : verdict; }
    map endpoints { type ${type} . inet_proto . inet_service . mark : ${type} . inet_service; }
    map own-services { type ${type} . inet_proto . inet_service : verdict; }
    map unserved { type ${type} . inet_proto . inet_service : verdict; }
    map own-unserved { type ${type} . inet_proto . inet_service : verdict; }
    map guarded { type ${type} . inet_proto . inet_service : verdict; }
    map node-services { type inet_proto . inet_service : verdict; }
    map node-endpoints { type inet_proto . inet_service . mark : ${type} . inet_service; }
    map node-own-services { type inet_proto . inet_service : verdict; }
    map node-unserved { type inet_proto . inet_service : verdict; }
    map node-own-unserved { type inet_proto . inet_service : verdict; }
    map node-guarded { type inet_proto . inet_service : verdict; }
    set cluster-ips { type ${type}; }
    set sources { type ${type} . inet_service; }
    set hairpins { type ${type} . ${type}; }
    map masquerades { type mark : verdict; }
    set ${STAMP_SET} { type mark; }

    chain refuse {
        meta l4proto tcp reject with tcp reset
        reject with ${icmp}
    }
    chain pick { dnat ${ip} addr . port to ${ip} ${BY_ADDRESS} . ct mark map @endpoints; }
    chain node-pick { dnat ${ip} addr . port to ${BY_PORT} . ct mark map @node-endpoints; }
    chain services {
        ${ip} ${BY_ADDRESS} vmap @services
        ${isNode} ${BY_PORT} vmap @node-services
    }
    chain unserved {
        ${ip} ${BY_ADDRESS} vmap @unserved
        ${isNode} ${BY_PORT} vmap @node-unserved
        ${ip} daddr @cluster-ips goto refuse
    }
    chain guard {
        ${ip} ${BY_ADDRESS} vmap @guarded
        ${isNode} ${BY_PORT} vmap @node-guarded
    }
    chain masquerade-all { masquerade fully-random; }
    chain before-prerouting {
        type filter hook prerouting priority -110;
        ct state invalid meta l4proto tcp ${ip} saddr . th sport @sources drop
        ct state new iif != "lo" jump guard
    }
    chain prerouting {
        type nat hook prerouting priority -100;
        jump services
    }
    chain prerouting-again {
        type nat hook prerouting priority -99;
        ${IS_OURS} jump services
    }
    chain after-prerouting {
        type filter hook prerouting priority -90;
        ct state new jump unserved
    }
    chain output {
        type nat hook output priority -100;
        ${ip} ${BY_ADDRESS} vmap @own-services
        ${isNode} ${BY_PORT} vmap @node-own-services
        jump services
    }
    chain output-again {
        type nat hook output priority -99;
        ${IS_OURS} ${ip} ${BY_ADDRESS} vmap @own-services
        ${IS_OURS} ${isNode} ${BY_PORT} vmap @node-own-services
        ${IS_OURS} jump services
    }
    chain after-output {
        type filter hook output priority -90;
        ct state new ${ip} ${BY_ADDRESS} vmap @own-unserved
        ct state new ${isNode} ${BY_PORT} vmap @node-own-unserved
        ct state new jump unserved
    }
    chain postrouting {
        type nat hook postrouting priority 100;
        ct status dnat ${IS_OURS} ${ip} saddr . ${ip} daddr @hairpins masquerade fully-random
        ct status dnat ct mark & 0xffffc000 vmap @masquerades
    }
    chain after-postrouting {
        type filter hook postrouting priority 110;
        ${IS_OURS} ct mark set 0
    }
    chain before-input {
        type filter hook input priority -110;
        ${IS_OURS} ct mark set 0
    }
}
add element ${ip} ${TABLE} masquerades { ${markText(0)} : goto masquerade-all }
`;
}
