import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { ProxyPort, ProxyState } from "../../../core/service-proxy/model";
import { IptablesDataplane } from "../../../proxy/dataplane/iptables";
import { NftablesDataplane } from "../../../proxy/dataplane/nftables";
import type { Dataplane } from "../../../proxy/dataplane";
import type { Request } from "./requests";

// Run inside a network namespace, as a machine of the lab: serves, asks, and, in the node, holds the dataplane. Requests come
// over the channel to its parent, which it ends with.

const servers = new Map<string, Server | UdpSocket>();
const connections = new Map<string, Socket>();
const sockets = new Map<string, UdpSocket>();
/** Ports by their text, as an agent hands over the same object for a port that has not changed. */
const ports = new Map<string, ProxyPort>();
let dataplane: Dataplane | undefined;
const PATH = process.env["PATH"] ?? "";

process.on("disconnect", () => process.exit());
process.on("message", ({ id, request }: { id: number; request: Request }) => {
    answer(request).then(
        (result) => process.send?.({ id, result }),
        (error: unknown) => process.send?.({ id, error: (error as Error).message }),
    );
});

async function answer(request: Request): Promise<unknown> {
    switch (request.do) {
        case "serve":
            return serve(request.protocol, request.port, request.name);
        case "stop":
            servers.get(`${request.protocol} ${String(request.port)}`)?.close();
            servers.delete(`${request.protocol} ${String(request.port)}`);
            return undefined;
        case "connect":
            return connectTimes(request);
        case "open":
            return open(request.connection, request.host, request.port);
        case "say":
            return say(connections.get(request.connection)!, request.text, request.patienceMs);
        case "ask":
            return ask(request);
        case "dataplane":
            if (dataplane instanceof NftablesDataplane) {
                dataplane.close();
            }
            dataplane = await create(request);
            return undefined;
        case "shadow":
            process.env["PATH"] = [...(request.folder === undefined ? [] : [request.folder]), PATH].join(delimiter);
            return undefined;
        case "apply":
            return dataplane!.apply(interned(request.state));
        case "isIntact":
            return dataplane!.isIntact();
        case "remove":
            return dataplane!.remove();
        case "explain":
            return dataplane!.explain(interned({ ports: [request.port] }).ports[0]!);
    }
}

async function create({ mode, prefix, without }: Extract<Request, { do: "dataplane" }>): Promise<Dataplane> {
    const path = process.env["PATH"] ?? "";
    const bin = without === undefined ? undefined : folderWithout(path, without);
    process.env["PATH"] = bin ?? path;
    try {
        return mode === "nftables"
            ? await NftablesDataplane.create()
            : await IptablesDataplane.create({
                  flavour: mode === "iptables-nft" ? "nft" : "legacy",
                  ...(prefix !== undefined && { prefix }),
              });
    } finally {
        process.env["PATH"] = path;
        if (bin !== undefined) {
            rmSync(bin, { recursive: true });
        }
    }
}

/** A folder with the programs of a PATH that a dataplane may want, but one. */
function folderWithout(path: string, program: string): string {
    const bin = mkdtempSync(join(tmpdir(), "wukong-bin-"));
    for (const folder of path.split(delimiter)) {
        for (const name of ["nft", "conntrack", "iptables-legacy", "iptables-legacy-save", "iptables-legacy-restore"]) {
            if (name !== program && existsSync(join(folder, name)) && !existsSync(join(bin, name))) {
                symlinkSync(join(folder, name), join(bin, name));
            }
        }
    }
    return bin;
}

function interned(state: ProxyState): ProxyState {
    return {
        ports: state.ports.map((port) => {
            const text = JSON.stringify(port);
            ports.set(text, ports.get(text) ?? port);
            return ports.get(text)!;
        }),
    };
}

/** Says its name and the client's address to whoever comes, and what is said to it after that back. */
async function serve(protocol: "TCP" | "UDP", port: number, name: string): Promise<void> {
    if (protocol === "UDP") {
        for (const [type, address] of [
            ["udp4", "0.0.0.0"],
            ["udp6", "::"],
        ] as const) {
            const socket = createSocket({ type, ipv6Only: type === "udp6" });
            socket.on("message", (_, from) => {
                socket.send(`${name} ${from.address}`, from.port, from.address);
            });
            socket.bind(port, address);
            await once(socket, "listening");
            servers.set(`UDP ${String(port)}${type === "udp4" ? "" : " 6"}`, socket);
        }
        return;
    }
    const server = createServer((socket) => {
        socket.write(`${name} ${(socket.remoteAddress ?? "").replace("::ffff:", "")}`);
        socket.pipe(socket);
        socket.on("error", () => undefined);
    });
    server.listen(port, "::");
    await once(server, "listening");
    servers.set(`TCP ${String(port)}`, server);
}

/** Connects, several at a time, and tells for each connection what the server said, or the error. */
async function connectTimes(request: Extract<Request, { do: "connect" }>): Promise<string[]> {
    const results: string[] = [];
    let begun = 0;
    const work = async (): Promise<void> => {
        while (begun < request.times) {
            begun += 1;
            results.push(await connectOnce(request));
        }
    };
    await Promise.all(Array.from({ length: request.atOnce }, work));
    return results;
}

async function connectOnce({ host, port, patienceMs }: Extract<Request, { do: "connect" }>): Promise<string> {
    const socket = connect({ host, port, timeout: patienceMs });
    return new Promise((resolve) => {
        const end = (result: string): void => {
            resolve(result);
            socket.resetAndDestroy();
        };
        socket.once("data", (data: Buffer) => end(data.toString()));
        socket.once("timeout", () => end("timeout"));
        socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    });
}

async function open(name: string, host: string, port: number): Promise<string> {
    const socket = connect({ host, port });
    socket.on("error", () => undefined);
    connections.set(name, socket);
    const [data] = (await once(socket, "data")) as [Buffer];
    return data.toString();
}

async function say(socket: Socket, text: string, patienceMs: number): Promise<string> {
    return new Promise((resolve) => {
        const timer = setTimeout(() => resolve("timeout"), patienceMs);
        const end = (result: string): void => {
            clearTimeout(timer);
            resolve(result);
        };
        socket.once("data", (data: Buffer) => end(data.toString()));
        socket.once("close", () => end("closed"));
        if (socket.destroyed) {
            end("closed");
        } else {
            socket.write(text);
        }
    });
}

/** Sends a datagram by a socket that stays, or by one of its own, until it is answered. */
async function ask(request: Extract<Request, { do: "ask" }>): Promise<string> {
    const { host, port, socket: name, bytes, patienceMs } = request;
    const kept = name === undefined ? undefined : sockets.get(name);
    const socket = kept ?? createSocket(host.includes(":") ? "udp6" : "udp4");
    if (kept === undefined) {
        socket.connect(port, host);
        await once(socket, "connect");
    }
    if (name !== undefined) {
        sockets.set(name, socket);
    }
    const result = await new Promise<string>((resolve) => {
        const timer = setTimeout(() => end("timeout"), patienceMs);
        const again = setInterval(() => socket.send("?".repeat(bytes)), 100);
        const end = (text: string): void => {
            clearTimeout(timer);
            clearInterval(again);
            resolve(text);
        };
        socket.once("message", (message) => end(message.toString()));
        socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
        socket.send("?".repeat(bytes));
    });
    socket.removeAllListeners();
    socket.on("error", () => undefined); // the answer to an earlier datagram
    if (name === undefined) {
        socket.close();
    }
    return result;
}
