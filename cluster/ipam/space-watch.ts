import type { ClusterClient } from "../client";
import { IP_RESERVATION, pathOf } from "../kinds";
import { Watch } from "../kubernetes-client";
import type { Reservation } from "./objects";

/** What happens to a reservation. */
export type ReservationEvent = "ADDED" | "MODIFIED" | "DELETED";

/** Reports what happens to the reservations that a selector names, from a version on, until it ends or is stopped. */
export class ReservationWatch {
    private open = true;
    private connection: AbortController | undefined;

    constructor(
        client: ClusterClient,
        selector: { readonly labelSelector: string; readonly resourceVersion: string },
        report: (event: ReservationEvent, reservation: Reservation) => void,
        ended: () => void,
    ) {
        const onEvent = (type: string, reservation: Reservation): void => {
            if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") {
                report(type, reservation);
            }
        };
        const onEnd = (): void => {
            if (this.open) {
                this.open = false;
                ended();
            }
        };
        new Watch(client.kubeConfig)
            .watch(pathOf(IP_RESERVATION), selector, onEvent, onEnd)
            .then((connection) => {
                this.connection = connection;
                if (!this.open) {
                    connection.abort();
                }
            })
            .catch(onEnd);
    }

    /** False once the connection has ended: what happens since is not reported. */
    public isOpen(): boolean {
        return this.open;
    }

    public stop(): void {
        this.open = false;
        this.connection?.abort();
    }
}
