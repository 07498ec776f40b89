import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { hasReason } from "../../cluster/errors";
import { IP_ADDRESS, SERVICE, SERVICE_CIDR, type ResourceKind } from "../../cluster/kinds";
import type { ServiceObject } from "../../core/service/objects";
import { warnOnce } from "../handler";
import { listOnce } from "../listing";

type Service = KubernetesObject & ServiceObject;

/** The Services of all namespaces; those of the own one where the user may not list all, which is told. */
export async function services(client: ClusterClient, namespace: string): Promise<Service[]> {
    try {
        return await listOnce<Service>(client, SERVICE);
    } catch (error) {
        if (!hasReason(error, "forbidden")) {
            throw error;
        }
        warnOnce(
            `The kubeconfig's user may not list services in all namespaces of the cluster at ${client.server}. Whether ` +
                `Services of other namespaces hold a nodePort, clusterIP or loadBalancerIP is not checked.`,
        );
        return listOnce<Service>(client, SERVICE, namespace);
    }
}

/** The ranges of cluster IPs; none where they cannot be had (Kubernetes before 1.33, or a user who may not). */
export async function serviceCidrs(client: ClusterClient): Promise<string[]> {
    const found = await whereReadable(
        listOnce<KubernetesObject & { spec?: { cidrs?: string[] } }>(client, SERVICE_CIDR),
    );
    return (found ?? []).flatMap(({ spec }) => spec?.cidrs ?? []);
}

interface IpAddress extends KubernetesObject {
    readonly spec?: { readonly parentRef?: { resource?: string; namespace?: string; name?: string } };
}

/** Who holds a cluster IP without being a Service's: an IPAddress is named after it. */
export async function addressHolder(client: ClusterClient, address: string): Promise<string | undefined> {
    const found = await whereReadable(client.find<IpAddress>(IP_ADDRESS, undefined, address));
    const { resource = "", namespace = "", name = "" } = found?.spec?.parentRef ?? {};
    return (
        found && `IPAddress ${found.metadata.name} (${resource} ${namespace === "" ? name : `${namespace}/${name}`})`
    );
}

/** What the cluster does not know, or the user may not read, is left out. */
export async function whereReadable<T>(reading: Promise<T>): Promise<T | undefined> {
    try {
        return await reading;
    } catch (error) {
        if (hasReason(error, "forbidden") || hasReason(error, "not-found")) {
            return undefined;
        }
        throw error;
    }
}

/** Kinds that are listed by those who ask for them only. */
export async function listedOf<T extends KubernetesObject>(
    client: ClusterClient,
    kind: ResourceKind,
    namespace: string,
): Promise<T[] | undefined> {
    return whereReadable(listOnce<T>(client, kind, namespace));
}
