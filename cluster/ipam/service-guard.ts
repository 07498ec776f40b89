import type { ClusterClient, KubernetesObject } from "../client";
import { ClusterError, hasReason } from "../errors";
import { IP_ADDRESS, IP_RESERVATION } from "../kinds";
import { patchUnchanged } from "../unchanged";
import type { Reservation } from "./objects";

/** By whom an IPAddress is looked after: the API server repairs only its own. */
const MANAGED_BY = "ipaddress.kubernetes.io/managed-by";
const FAMILY = "ipaddress.kubernetes.io/ip-family";

/** IPAddress of networking.k8s.io, which is to a Service's clusterIP what a reservation is to a NIC's address (KEP-1880). */
interface IPAddress extends KubernetesObject {
    spec?: { parentRef?: { group?: string; resource?: string; namespace?: string; name?: string } };
}

type OwnerReference = NonNullable<KubernetesObject["metadata"]["ownerReferences"]>[number];

/** How often a guard may change while it is looked at. */
const MAX_TRIES = 8;

/**
 * Keeps the API server from giving a reserved address, of a ServiceCIDR, to a Service. The guard goes with the reservation,
 * by the garbage collector.
 * @returns the Service that has the address already
 */
export async function guardAgainstServices(
    client: ClusterClient,
    { metadata, spec }: Reservation,
): Promise<string | undefined> {
    const owner: OwnerReference = {
        apiVersion: `${IP_RESERVATION.group}/${IP_RESERVATION.version}`,
        kind: IP_RESERVATION.kind,
        name: metadata.name,
        uid: metadata.uid ?? "",
    };
    const guard: IPAddress = {
        apiVersion: `${IP_ADDRESS.group}/${IP_ADDRESS.version}`,
        kind: IP_ADDRESS.kind,
        metadata: {
            name: spec.address,
            labels: { [MANAGED_BY]: "pulumi-wukong", [FAMILY]: spec.family },
            ownerReferences: [owner],
        },
        spec: { parentRef: { group: IP_RESERVATION.group, resource: IP_RESERVATION.plural, name: metadata.name } },
    };
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        try {
            await client.create(IP_ADDRESS, guard);
            return undefined;
        } catch (error) {
            if (!hasReason(error, "already-exists")) {
                throw error;
            }
        }
        const found = await client.find<IPAddress>(IP_ADDRESS, undefined, spec.address);
        if (!found) {
            continue; // it went with what it was for
        }
        const parent = found.spec?.parentRef;
        if (parent?.group !== IP_RESERVATION.group) {
            return parent?.resource === "services"
                ? `Service ${parent.namespace ?? ""}/${parent.name ?? ""} (clusterIP)`
                : `IPAddress ${spec.address} (of ${parent?.resource ?? "nobody"} ${parent?.name ?? ""})`;
        }
        if (await share(client, found, owner)) {
            return undefined;
        }
    }
    throw new ClusterError("conflict", `The IPAddress ${spec.address} was changed by others while it was to be made.`);
}

/**
 * Makes a guard that is there already this reservation's as well: that of another space which has the same address, or of an
 * earlier reservation with which it is about to go. It goes with the last one. False where it has changed meanwhile.
 */
async function share(client: ClusterClient, found: IPAddress, owner: OwnerReference): Promise<boolean> {
    const { ownerReferences = [] } = found.metadata;
    if (ownerReferences.some(({ uid }) => uid === owner.uid)) {
        return true;
    }
    const references = { op: "add", path: "/metadata/ownerReferences", value: [...ownerReferences, owner] } as const;
    return (await patchUnchanged(client, IP_ADDRESS, found, [references])) !== undefined;
}
