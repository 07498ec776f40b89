import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import type { Ask, Told } from "./client";

/** Where the endpoints are: one host that has all these addresses. */
const ENDPOINTS = "10.200.0.0/16";
const SERVICES = "10.96.0.0/16";
/** A network that is neither the Services' nor the endpoints'. */
const CLIENT = "192.0.2.2";

const IP = "/usr/sbin/ip";

let stands = 0;

/**
 * A node, a client behind one of its interfaces and the endpoints behind another, as network namespaces. In the node the
 * API server is reached on loopback at its own port, as it is outside.
 */
export class ProxyStand {
    private readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-proxy-"));
    private readonly prefix = `wukong-bench-${String(process.pid)}-${String((stands += 1))}`;
    private readonly namespaces: string[] = [];
    private readonly programs: ChildProcess[] = [];
    private relay: net.Server | undefined;
    private readonly relayed = new Set<net.Socket>();
    private client: ChildProcess | undefined;

    private constructor(private readonly apiServerPort: number) {}

    /** @param apiServerPort port of the API server on this machine's loopback */
    static async create(apiServerPort: number): Promise<ProxyStand> {
        const stand = new ProxyStand(apiServerPort);
        try {
            await stand.build();
            return stand;
        } catch (error) {
            await stand.dispose();
            throw error;
        }
    }

    /** Starts a program in the node; its output goes to a file that `log` gives. */
    start(file: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
        const log = fs.openSync(path.join(this.directory, "log"), "a");
        // `ip` is found on this process's PATH, the program on that of its environment.
        const program = spawn(IP, this.inNode([file, ...args]), {
            stdio: ["ignore", log, log],
            env: { ...process.env, ...environment },
        });
        fs.closeSync(log);
        this.programs.push(program);
        return program;
    }

    /** The arguments with which `ip` runs a command in the node. */
    inNode(command: readonly string[]): string[] {
        return ["netns", "exec", this.nameOf("node"), ...command];
    }

    /** Cuts the node's connections to the API server, and lets it make no other. */
    loseApiServer(): void {
        this.relay?.close();
        this.relayed.forEach((connection) => connection.destroy());
    }

    /** Lets the node reach the API server again. */
    async findApiServer(): Promise<void> {
        const socket = path.join(this.directory, "api-server");
        fs.rmSync(socket, { force: true });
        this.relay = net.createServer((one) => {
            this.relayed.add(one);
            one.on("close", () => this.relayed.delete(one));
            join(one, net.connect(this.apiServerPort, "127.0.0.1"));
        });
        this.relay.listen(socket);
        await once(this.relay, "listening");
    }

    log(): string {
        return fs.readFileSync(path.join(this.directory, "log"), "utf8").slice(-4_000);
    }

    /** Ends a program, by force. */
    async end(program: ChildProcess): Promise<void> {
        if (program.exitCode === null && program.signalCode === null) {
            const ended = once(program, "exit");
            program.kill("SIGKILL");
            await ended;
        }
    }

    /** Has the client do something. */
    async ask(question: Ask): Promise<Told> {
        if (!this.client) {
            throw new Error("The stand is not built.");
        }
        const answer = once(this.client, "message") as Promise<[Told]>;
        this.client.send(question);
        const [told] = await answer;
        return told;
    }

    /** Takes everything away again. */
    async dispose(): Promise<void> {
        for (const program of this.programs.reverse()) {
            await this.end(program);
        }
        this.loseApiServer();
        for (const namespace of this.namespaces) {
            execFileSync("ip", ["netns", "delete", namespace]);
        }
        fs.rmSync(this.directory, { recursive: true, force: true });
    }

    private async build(): Promise<void> {
        for (const name of ["node", "client", "backend"]) {
            execFileSync("ip", ["netns", "add", this.nameOf(name)]);
            this.namespaces.push(this.nameOf(name));
            this.ip(name, "link set lo up");
        }
        this.connect("client", "192.0.2.1/24", `${CLIENT}/24`);
        this.connect("backend", "198.51.100.1/24", "198.51.100.2/24");
        // Where no rule takes a connection to a Service, it is refused over there: the node itself would say no only once in
        // a second (ip_error in the kernel's net/ipv4/route.c), and a client try again after as long.
        for (const network of [ENDPOINTS, SERVICES]) {
            this.ip("node", `route add ${network} via 198.51.100.2`);
            this.ip("backend", `route add local ${network} dev lo`);
        }
        this.sysctl("node", "net.ipv4.ip_forward=1");
        await this.findApiServer();
        await Promise.all([
            this.fork("node", "relay.js", [String(this.apiServerPort), path.join(this.directory, "api-server")]),
            this.fork("backend", "backend.js", ["8080"]),
        ]);
        this.client = await this.fork("client", "client.js", []);
    }

    /** A program of ours that says by a message that it is ready. */
    private async fork(namespace: string, script: string, args: string[]): Promise<ChildProcess> {
        const program = fork(path.join(__dirname, script), args, {
            execPath: "ip",
            execArgv: ["netns", "exec", this.nameOf(namespace), process.execPath],
        });
        this.programs.push(program);
        await once(program, "message");
        return program;
    }

    private connect(name: string, atNode: string, atHost: string): void {
        this.ip("node", `link add ${name} type veth peer name eth0 netns ${this.nameOf(name)}`);
        this.ip("node", `addr add ${atNode} dev ${name}`);
        this.ip("node", `link set ${name} up`);
        this.ip(name, `addr add ${atHost} dev eth0`);
        this.ip(name, "link set eth0 up");
        this.ip(name, `route add default via ${atNode.replace(/\/.*/, "")}`);
    }

    private ip(namespace: string, command: string): void {
        execFileSync("ip", ["-n", this.nameOf(namespace), ...command.split(" ")]);
    }

    private sysctl(namespace: string, setting: string): void {
        execFileSync("ip", ["netns", "exec", this.nameOf(namespace), "sysctl", "-qw", setting]);
    }

    private nameOf(name: string): string {
        return `${this.prefix}-${name}`;
    }
}

/** Lets two connections be one. */
export function join(one: net.Socket, other: net.Socket): void {
    one.pipe(other).pipe(one);
    for (const [end, opposite] of [
        [one, other],
        [other, one],
    ] as const) {
        end.on("error", () => opposite.destroy());
        end.on("close", () => opposite.destroy());
    }
}
