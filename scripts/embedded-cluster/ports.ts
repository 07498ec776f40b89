import { randomInt } from "node:crypto";
import * as net from "node:net";
import type { Ports } from "./commands";

/**
 * Chooses ports of 127.0.0.1 that nobody listens on, all at the same time so that they differ. Ports given are kept.
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

/**
 * The ports to choose from: none that a client's connection gets by itself (Linux' ip_local_port_range begins at 32768), so
 * that a server which is ended and started anew finds its own still free.
 */
const FIRST_PORT = 15_000;
const LAST_PORT = 29_999;

async function listenAnywhere(): Promise<net.Server> {
    for (;;) {
        const server = await listenOn(randomInt(FIRST_PORT, LAST_PORT + 1));
        if (server !== undefined) {
            return server;
        }
    }
}

/** Undefined where the port is taken. */
function listenOn(port: number): Promise<net.Server | undefined> {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.once("error", (error: NodeJS.ErrnoException) =>
            error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
        );
        server.listen(port, "127.0.0.1", () => resolve(server));
    });
}
