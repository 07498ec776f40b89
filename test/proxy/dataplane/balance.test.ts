import assert from "node:assert/strict";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { NODE } from "./lab";
import { backends, proxyPort } from "./ports";
import { MODES, useLab } from "./use-lab";
import { plantUnevenChoice } from "./planted";

const VIP = "10.96.0.10";

/** Quantile 0.9999 of the chi-square distribution with two degrees of freedom: -2 ln 0.0001. */
const LIMIT = -2 * Math.log(0.0001);

for (const mode of MODES) {
    describe(`which endpoint a connection is given to (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        const servers = async (host: string, port: number, times: number, atOnce = 1): Promise<string> =>
            (await suite.lab.connect("outside", host, port, { times, atOnce })).map((result) => result[0]).join("");

        const chiSquare = async (): Promise<number> => {
            const times = 900;
            const results = await servers(VIP, 80, times, 16);
            const counts = ["a", "b", "c"].map((name) => results.split(name).length - 1);
            assert.equal(counts[0]! + counts[1]! + counts[2]!, times, "all are served");
            return counts.reduce((sum, count) => sum + (count - times / 3) ** 2 / (times / 3), 0);
        };

        it("is random, with the same chance for each endpoint", async () => {
            await suite.lab.apply(proxyPort("abc", { masquerade: "Always" }));
            const even = await chiSquare();
            assert.ok(even < LIMIT, `chi-square ${even}`);
            await plantUnevenChoice(suite.lab, mode);
            const uneven = await chiSquare();
            assert.ok(uneven > LIMIT, `chi-square ${uneven} of a third of what is left at each step`);
        });

        it("is each in turn for RoundRobin, also once endpoints come and go", async () => {
            for (const vms of ["abc", "ab", "abc", "c"]) {
                await suite.lab.apply(proxyPort(vms, { scheduler: "RoundRobin" }));
                const results = await servers(VIP, 80, 12);
                const first = vms.indexOf(results[0]!);
                const turn = vms.slice(first) + vms.slice(0, first);
                assert.equal(results, turn.repeat(12 / vms.length), vms);
            }
        });

        it("takes turns at a node port too", async () => {
            await suite.lab.apply(proxyPort("abc", { scheduler: "RoundRobin", nodePort: 30080 }));
            const results = await servers(NODE.uplink, 30080, 6);
            assert.match(results, /^(abc|bca|cab)\1$/);
        });

        it("stays the same for a client with affinity, at the cluster IP and at a node port", async () => {
            const port = proxyPort("abc", { nodePort: 30080, affinitySeconds: 60 });
            await suite.lab.apply(port);
            assert.match(await servers(VIP, 80, 15), /^(.)\1{14}$/);
            assert.match(await servers(NODE.uplink, 30080, 15), /^(.)\1{14}$/);
            await suite.lab.apply(proxyPort("abc", { nodePort: 30080 }));
            assert.doesNotMatch(await servers(VIP, 80, 40), /^(.)\1{39}$/, "switched off");
            await suite.lab.apply(port);
            assert.match(await servers(VIP, 80, 15), /^(.)\1{14}$/, "switched on again");
        });

        it("is another once the affinity has timed out", async () => {
            await suite.lab.apply(proxyPort("abc", { scheduler: "RoundRobin", affinitySeconds: 1 }));
            const before = await servers(VIP, 80, 3);
            await sleep(1500); // it is the time that counts
            const after = await servers(VIP, 80, 3);
            assert.match(`${before} ${after}`, /^(.)\1\1 (?!\1)(.)\2\2$/);
        });

        it("is another one that stays, once the endpoint with a client's affinity has gone", async () => {
            const port = (vms: string): ReturnType<typeof proxyPort> => proxyPort(vms, { affinitySeconds: 60 });
            await suite.lab.apply(port("abc"));
            const [first = ""] = await servers(VIP, 80, 1);
            const others = "abc".replace(first, "");
            await suite.lab.apply(port(others));
            const after = await servers(VIP, 80, 15);
            assert.match(after, new RegExp(`^([${others}])\\1{14}$`));
            const stays = "abc".replace(others.replace(after[0]!, ""), "");
            await suite.lab.apply(port(stays));
            assert.equal(await servers(VIP, 80, 5), after[0]!.repeat(5), "while others come and go");
        });

        it("is remembered by each client for itself", async () => {
            await suite.lab.apply(proxyPort("abc", { scheduler: "RoundRobin", affinitySeconds: 60 }));
            const results = [];
            for (const from of ["outside", "client", "node", "outside", "client", "node"] as const) {
                results.push((await suite.lab.connect(from, VIP, 80))[0]?.[0]);
            }
            assert.deepEqual(results.slice(0, 3), results.slice(3));
            assert.equal(new Set(results).size, 3, "each in turn");
        });

        it("loses no connection while endpoints come and go", async () => {
            await suite.lab.apply(proxyPort("abc"));
            const connecting = suite.lab.connect("outside", VIP, 80, { times: 10_000, atOnce: 16 });
            const over = connecting.then(() => true);
            const sets = ["abc", "ab", "b", "bc", "ac", "a"];
            let changes = 0;
            do {
                const others = { name: "other", port: 81, internal: backends(sets[(changes + 1) % sets.length]!) };
                await suite.lab.apply(proxyPort(sets[changes % sets.length]!), proxyPort("", others));
                changes += 1;
            } while (!(await Promise.race([over, setImmediate(false)])));
            const results = await connecting;
            assert.deepEqual(
                results.filter((result) => !/^[abc] /.test(result)),
                [],
                `of 10000, in ${changes} changes`,
            );
            assert.ok(changes > 20, `${changes} changes`);
        });
    });
}
