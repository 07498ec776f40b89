import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, NODE } from "./lab";
import { backends, proxyPort } from "./ports";
import type { DataplaneMode } from "./requests";
import { LAYOUTS, useLab } from "./use-lab";

const VIP = "10.96.0.10";

/** Longer than any other segment of the tests. */
const LONG_TEXT = "out of the window ".repeat(50);

/**
 * Gives long segments of VM a sequence numbers of both halves of the space in turn: one of them is ahead of the window, which
 * conntrack takes for invalid, and does not translate.
 */
const BAD_SEQUENCE = `table ip bad {
    chain output {
        type filter hook output priority 0;
        ip length > 600 tcp sport 8080 counter tcp sequence set numgen inc mod 2 map { 0 : 1, 1 : 2147483649 }
    }
}
`;

/**
 * Opens a connection to the Service, and says something whose echo by VM a is such segments, and right when it is sent again.
 * @returns what came back
 */
async function echoOverBadSegments(lab: Lab, connection: string): Promise<string> {
    assert.match(await lab.request("outside", { do: "open", connection, host: VIP, port: 80 }), /^a /);
    await lab.feed("a", BAD_SEQUENCE, "nft", "-f", "-");
    const say = { do: "say", connection, patienceMs: 10_000 } as const;
    const said = lab.request<string>("outside", { ...say, text: LONG_TEXT });
    await sleep(700); // for both numbers: TCP sends again after 0.2 s, where the connection lives
    await lab.run("a", "nft", "delete", "table", "ip", "bad");
    // A connection that the endpoint has given up is told so.
    await lab.request("outside", { ...say, text: "are you there?" });
    return said;
}

async function dropNoInvalid(lab: Lab, mode: DataplaneMode): Promise<void> {
    await (mode === "nftables"
        ? lab.run("node", "nft", "flush", "chain", "ip", "wukong", "before-prerouting")
        : lab.run("node", mode, "-F", "WUKONG-INVALID"));
}

for (const mode of LAYOUTS) {
    describe(`what is not an ordinary connection (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        for (const masquerade of ["SameSubnet", "Always"] as const) {
            it(`goes on where an endpoint's segment is far out of the window (kubernetes#74839), with masquerade ${masquerade}`, async () => {
                await suite.lab.apply(proxyPort("a", { masquerade }));
                assert.match(await echoOverBadSegments(suite.lab, `${mode} ${masquerade}`), /^out of the window/);
                if (masquerade === "Always") {
                    return; // without the rule it is the node that ends the connection
                }
                await dropNoInvalid(suite.lab, mode);
                assert.equal(await echoOverBadSegments(suite.lab, `${mode} ${masquerade} unguarded`), "closed");
            });
        }

        it("is a datagram in several fragments", async () => {
            await suite.holds([proxyPort("a", { protocol: "UDP", port: 53 })], "a 192.0.2.2", async (patienceMs) =>
                suite.lab.ask("outside", VIP, 53, { patienceMs, bytes: 8000 }),
            );
        });

        it("is a connection to an endpoint on the node itself", async () => {
            await suite.lab.request("node", { do: "serve", protocol: "TCP", port: 9999, name: "node" });
            const endpoints = [{ address: NODE.bridge, port: 9999 }];
            const port = proxyPort("", { internal: { endpoints, whenEmpty: "reject" } });
            await suite.holds([port], ["node 192.0.2.2"], async (patienceMs) =>
                suite.lab.connect("outside", VIP, 80, { patienceMs }),
            );
            await suite.lab.request("node", { do: "stop", protocol: "TCP", port: 9999 });
        });

        it("is two Services with the same endpoints, of which one goes", async () => {
            const other = proxyPort("ab", { service: "default/other", clusterIP: "10.96.0.11" });
            await suite.lab.apply(other, proxyPort("ab"));
            await suite.lab.apply(other);
            assert.match((await suite.lab.connect("outside", "10.96.0.11", 80))[0]!, /^[ab] /);
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80, { patienceMs: 400 }), ["timeout"]);
        });

        it("reaches each of ten endpoints", async () => {
            const endpoints = [8080, 8081].flatMap((port) => backends("abc", { port }).endpoints);
            const port = proxyPort("", { internal: { endpoints, whenEmpty: "reject" }, scheduler: "RoundRobin" });
            await suite.lab.apply(port);
            const names = (await suite.lab.connect("outside", VIP, 80, { times: 12 })).map((result) => result[0]);
            assert.equal(names.join(""), names.slice(0, 6).join("").repeat(2));
            assert.deepEqual(names.slice(0, 6).sort(), ["a", "a", "b", "b", "c", "c"]);
        });
    });
}
