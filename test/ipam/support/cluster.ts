import { after } from "mocha";
import { ClusterClient } from "../../../cluster/client";
import { loadKubeConfig } from "../../../cluster/connection";
import { testKubeconfig } from "../../support/embedded-cluster";
import { emptySpace } from "./objects";

/** A client that knows nothing of what others of this process know, as that of another process. */
export async function newClient(): Promise<ClusterClient> {
    return new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig() }));
}

let spaces = 0;

/** Address spaces that no other suite has, and that are emptied after it. */
export class TestSpaces {
    private readonly names: string[] = [];

    constructor(private readonly prefix: string) {
        const clear = async (): Promise<void> => this.clear();
        after("remove the reservations and their records", async function () {
            this.timeout(120_000);
            await clear();
        });
    }

    /** The name of another space. */
    public next(): string {
        spaces += 1;
        const name = `${this.prefix}-${String(process.pid)}-${String(spaces)}`;
        this.names.push(name);
        return name;
    }

    private async clear(): Promise<void> {
        const client = await newClient();
        for (const name of this.names.splice(0)) {
            await emptySpace(client, name);
        }
    }
}
