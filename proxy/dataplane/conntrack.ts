import { networkInterfaces } from "node:os";
import { changedUdpPorts, parseFlows, staleFlows, type UdpFlow } from "../../core/service-proxy/flows";
import type { ProxyPort, ProxyState } from "../../core/service-proxy/model";
import { run } from "./command";

/** Ends UDP flows whose endpoint has gone: a client that keeps its socket is otherwise sent there for as long as it sends. */
export class UdpFlows {
    /** The UDP ports for which the kernel's entries are in order. */
    private settled: ReadonlySet<ProxyPort> = new Set();

    /** Takes what an agent before this one served as part of the state that the entries are of. */
    public assume(ports: readonly ProxyPort[]): void {
        this.settled = new Set([...this.settled, ...ports]);
    }

    /**
     * Removes the entries that a state makes stale; nothing is asked where no UDP port has changed.
     * @returns how many entries were removed
     */
    public async settle({ ports }: ProxyState): Promise<number> {
        const now = new Set(ports.filter(({ protocol }) => protocol === "UDP"));
        const { before, after, families } = changedUdpPorts(this.settled, now);
        let removed = 0;
        for (const family of families) {
            const of = ["-p", "udp", "-f", family === 4 ? "ipv4" : "ipv6"];
            const flows = parseFlows(await run("conntrack", ["-L", ...of]));
            // Those of one server at one place go together, however many clients it has.
            const filters = new Set(staleFlows(flows, before, after, isLocal).map((flow) => filterOf(flow).join(" ")));
            for (const filter of filters) {
                removed += await remove([...of, ...filter.split(" ")]);
            }
        }
        this.settled = now;
        return removed;
    }
}

/** Whether an address is one of this machine's, loopback apart. */
function isLocal(address: string): boolean {
    return Object.values(networkInterfaces()).some((addresses) =>
        addresses?.some((each) => !each.internal && each.address === address),
    );
}

/** What picks, of all entries, those to the same place that go to the same server. */
function filterOf({ destination, destinationPort, server, serverPort }: UdpFlow): string[] {
    const place = ["--orig-dst", destination, "--orig-port-dst", String(destinationPort)];
    return [...place, "--reply-src", server, "--reply-port-src", String(serverPort)];
}

/** Removes entries; gives how many they were. */
async function remove(filter: readonly string[]): Promise<number> {
    try {
        return parseFlows(await run("conntrack", ["-D", ...filter])).length;
    } catch (error) {
        // They have ended by themselves.
        if (/\b0 flow entries have been deleted/.test((error as Error).message)) {
            return 0;
        }
        throw error;
    }
}
