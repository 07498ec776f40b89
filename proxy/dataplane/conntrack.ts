import { networkInterfaces } from "node:os";
import { changedUdpPorts, parseFlows, staleFlows, type UdpFlow } from "../../core/service-proxy/flows";
import type { ProxyPort, ProxyState } from "../../core/service-proxy/model";
import { run } from "./command";

/** Ends UDP flows whose endpoint has gone: a client that keeps its socket is otherwise sent there for as long as it sends. */
export class UdpFlows {
    /** The UDP ports for which the kernel's entries are in order. */
    private settled: ReadonlySet<ProxyPort> = new Set();
    /** Those that were served since, while conntrack failed: flows to their endpoints may be there too. */
    private readonly unsettled = new Set<ProxyPort>();

    /** Takes what an agent before this one served as part of the state that the entries are of. */
    public assume(ports: readonly ProxyPort[]): void {
        this.settled = new Set([...this.settled, ...ports]);
    }

    /**
     * Removes the entries that a state makes stale; nothing is asked where no UDP port has changed.
     * @returns how many entries were removed
     * @throws Error with what conntrack said; the next call then also does what this one has not
     */
    public async settle({ ports }: ProxyState): Promise<number> {
        const now = new Set(ports.filter(({ protocol }) => protocol === "UDP"));
        const { before } = changedUdpPorts(new Set([...this.settled, ...this.unsettled]), now);
        const { after } = changedUdpPorts(this.settled, now);
        now.forEach((port) => this.unsettled.add(port));
        const isLocal = locality();
        let removed = 0;
        for (const family of new Set([...before, ...after].map((port) => port.family))) {
            const of = ["-p", "udp", "-f", family === 4 ? "ipv4" : "ipv6"];
            const flows = parseFlows(await run("conntrack", ["-L", ...of]));
            // Those of one server at one place go together, however many clients it has.
            const filters = new Set(staleFlows(flows, before, after, isLocal).map((flow) => filterOf(flow).join(" ")));
            for (const filter of filters) {
                removed += await remove([...of, ...filter.split(" ")]);
            }
        }
        this.settled = now;
        this.unsettled.clear();
        return removed;
    }

    /** As `settle` for rules that are written already, which a failure does not make undone: a sentence tells of it. */
    public async settleWritten(state: ProxyState): Promise<{ flowsRemoved: number; unsettled: readonly string[] }> {
        try {
            return { flowsRemoved: await this.settle(state), unsettled: [] };
        } catch (error) {
            const sentence =
                `UDP clients that keep their socket may still be sent to an endpoint that is gone, as conntrack failed; ` +
                `it is tried again when rules change next. It said: ${(error as Error).message}`;
            return { flowsRemoved: 0, unsettled: [sentence] };
        }
    }
}

/** Tells whether an address is one of this machine's, loopback apart, as they are when it is asked first. */
function locality(): (address: string) => boolean {
    let local: ReadonlySet<string> | undefined;
    return (address) => {
        local ??= new Set(
            Object.values(networkInterfaces()).flatMap((addresses = []) =>
                addresses.flatMap((each) => (each.internal ? [] : [each.address])),
            ),
        );
        return local.has(address);
    };
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
