import type { ClusterClient } from "../cluster/client";
import { reportEndpointsOf } from "../cluster/service-endpoints";
import type { EndpointsReport } from "../core/service-proxy/endpoints";
import type { ProxyPort } from "../core/service-proxy/model";
import type { EndpointFlows, SyncView } from "../core/service-proxy/status-view";
import type { Agent } from "./agent";
import { connectionsTo } from "./dataplane/connections";
import type { Dataplane } from "./dataplane";
import type { ServedService, StatusSource } from "./status/source";

/** What an agent tells of itself. */
export class AgentStatus implements StatusSource {
    constructor(
        private readonly client: ClusterClient,
        private readonly agent: Agent,
        private readonly dataplane: Dataplane,
    ) {}

    public services(): readonly ServedService[] {
        const { lastSync } = this.agent;
        return [...this.agent.proxied()].map(({ service: { metadata, spec }, served }) => ({
            namespace: metadata.namespace ?? "",
            name: metadata.name,
            type: spec?.type ?? "ClusterIP",
            ports: served.ports,
            problems: served.problems,
            ...(lastSync && { lastSync: viewOf(lastSync) }),
        }));
    }

    public service(namespace: string, name: string): ServedService | undefined {
        return this.services().find((each) => each.namespace === namespace && each.name === name);
    }

    public explain(port: ProxyPort): readonly string[] {
        return this.dataplane.explain(port);
    }

    public async flows({ ports }: ServedService): Promise<readonly EndpointFlows[]> {
        return connectionsTo(ports);
    }

    public async report(namespace: string, name: string): Promise<EndpointsReport> {
        return reportEndpointsOf(this.client, namespace, name);
    }

    public isAlive(): boolean {
        return this.agent.isTurning();
    }

    public isHealthy(): boolean {
        return this.agent.unhealthy === undefined;
    }
}

function viewOf({ at, error }: { at: Date; error?: string }): SyncView {
    return { at: at.toISOString(), ...(error !== undefined && { error }) };
}
