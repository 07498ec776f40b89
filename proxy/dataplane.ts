import type { ProxyPort, ProxyState } from "../core/service-proxy/model";

/** What an apply did. */
export interface Applied {
    /** `full` where all rules were written, `partial` where the changes were, `none` where there were none. */
    readonly kind: "full" | "partial" | "none";
    /** Entries of UDP flows that were removed, so that the next datagram finds an endpoint anew. */
    readonly flowsRemoved: number;
    /** What this node cannot serve, in sentences; the rest is served. */
    readonly unserved: readonly string[];
}

/** The rules of a node's kernel. The agent makes one call at a time, but for `isIntact`, during which it may apply. */
export interface Dataplane {
    /**
     * Brings the rules to the state, in one transaction for each IP family: a packet meets the old rules or the new ones.
     * The first call takes over what an agent before this one has left, without breaking a connection.
     * @throws Error with what the program of the kernel's rules said; the next call then writes all rules anew
     */
    apply(state: ProxyState): Promise<Applied>;
    /** Whether the kernel still has the rules of the last `apply`; where it has not, the next one writes all rules anew. */
    isIntact(): Promise<boolean>;
    /** Removes all rules, and nothing of anybody else's. Works also where there are none. */
    remove(): Promise<void>;
    /** The rules that decide about a port, as the kernel's program prints them, for people. */
    explain(port: ProxyPort): string[];
    /** Ends what watches the rules; they stay. */
    close(): void;
}
