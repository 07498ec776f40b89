import type { ProxyPort, ProxyState } from "../../../core/service-proxy/model";

export type DataplaneMode = "nftables" | "iptables-nft" | "iptables-legacy";

/** What a machine of the lab is asked to do (see actor.ts). */
export type Request =
    | { do: "serve"; protocol: "TCP" | "UDP"; port: number; name: string }
    | { do: "stop"; protocol: "TCP" | "UDP"; port: number }
    | { do: "connect"; host: string; port: number; times: number; atOnce: number; patienceMs: number }
    | { do: "open"; connection: string; host: string; port: number }
    | { do: "say"; connection: string; text: string; patienceMs: number }
    | { do: "ask"; host: string; port: number; socket?: string; bytes: number; patienceMs: number }
    | { do: "dataplane"; mode: DataplaneMode; prefix?: string; without?: string }
    | { do: "shadow"; folder?: string }
    | { do: "apply"; state: ProxyState }
    | { do: "isIntact" }
    | { do: "remove" }
    | { do: "explain"; port: ProxyPort };
