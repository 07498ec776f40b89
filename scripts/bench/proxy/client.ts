import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What the client is to do. */
export type Ask =
    /** Connect until the answer comes from one of these addresses; any answer will do where there are none. */
    | { readonly what: "reach"; readonly address: string; readonly from?: readonly string[]; readonly withinMs: number }
    /** Connect to each of the addresses in turn, this often. */
    | { readonly what: "connect"; readonly addresses: readonly string[]; readonly times: number };

/** What came of it. */
export type Told =
    /** When it was reached, in nanoseconds of the machine's monotonic clock. */
    | { readonly what: "reached"; readonly at: string }
    | { readonly what: "not reached"; readonly last: string }
    /** Microseconds from the first packet to the connection, by address. */
    | { readonly what: "connected"; readonly microseconds: readonly (readonly number[])[]; readonly failures: number };

const PORT = 80;
const ATTEMPT_MS = 1_000;
/** Between two attempts, so that they do not take the processor from what they wait for. */
const PAUSE_MS = 2;

/** The address that answered, or undefined; and how long the connection took to come about. */
async function attempt(host: string, port: number): Promise<{ from?: string; microseconds: number; error?: string }> {
    return new Promise((resolve) => {
        const since = process.hrtime.bigint();
        let microseconds = 0;
        let from = "";
        const socket = net.connect({ host, port });
        const finish = (error?: string): void => {
            socket.destroy();
            resolve({ ...(error === undefined ? { from } : { error }), microseconds });
        };
        socket.setTimeout(ATTEMPT_MS, () => finish("no answer"));
        socket.on("connect", () => (microseconds = Number(process.hrtime.bigint() - since) / 1000));
        socket.on("data", (data) => (from += data.toString()));
        socket.on("end", () => finish());
        socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    });
}

async function reach({ address, from, withinMs }: Extract<Ask, { what: "reach" }>): Promise<Told> {
    const deadline = Date.now() + withinMs;
    let last = "nothing";
    while (Date.now() < deadline) {
        const answer = await attempt(address, PORT);
        if (answer.from !== undefined && (from === undefined || from.includes(answer.from))) {
            return { what: "reached", at: String(process.hrtime.bigint()) };
        }
        last = answer.error ?? `an answer from ${String(answer.from)}`;
        await sleep(PAUSE_MS);
    }
    return { what: "not reached", last };
}

async function connect({ addresses, times }: Extract<Ask, { what: "connect" }>): Promise<Told> {
    const microseconds = addresses.map((): number[] => []);
    let failures = 0;
    for (let time = 0; time < times; time += 1) {
        for (const [index, target] of addresses.entries()) {
            const [host = "", port = String(PORT)] = target.split(":");
            const answer = await attempt(host, Number(port));
            if (answer.from === undefined) {
                failures += 1;
            } else {
                microseconds[index]?.push(answer.microseconds);
            }
        }
    }
    return { what: "connected", microseconds, failures };
}

process.on("message", (ask: Ask) => {
    void (ask.what === "reach" ? reach(ask) : connect(ask)).then((told) => process.send?.(told));
});
process.send?.("ready");
