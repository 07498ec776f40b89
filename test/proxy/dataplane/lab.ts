import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { ProxyPort } from "../../../core/service-proxy/model";
import type { Applied } from "../../../proxy/dataplane";
import { command } from "../../support/command";
import type { DataplaneMode, Request } from "./requests";

const ACTOR = path.join(__dirname, "actor.js");

/** Machines of the lab: the node, a host outside, and VMs on a bridge of the node. Only `a`, `b` and `c` serve. */
export type Machine = "node" | "outside" | Vm;
export type Vm = "a" | "b" | "c" | "client";

const HOSTS: Record<Vm, number> = { a: 11, b: 12, c: 13, client: 20 };

/** Addresses of the node: at its uplink and at the VMs' bridge. */
export const NODE = { uplink: "192.0.2.1", bridge: "10.10.0.1", uplink6: "2001:db8:2::1" } as const;
export const OUTSIDE = { 4: "192.0.2.2", 6: "2001:db8:2::2" } as const;
export const VM_SUBNET = { 4: "10.10.0.0/24", 6: "fd00:10::/64" } as const;

export function addressOf(vm: Vm, family: 4 | 6 = 4): string {
    return family === 4 ? `10.10.0.${String(HOSTS[vm])}` : `fd00:10::${String(HOSTS[vm])}`;
}

/** What the servers `a`, `b` and `c` answer on, by both protocols. */
export const SERVER_PORTS = [8080, 8081] as const;

/** How long a machine waits for an answer that should come, and for one that should not. */
export const PATIENT_MS = 5000;
export const IMPATIENT_MS = 400;

/** How long it waits where any answer is told apart from the expected one. */
export const CURSORY_MS = 100;

/** A rule of somebody else's: without any that asks for it, the kernel tracks no connections. */
const CONNECTION_TRACKING = `table inet lab {
    chain tracking {
        type filter hook prerouting priority 0;
        ct state new accept
    }
}
`;

let labs = 0;

interface Waiting {
    readonly machine: Machine;
    readonly resolve: (result: never) => void;
    readonly reject: (error: Error) => void;
}

/**
 * A node between a network outside and VMs on a bridge, all as network namespaces. The VMs' gateway is the node, as is that
 * of the host outside to everything; addresses of Services lead to the node, where a packet to one vanishes without rules.
 */
export class Lab {
    private readonly prefix = `wukong-proxy-${String(process.pid)}-${String((labs += 1))}`;
    private readonly namespaces: string[] = [];
    private readonly actors = new Map<Machine, ChildProcess>();
    private readonly answers = new Map<number, Waiting>();
    private requests = 0;

    private constructor() {}

    public static async create(): Promise<Lab> {
        const lab = new Lab();
        try {
            await lab.build();
            return lab;
        } catch (error) {
            await lab.dispose();
            throw error;
        }
    }

    /** Whether connections to a port are answered, and what each is told: the server's name and the client's address. */
    public async connect(
        from: Machine,
        host: string,
        port: number,
        { times = 1, patienceMs = PATIENT_MS, atOnce = 1 } = {},
    ): Promise<string[]> {
        return this.request(from, { do: "connect", host, port, times, atOnce, patienceMs });
    }

    /** What a datagram is answered; with a socket's name, by the same socket each time. */
    public async ask(
        from: Machine,
        host: string,
        port: number,
        { patienceMs = PATIENT_MS, bytes = 1, socket }: { patienceMs?: number; bytes?: number; socket?: string } = {},
    ): Promise<string> {
        return this.request(from, {
            do: "ask",
            host,
            port,
            patienceMs,
            bytes,
            ...(socket !== undefined && { socket }),
        });
    }

    public async start(mode: DataplaneMode): Promise<void> {
        await this.request("node", { do: "dataplane", mode });
    }

    public async apply(...ports: ProxyPort[]): Promise<Applied> {
        return this.request("node", { do: "apply", state: { ports } });
    }

    public async isIntact(): Promise<boolean> {
        return this.request("node", { do: "isIntact" });
    }

    public async remove(): Promise<void> {
        await this.request("node", { do: "remove" });
    }

    public async request<T>(machine: Machine, request: Request): Promise<T> {
        const actor = await this.actor(machine);
        const id = (this.requests += 1);
        const answer = new Promise<T>((resolve, reject) => this.answers.set(id, { machine, resolve, reject }));
        actor.send({ id, request });
        return answer;
    }

    /** Ends the process of a machine at once, and everything that it held. */
    public async kill(machine: Machine): Promise<void> {
        const actor = this.actors.get(machine);
        this.actors.delete(machine);
        if (actor?.exitCode === null && actor.signalCode === null) {
            const closed = once(actor, "close");
            actor.kill("SIGKILL");
            await closed;
        }
    }

    /** Runs a program in a machine's namespace; gives what it printed. */
    public async run(machine: Machine, program: string, ...args: string[]): Promise<string> {
        return run("ip", "netns", "exec", this.nameOf(machine), program, ...args);
    }

