import type { ClusterClient } from "./client";

/** What is read once in a run, by client and name. A failure is not remembered: whoever asks next tries again. */
export class Remembered<T> {
    private readonly readings = new WeakMap<ClusterClient, Map<string, Promise<T>>>();

    public async get(client: ClusterClient, name: string, read: () => Promise<T>): Promise<T> {
        const ofClient = this.readings.get(client) ?? new Map<string, Promise<T>>();
        this.readings.set(client, ofClient);
        const reading =
            ofClient.get(name) ??
            read().catch((error: unknown) => {
                ofClient.delete(name);
                throw error;
            });
        ofClient.set(name, reading);
        return reading;
    }
}
