import { addressOf, type Lab } from "./lab";
import type { DataplaneMode } from "./requests";

/** What somebody else may do to our rules, by what is missing then. */
export function damagesOf(mode: DataplaneMode): Record<string, (lab: Lab) => Promise<unknown>> {
    return mode === "nftables" ? nftDamages() : iptablesDamages(mode);
}

function iptablesDamages(program: string): Record<string, (lab: Lab) => Promise<unknown>> {
    const iptables =
        (...args: string[]) =>
        async (lab: Lab): Promise<unknown> =>
            lab.run("node", program, ...args);
    const chain = async (lab: Lab, kind: string): Promise<string> =>
        new RegExp(`WUKONG-${kind}-\\w+`).exec(await lab.run("node", program, "-t", "nat", "-S"))![0];
    return {
        "a jump into it": iptables("-t", "nat", "-F", "PREROUTING"),
        "what refuses": iptables("-t", "filter", "-F"),
        "one rule": async (lab) => iptables("-t", "nat", "-D", await chain(lab, "SVC"), "1")(lab),
        "all chains": async (lab) => {
            await iptables("-t", "nat", "-F")(lab);
            await iptables("-t", "nat", "-X")(lab);
        },
    };
}

function nftDamages(): Record<string, (lab: Lab) => Promise<unknown>> {
    const nft =
        (...args: string[]) =>
        async (lab: Lab): Promise<unknown> =>
            lab.run("node", "nft", ...args);
    return {
        "its table": nft("delete", "table", "ip", "wukong"),
        "all rules of the kernel": nft("flush", "ruleset"),
        "the rules of a chain": nft("flush", "chain", "ip", "wukong", "services"),
        "an element": nft("delete", "element", "ip", "wukong", "node-services", "{", "tcp", ".", "30080", "}"),
        "the elements of a map": nft("flush", "map", "ip", "wukong", "services"),
        "the table of IPv6": nft("delete", "table", "ip6", "wukong"),
        "a base chain's jump": nft("flush", "chain", "ip", "wukong", "prerouting"),
    };
}

/** The kernel's own chains, which iptables makes when it is first used and never removes. */
const NAT_CHAINS = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"].map((chain) => `:${chain} ACCEPT [0:0]\n`).join("");
const FILTER_CHAINS = ["INPUT", "FORWARD", "OUTPUT"].map((chain) => `:${chain} ACCEPT [0:0]\n`).join("");

const FIREWALL_CHAIN = `*filter
${FILTER_CHAINS}:KUBE-FIREWALL - [0:0]
-A OUTPUT -j KUBE-FIREWALL
COMMIT
*nat
${NAT_CHAINS}COMMIT
`;

/** What a kube-proxy has in the kernel, in the shape of each of its modes; one of them serves 10.96.255.1 by VM c. */
export const KUBE_PROXY_RULES: Record<string, string> = {
    nft: `table ip kube-proxy {
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.255.2 . tcp . 80 : drop } }
    chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
}
`,
    "iptables-nft-restore": kubeChains(),
    "iptables-legacy-restore": FIREWALL_CHAIN,
    "ip6tables-nft-restore": FIREWALL_CHAIN,
    "ip6tables-legacy-restore": FIREWALL_CHAIN,
};

function kubeChains(): string {
    return `*filter
${FILTER_CHAINS}:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
*nat
${NAT_CHAINS}:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -d 10.96.255.1/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-ABCDEFGHIJKLMNOP
-A KUBE-SVC-ABCDEFGHIJKLMNOP -j KUBE-MARK-MASQ
-A KUBE-SVC-ABCDEFGHIJKLMNOP -p tcp -m tcp -j DNAT --to-destination ${addressOf("c")}:8080
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
`;
}
