import type { EndpointsReport } from "../../core/service-proxy/endpoints";
import type { ProxyPort } from "../../core/service-proxy/model";
import type { EndpointFlows, SyncView } from "../../core/service-proxy/status-view";

/** A Service that this node serves, or would if nothing stood against it. */
export interface ServedService {
    readonly namespace: string;
    readonly name: string;
    readonly type: string;
    /** As the last plan has them; none where the Service cannot be served at all. */
    readonly ports: readonly ProxyPort[];
    /** Absent until the rules have been written for the first time. */
    readonly lastSync?: SyncView;
    /** What of it cannot be served, as sentences. */
    readonly problems: readonly string[];
}

/** What the status API tells: the agent's loop has it. */
export interface StatusSource {
    /** All Services that are the agent's, in the order of namespace and name. */
    services(): readonly ServedService[];
    service(namespace: string, name: string): ServedService | undefined;
    /** The rules that decide about a port (see `Dataplane.explain`). */
    explain(port: ProxyPort): readonly string[];
    /** How many connections go to each endpoint of a Service now. */
    flows(service: ServedService): Promise<readonly EndpointFlows[]>;
    /** Which VMs are endpoints, and why others are not (`reportEndpointsOf` of cluster/service-endpoints.ts). */
    report(namespace: string, name: string): Promise<EndpointsReport>;
    /** Whether the loop still turns; where it does not, the agent is to be started anew. */
    isAlive(): boolean;
    /** Whether the rules are those of the cluster's state, as far as it is known. */
    isHealthy(): boolean;
}
