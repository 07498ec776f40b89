import type { ClusterClient } from "./client";

/** What is read once in a run, by client and name. A failure is not remembered: whoever asks next tries again. */
export class Remembered<T> {
    private readonly readings = new WeakMap<ClusterClient, Map<string, Promise<T>>>();

    public async get(client: ClusterClient, name: string, read: () => Promise<T>): Promise<T> {
        return this.known(client, name) ?? this.renew(client, name, read);
    }

    /** What has been read, or is being read; undefined where nobody has asked for it yet. */
    public known(client: ClusterClient, name: string): Promise<T> | undefined {
        return this.readings.get(client)?.get(name);
    }

    /** Reads it anew, for those to come as well. */
    public async renew<R extends T>(client: ClusterClient, name: string, read: () => Promise<R>): Promise<R> {
        const ofClient = this.readings.get(client) ?? new Map<string, Promise<T>>();
        this.readings.set(client, ofClient);
        const reading = read().catch((error: unknown) => {
            if (ofClient.get(name) === reading) {
                ofClient.delete(name);
            }
            throw error;
        });
        ofClient.set(name, reading);
        return reading;
    }
}
