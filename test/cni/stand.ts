import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { cniConfig, type CniNetworkSpec } from "../../core/cni-config";
import { command, type Finished } from "../support/command";

const ECHO = path.join(__dirname, "udp-echo.js");
const PORT = 7007;

/** Address of the host behind the node's uplink. */
export const OUTSIDE = "10.9.0.1";

/** A guest behind what KubeVirt makes of the NIC that a CNI plugin gave its pod. */
export interface Guest {
    readonly name: string;
    readonly address: string;
    readonly mac: string;
}

let stands = 0;

/**
 * A node, and a host on the other end of its uplink `eth1`, as network namespaces: all of it goes with them, and nothing
 * touches the machine's own network. CNI plugins are called as a container runtime calls them, by cnitool.
 */
export class Stand {
    private readonly prefix = `wukong-${String(process.pid)}-${String((stands += 1))}`;
    private readonly directory = mkdtempSync(path.join(tmpdir(), "wukong-cni-"));
    private readonly namespaces: string[] = [];
    private readonly servers: ChildProcess[] = [];
    private readonly added: { network: string; config: string; pod: string }[] = [];

    private constructor(private readonly programs: string) {}

    /**
     * @param programs folder of cnitool and the plugins
     * @param bridge name of a bridge to put the uplink into
     */
    static async create(programs: string, { bridge }: { bridge?: string } = {}): Promise<Stand> {
        const stand = new Stand(programs);
        try {
            const node = await stand.namespace("node");
            const outside = await stand.namespace("outside");
            await stand.ip(node, `link add eth1 type veth peer name eth0 netns ${outside}`);
            if (bridge !== undefined) {
                await stand.ip(node, `link add ${bridge} type bridge`, `link set ${bridge} up`);
                await stand.ip(node, `link set eth1 master ${bridge}`);
            }
            await stand.ip(node, "link set eth1 up");
            await stand.ip(outside, `addr add ${OUTSIDE}/24 dev eth0`, "link set eth0 up");
            await stand.serve(outside, OUTSIDE);
            return stand;
        } catch (error) {
            await stand.dispose();
            throw error;
        }
    }

    /** Calls the plugin of a network, as our code renders it, for a pod. */
    async cni(verb: "add" | "check" | "del", network: CniNetworkSpec, pod: string, mac?: string): Promise<Finished> {
        return this.cniRaw(verb, network.name, cniConfig(network), pod, mac);
    }

    /** As `cni`, with a configuration of anybody's. */
    async cniRaw(verb: string, network: string, config: string, pod: string, mac?: string): Promise<Finished> {
        const podNamespace = await this.namespace(pod);
        const name = `${this.prefix}-${network}`;
        const text = JSON.stringify({ ...(JSON.parse(config) as object), name });
        writeFileSync(path.join(this.directory, `${name}.conf`), text);
        if (verb === "add") {
            this.added.push({ network, config, pod });
        }
        const cnitool = [path.join(this.programs, "cnitool"), verb, name, `/run/netns/${podNamespace}`];
        return command("ip", ["netns", "exec", this.nameOf("node"), ...cnitool], {
            cwd: this.directory,
            env: {
                PATH: process.env.PATH,
                CNI_PATH: this.programs,
                NETCONFPATH: this.directory,
                CNI_IFNAME: "net1",
                ...(mac !== undefined && { CNI_ARGS: `IgnoreUnknown=1;MAC=${mac}` }),
            },
        });
    }

    /**
     * What KubeVirt's bridge binding does to the pod's NIC (pkg/network/setup/netpod/netpod.go): another name and a random
     * MAC address, into a bridge of its own without learning; the guest, on a tap in the same bridge, has the MAC address.
     */
    async bind(pod: string, host: number): Promise<Guest> {
        const podNamespace = await this.namespace(pod);
        const guest = await this.namespace(`${pod}-guest`);
        const [, mac = ""] = /link\/ether (\S+)/.exec(await this.ip(podNamespace, "link show net1")) ?? [];
        await this.ip(podNamespace, "link set net1 down", "link set net1 name net1-nic");
        await this.ip(podNamespace, `link set net1-nic address 02:00:5e:10:00:${hex(host)}`);
        await this.ip(podNamespace, "link add k6t-net1 type bridge", "link set net1-nic master k6t-net1");
        await this.run("bridge", ["-n", podNamespace, "link", "set", "dev", "net1-nic", "learning", "off"]);
        await this.ip(podNamespace, `link add tap-net1 type veth peer name eth0 netns ${guest}`);
        await this.ip(podNamespace, "link set tap-net1 master k6t-net1");
        for (const device of ["k6t-net1", "net1-nic", "tap-net1"]) {
            await this.ip(podNamespace, `link set ${device} up`);
        }
        const address = `10.9.0.${String(host)}`;
        await this.ip(guest, `link set eth0 address ${mac}`, "link set eth0 up", `addr add ${address}/24 dev eth0`);
        await this.serve(guest, address);
        return { name: `${pod}-guest`, address, mac };
    }