    /** As `run`, with an input. */
    public async feed(machine: Machine, input: string, program: string, ...args: string[]): Promise<void> {
        const child = spawn("ip", ["netns", "exec", this.nameOf(machine), program, ...args], {
            stdio: ["pipe", "inherit", "inherit"],
        });
        child.stdin.end(input);
        const [code] = (await once(child, "close")) as [number | null];
        if (code !== 0) {
            throw new Error(`${program} ${args.join(" ")} in ${machine} ended with ${String(code)}.`);
        }
    }

    public async dispose(): Promise<void> {
        for (const machine of [...this.actors.keys()]) {
            await this.kill(machine);
        }
        for (const namespace of this.namespaces) {
            await run("ip", "netns", "delete", namespace);
        }
    }

    private async build(): Promise<void> {
        for (const machine of ["node", "outside", ...(Object.keys(HOSTS) as Vm[])] as const) {
            await run("ip", "netns", "add", this.nameOf(machine));
            this.namespaces.push(this.nameOf(machine));
            await this.run(machine, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
            await this.ip(machine, "link set lo up");
        }
        await this.run("node", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
        await this.setBridgeNetfilter(false);
        await this.resetRules();
        await this.ip("node", `link add eth0 type veth peer name eth0 netns ${this.nameOf("outside")}`);
        await this.ip("node", "link add br0 type bridge", "link add services type bridge");
        await this.addresses("node", "br0", `${NODE.bridge}/24`, "fd00:10::1/64");
        await this.addresses("node", "eth0", `${NODE.uplink}/24`, `${NODE.uplink6}/64`);
        await this.addresses("node", "services");
        for (const services of ["10.96.0.0/16", "198.51.100.0/24", "fd00:96::/64"]) {
            await this.ip("node", `route add ${services} dev services`);
        }
        await this.addresses("outside", "eth0", `${OUTSIDE[4]}/24`, `${OUTSIDE[6]}/64`);
        await this.ip("outside", `route add default via ${NODE.uplink}`, `route add default via ${NODE.uplink6}`);
        for (const vm of Object.keys(HOSTS) as Vm[]) {
            await this.ip("node", `link add vm-${vm} type veth peer name eth0 netns ${this.nameOf(vm)}`);
            await this.ip("node", `link set vm-${vm} master br0 up`);
            await this.addresses(vm, "eth0", `${addressOf(vm)}/24`, `${addressOf(vm, 6)}/64`);
            await this.ip(vm, `route add default via ${NODE.bridge}`, "route add default via fd00:10::1");
        }
        await Promise.all(
            (["a", "b", "c"] as const).flatMap((vm) =>
                (["TCP", "UDP"] as const).flatMap((protocol) =>
                    SERVER_PORTS.map((port) => this.request(vm, { do: "serve", protocol, port, name: vm })),
                ),
            ),
        );
    }

    /** Leaves of all rules in the node's kernel only one, of somebody else's. */
    public async resetRules(): Promise<void> {
        for (const program of ["iptables-legacy", "ip6tables-legacy"]) {
            for (const table of ["nat", "filter"]) {
                await this.run("node", program, "-t", table, "-F");
                await this.run("node", program, "-t", table, "-X");
            }
        }
        await this.feed("node", `flush ruleset\n${CONNECTION_TRACKING}`, "nft", "-f", "-");
    }

    /** Whether frames between VMs on the node's bridge meet its rules (br_netfilter). */
    public async setBridgeNetfilter(isOn: boolean): Promise<void> {
        const value = isOn ? "1" : "0";
        for (const name of ["iptables", "ip6tables"]) {
            await this.run("node", "sysctl", "-qw", `net.bridge.bridge-nf-call-${name}=${value}`);
        }
    }

    private async addresses(machine: Machine, device: string, ...addresses: string[]): Promise<void> {
        await this.ip(machine, ...addresses.map((each) => `addr add ${each} dev ${device}`), `link set ${device} up`);
    }

    private async ip(machine: Machine, ...commands: string[]): Promise<void> {
        for (const each of commands) {
            await run("ip", "-n", this.nameOf(machine), ...each.split(" "));
        }
    }

    private nameOf(machine: Machine): string {
        return `${this.prefix}-${machine}`;
    }

    private async actor(machine: Machine): Promise<ChildProcess> {
        const running = this.actors.get(machine);
        if (running !== undefined) {
            return running;
        }
        const args = ["netns", "exec", this.nameOf(machine), process.execPath, "--enable-source-maps", ACTOR];
        const actor = spawn("ip", args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
        this.actors.set(machine, actor);
        actor.once("close", () => {
            for (const [id, { machine: asked, reject }] of this.answers) {
                if (asked === machine) {
                    this.answers.delete(id);
                    reject(new Error(`The process of ${machine} ended before it answered.`));
                }
            }
        });
        actor.on("message", ({ id, result, error }: { id: number; result?: never; error?: string }) => {
            const waiting = this.answers.get(id);
            this.answers.delete(id);
            if (error === undefined) {
                waiting?.resolve(result as never);
            } else {
                waiting?.reject(new Error(error));
            }
        });
        return actor;
    }
}

async function run(program: string, ...args: string[]): Promise<string> {
    const { code, text } = await command(program, args, { cwd: tmpdir() });
    if (code !== 0) {
        throw new Error(`${program} ${args.join(" ")}: ${text}`);
    }
    return text;
}
