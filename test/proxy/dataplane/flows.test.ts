import assert from "node:assert/strict";
import type { ProxyPort } from "../../../core/service-proxy/model";
import { IMPATIENT_MS, NODE } from "./lab";
import { proxyPort } from "./ports";
import { MODES, useLab } from "./use-lab";

const VIP = "10.96.0.10";

/** A UDP port; the node does not masquerade, so that its flows are told apart by their clients' addresses. */
function dns(vms: string, others: Partial<ProxyPort> = {}): ProxyPort {
    return proxyPort(vms, { name: "dns", protocol: "UDP", port: 53, ...others });
}

for (const mode of MODES) {
    describe(`UDP flows whose endpoint goes (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);
        let sockets = 0;
        let socket = "";
        beforeEach(() => (socket = `socket ${String((sockets += 1))}`));

        const ask = async (host = VIP, port = 53, patienceMs?: number): Promise<string> =>
            suite.lab.ask("outside", host, port, { socket, ...(patienceMs !== undefined && { patienceMs }) });

        it("move to another one, are refused where there is none, and find the next one", async () => {
            await suite.lab.apply(dns("a"));
            assert.equal(await ask(), "a 192.0.2.2");
            assert.deepEqual(await suite.lab.apply(dns("b")), { kind: "partial", flowsRemoved: 1, unserved: [] });
            assert.equal(await ask(), "b 192.0.2.2");
            assert.deepEqual(await suite.lab.apply(dns("")), { kind: "partial", flowsRemoved: 1, unserved: [] });
            assert.equal(await ask(), "ECONNREFUSED");
            await suite.lab.apply(dns("c"));
            assert.equal(await ask(), "c 192.0.2.2");
            assert.deepEqual(await suite.lab.apply(), { kind: "partial", flowsRemoved: 1, unserved: [] });
            assert.equal(await ask(VIP, 53, IMPATIENT_MS), "timeout");
            await suite.lab.apply(dns("a"));
            assert.equal(await ask(), "a 192.0.2.2", "also one that began while nobody served it");
        });

        it("move all together, and by IPv6 too", async () => {
            const vip = "fd00:96::10";
            const clients = ["one", "two", "three"].map((each) => `${socket} ${each}`);
            const answers = async (): Promise<string[]> =>
                Promise.all(clients.map((each) => suite.lab.ask("outside", vip, 53, { socket: each })));
            await suite.lab.apply(dns("a", { family: 6 }));
            assert.deepEqual(await answers(), Array<string>(3).fill("a 2001:db8:2::2"));
            const { flowsRemoved } = await suite.lab.apply(dns("b", { family: 6 }));
            assert.equal(flowsRemoved, 3);
            assert.deepEqual(await answers(), Array<string>(3).fill("b 2001:db8:2::2"));
        });

        it("stay where they are while others come and go", async () => {
            await suite.lab.apply(dns("a"));
            assert.equal(await ask(), "a 192.0.2.2");
            for (const vms of ["abc", "ab", "ac", "a"]) {
                assert.deepEqual(await suite.lab.apply(dns(vms)), { kind: "partial", flowsRemoved: 0, unserved: [] });
                assert.equal(await ask(), "a 192.0.2.2");
            }
            assert.deepEqual(await suite.lab.apply(dns("a")), { kind: "none", flowsRemoved: 0, unserved: [] });
        });

        it("begin anew where a node port is another", async () => {
            await suite.lab.apply(dns("a", { nodePort: 30053 }));
            assert.equal(await ask(NODE.uplink, 30053), "a 192.0.2.2");
            const { flowsRemoved } = await suite.lab.apply(dns("a", { nodePort: 30054 }));
            assert.equal(flowsRemoved, 1);
            assert.equal(await ask(NODE.uplink, 30053), "ECONNREFUSED", "nobody has the port any more");
            socket += " of the new port";
            assert.equal(await ask(NODE.uplink, 30054), "a 192.0.2.2");
        });

        it("are served though they began before the rules were", async () => {
            assert.equal(await ask(VIP, 53, IMPATIENT_MS), "timeout");
            const { flowsRemoved } = await suite.lab.apply(dns("a"));
            assert.equal(flowsRemoved, 1);
            assert.equal(await ask(), "a 192.0.2.2");
        });

        it("go on over a restart of the agent, and end with what has changed meanwhile", async () => {
            await suite.lab.apply(dns("ab"), dns("c", { name: "gone", port: 54 }));
            const [server = ""] = await ask();
            const flow = socket;
            socket += " of the other port";
            assert.equal(await ask(VIP, 54), "c 192.0.2.2");
            await suite.lab.start(mode);
            const same = await suite.lab.apply(dns("ab"), dns("c", { name: "gone", port: 54 }));
            assert.deepEqual(same, { kind: "full", flowsRemoved: 0, unserved: [] });
            await suite.lab.start(mode);
            const other = "ab".replace(server, "");
            assert.deepEqual(await suite.lab.apply(dns(other)), { kind: "full", flowsRemoved: 2, unserved: [] });
            assert.equal(await ask(VIP, 54), "ECONNREFUSED");
            socket = flow;
            assert.equal(await ask(), `${other} 192.0.2.2`);
        });

        it("are not those of TCP, which go on with the endpoint they have", async () => {
            await suite.lab.apply(proxyPort("a"));
            assert.equal(
                await suite.lab.request("outside", { do: "open", connection: mode, host: VIP, port: 80 }),
                "a 192.0.2.2",
            );
            assert.deepEqual(await suite.lab.apply(proxyPort("b")), { kind: "partial", flowsRemoved: 0, unserved: [] });
            const say = { do: "say", connection: mode, text: "still there", patienceMs: 5000 } as const;
            assert.equal(await suite.lab.request("outside", say), "still there");
        });
    });
}
