import type { ClusterClient, KubernetesObject } from "../client";
import { ClusterError, hasReason } from "../errors";
import { IP_ADDRESS, IP_RESERVATION } from "../kinds";
import type { Reservation } from "./objects";

/** By whom an IPAddress is looked after: the API server repairs only its own. */
const MANAGED_BY = "ipaddress.kubernetes.io/managed-by";
const FAMILY = "ipaddress.kubernetes.io/ip-family";

/** IPAddress of networking.k8s.io, which is to a Service's clusterIP what a reservation is to a NIC's address (KEP-1880). */
interface IPAddress extends KubernetesObject {
    spec?: { parentRef?: { group?: string; resource?: string; namespace?: string; name?: string } };
}

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
    const guard: IPAddress = {
        apiVersion: `${IP_ADDRESS.group}/${IP_ADDRESS.version}`,
        kind: IP_ADDRESS.kind,
        metadata: {
            name: spec.address,
            labels: { [MANAGED_BY]: "pulumi-wukong", [FAMILY]: spec.family },
            ownerReferences: [
                {
                    apiVersion: `${IP_RESERVATION.group}/${IP_RESERVATION.version}`,
                    kind: IP_RESERVATION.kind,
                    name: metadata.name,
                    uid: metadata.uid ?? "",
                },
            ],
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
        const parent = found?.spec?.parentRef;
        if (found && parent?.group !== IP_RESERVATION.group) {
            return parent?.resource === "services"
                ? `Service ${parent.namespace ?? ""}/${parent.name ?? ""} (clusterIP)`
                : `IPAddress ${spec.address} (of ${parent?.resource ?? "nobody"} ${parent?.name ?? ""})`;
        }
        const { uid, ownerReferences = [] } = found?.metadata ?? {};
        if (ownerReferences.some((owner) => owner.uid === metadata.uid) || parent?.name !== metadata.name) {
            return undefined; // this reservation's, or that of another space which has the same address
        }
        if (uid !== undefined) {
            // That of an earlier reservation of the address, and about to go with it.
            await client.delete(IP_ADDRESS, undefined, spec.address, { uid });
        }
    }
    throw new ClusterError("conflict", `The IPAddress ${spec.address} was changed by others while it was to be made.`);
}