    /** Adds the network to a new pod and binds a guest to it. */
    async guest(network: CniNetworkSpec, pod: string, host: number): Promise<Guest> {
        const { code, text } = await this.cni("add", network, pod, `02:4b:11:00:00:${hex(host)}`);
        if (code !== 0) {
            throw new Error(`cnitool add of ${network.name} failed: ${text}`);
        }
        return this.bind(pod, host);
    }

    /** Whether a datagram from a guest (or from `outside`) is answered, of those of ten seconds. */
    async reaches(from: Guest | "outside", to: string): Promise<boolean> {
        return this.isAnswered(from, to, 100);
    }

    /** Whether a datagram is answered, of those of one second; use it where none should be, after `reaches` was true. */
    async isHeard(from: Guest | "outside", to: string): Promise<boolean> {
        return this.isAnswered(from, to, 10);
    }

    /** Runs `ip` in the node, the host outside, a pod or a guest; gives what the last of the commands printed. */
    async ipIn(name: string, ...commands: string[]): Promise<string> {
        return this.ip(this.nameOf(name), ...commands);
    }

    /** The VLANs of the ports of a bridge that plugins have made, but not of its uplink, as `bridge vlan` prints them. */
    async vlansOfPorts(bridge: string): Promise<string[]> {
        const node = this.nameOf("node");
        const text = await this.run("bridge", ["-n", node, "vlan", "show"]);
        const ports = text
            .split(/^(?=\S)/m)
            .filter((port) => !/^(port|eth1|lo)\b/.test(port) && !port.startsWith(bridge));
        return ports.flatMap((port) =>
            port
                .replace(/^\S+/, "")
                .split("\n")
                .map((line) => line.trim())
                .filter((line) => line !== ""),
        );
    }

    /** Takes everything away again, whatever state it is in. */
    async dispose(): Promise<void> {
        // Also what libcni has written down about it.
        for (const { network, config, pod } of this.added) {
            await this.cniRaw("del", network, config, pod).catch(() => undefined);
        }
        for (const server of this.servers) {
            const ended = once(server, "close");
            server.kill();
            await ended;
        }
        for (const namespace of this.namespaces) {
            await command("ip", ["netns", "delete", namespace], { cwd: this.directory });
        }
        rmSync(this.directory, { recursive: true, force: true });
    }

    private async isAnswered(from: Guest | "outside", to: string, times: number): Promise<boolean> {
        const namespace = this.nameOf(from === "outside" ? from : from.name);
        const ask = [process.execPath, ECHO, "ask", to, String(PORT), String(times)];
        const { code } = await command("ip", ["netns", "exec", namespace, ...ask], { cwd: this.directory });
        return code === 0;
    }

    private async serve(namespace: string, address: string): Promise<void> {
        const args = ["netns", "exec", namespace, process.execPath, ECHO, "serve", address, String(PORT)];
        const server = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] });
        this.servers.push(server);
        await Promise.race([
            once(server.stdout, "data"),
            once(server, "close").then(() => Promise.reject(new Error(`The echo in ${namespace} did not start.`))),
        ]);
    }

    private nameOf(name: string): string {
        return `${this.prefix}-${name}`;
    }

    /** Makes a namespace where there is none of the name. */
    private async namespace(name: string): Promise<string> {
        const namespace = this.nameOf(name);
        if (!this.namespaces.includes(namespace)) {
            await this.run("ip", ["netns", "add", namespace]);
            this.namespaces.push(namespace);
        }
        return namespace;
    }

    private async ip(namespace: string, ...commands: string[]): Promise<string> {
        let text = "";
        for (const each of commands) {
            text = await this.run("ip", ["-n", namespace, ...each.split(" ")]);
        }
        return text;
    }

    private async run(program: string, args: string[]): Promise<string> {
        const { code, text } = await command(program, args, { cwd: this.directory });
        if (code !== 0) {
            throw new Error(`${program} ${args.join(" ")}: ${text}`);
        }
        return text;
    }
}

function hex(value: number): string {
    return value.toString(16).padStart(2, "0");
}
