import * as net from "node:net";
import type { Ports } from "./commands";

/**
 * Asks the operating system for free ports on 127.0.0.1, all at the same time so that they differ. Ports given are kept.
 */
export async function choosePorts(given: Partial<Ports>): Promise<Ports> {
    const names = [
        "etcd",
        "etcdPeer",
        "apiServer",
        "controllerManager",
        "virtApi",
        "virtApiConsole",
        "virtController",
    ] as const;
    const servers = await Promise.all(names.map(listenAnywhere));
    const free = servers.map((server) => (server.address() as net.AddressInfo).port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    const chosen = Object.fromEntries(names.map((name, index) => [name, given[name] ?? free[index]]));
    return chosen as unknown as Ports;
}

function listenAnywhere(): Promise<net.Server> {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => resolve(server));
    });
}
