import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after } from "mocha";
import { parse, stringify } from "yaml";
import { ClusterClient, type JsonPatchOperation } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { audit, type AuditOptions, type Finding } from "../../cluster/ipam";
import { IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import type { PoolObject, Reservation } from "../../cluster/ipam/objects";
import { done, seen, testKubeconfig, until } from "../support/embedded-cluster";
import type { AddressRecords } from "./query-objects";

/** A client to which the server's clock is so many seconds ahead of what it is. */
export class LaterClient extends ClusterClient {
    /** A later one at each audit, where the test says so. */
    public aheadSeconds = 0;

    public override serverNow(): Date {
        return new Date(super.serverNow().getTime() + this.aheadSeconds * 1000);
    }
}

/** A client of the test cluster, or of a kubeconfig. */
export async function laterClient(aheadSeconds = 0, kubeconfig?: string): Promise<LaterClient> {
    const client = new LaterClient(loadKubeConfig({ kubeconfig: kubeconfig ?? (await testKubeconfig()) }));
    client.aheadSeconds = aheadSeconds;
    await client.list(IP_POOL); // reads the server's clock
    return client;
}

/** What an audit finds, in a line for each finding: class, address, and what was done. */
export async function found(client: ClusterClient, options: AuditOptions): Promise<string[]> {
    return (await audit(client, options)).map(lineOf);
}

/** A finding in a line. */
export function lineOf({ class: kind, address, fixed }: Finding): string {
    return [kind, address, fixed === undefined ? undefined : fixed ? "fixed" : "failed"]
        .filter((part) => part !== undefined)
        .join(" ");
}

/** Name of the reservation of an IPv4 address. */
export function reservationOf(space: string, address: string): string {
    return `${space}.v4-${address}`;
}

/** Changes a reservation as somebody with kubectl may. */
export async function patchReservation(
    client: ClusterClient,
    space: string,
    address: string,
    operations: readonly JsonPatchOperation[],
): Promise<void> {
    await client.patch(IP_RESERVATION, undefined, reservationOf(space, address), operations);
}

/** A reservation, or undefined. */
export async function findReservation(
    client: ClusterClient,
    space: string,
    address: string,
): Promise<Reservation | undefined> {
    return client.find<Reservation>(IP_RESERVATION, undefined, reservationOf(space, address));
}

/** Makes a pool that is held by a finalizer, and deletes it as `kubectl delete` does: it stays. */
export async function deletedPool(
    records: AddressRecords,
    name: string,
    spec: Omit<PoolObject["spec"], "space"> & { space?: string },
    finalizers: readonly string[],
): Promise<void> {
    const { client } = records;
    await records.pool(name, spec);
    await client.patch(IP_POOL, undefined, name, [{ op: "add", path: "/metadata/finalizers", value: finalizers }]);
    const { metadata } = await client.get(IP_POOL, undefined, name);
    await client.delete(IP_POOL, undefined, name, { uid: metadata.uid ?? "" });
    await until("the pool to be terminating", async () => {
        const pool = await client.find(IP_POOL, undefined, name);
        return pool?.metadata.deletionTimestamp === undefined ? seen(pool) : done(true);
    });
}

/** Lets a pool go whatever holds it. */
export async function freePool(client: ClusterClient, name: string): Promise<void> {
    if (await client.find(IP_POOL, undefined, name)) {
        await client.patch(IP_POOL, undefined, name, [{ op: "add", path: "/metadata/finalizers", value: [] }]);
    }
}

/** A kubeconfig of the administrator who speaks for another user; removed after the suite's tests. */
export async function kubeconfigAs(user: string): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), "wukong-audit-"));
    after("remove the kubeconfig", () => rmSync(folder, { recursive: true, force: true }));
    const config = parse(readFileSync(await testKubeconfig(), "utf8")) as {
        users: { user: Record<string, unknown> }[];
    };
    config.users.forEach((each) => (each.user["as"] = user));
    const file = path.join(folder, user);
    writeFileSync(file, stringify(config));
    return file;
}
