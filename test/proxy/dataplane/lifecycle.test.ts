import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { allRules, ourRules } from "./kernel-rules";
import { proxyPort } from "./ports";
import { damagesOf, KUBE_PROXY_RULES } from "./others";
import { MODES, useLab } from "./use-lab";

const VIP = "10.96.0.10";

for (const mode of MODES) {
    describe(`the rules over the agent's life (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        const isDamageSeen = async (): Promise<boolean> => {
            const until = Date.now() + 10_000;
            while ((await suite.lab.isIntact()) && Date.now() < until) {
                await sleep(20);
            }
            return Date.now() < until;
        };

        it("stay when it is killed, and its connections stay when the next one takes them over", async () => {
            await suite.lab.start(mode);
            await suite.lab.apply(proxyPort("a", { affinitySeconds: 60 }));
            const open = { do: "open", connection: `${mode} long`, host: VIP, port: 80 } as const;
            assert.equal(await suite.lab.request("outside", open), "a 192.0.2.2");
            await suite.lab.kill("node");
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["a 192.0.2.2"], "while there is none");
            await suite.lab.start(mode);
            const { kind } = await suite.lab.apply(proxyPort("abc", { affinitySeconds: 60 }));
            assert.equal(kind, "full");
            const say = { do: "say", connection: `${mode} long`, text: "still there", patienceMs: 5000 } as const;
            assert.equal(await suite.lab.request("outside", say), "still there");
            assert.deepEqual(
                await suite.lab.connect("outside", VIP, 80, { times: 5 }),
                Array.from({ length: 5 }, () => "a 192.0.2.2"),
                "a client's affinity stays",
            );
        });

        it("take part in what changed while there was no agent", async () => {
            await suite.lab.apply(proxyPort("a"), proxyPort("a", { service: "default/old", clusterIP: "10.96.0.11" }));
            await suite.lab.kill("node");
            await suite.lab.start(mode);
            await suite.lab.apply(proxyPort("b"));
            const fresh = await ourRules(suite.lab, mode);
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["b 192.0.2.2"]);
            await suite.lab.remove();
            await suite.lab.apply(proxyPort("b"));
            assert.deepEqual(fresh, await ourRules(suite.lab, mode), "nothing is left of what was before");
        });

        for (const [what, damage] of Object.entries(damagesOf(mode))) {
            it(`are seen to be damaged, and mended, without ${what}`, async () => {
                const port = proxyPort("ab", { nodePort: 30080, affinitySeconds: 60 });
                await suite.lab.apply(port);
                const whole = await ourRules(suite.lab, mode);
                assert.equal(await suite.lab.isIntact(), true);
                await damage(suite.lab);
                assert.ok(await isDamageSeen(), "the damage is seen");
                assert.equal((await suite.lab.apply(port)).kind, "full");
                assert.deepEqual(await ourRules(suite.lab, mode), whole);
                assert.equal(await suite.lab.isIntact(), true);
                assert.equal((await suite.lab.apply(port)).kind, "none");
                await suite.lab.resetRules();
            });
        }

        it("are intact after changes of our own and of others", async () => {
            await suite.lab.apply(proxyPort("ab"));
            await suite.lab.apply(proxyPort("abc", { scheduler: "RoundRobin" }));
            await suite.lab.apply(proxyPort("c"));
            await suite.lab.feed(
                "node",
                "table ip other { set s { type mark; elements = { 7 }; }; }\n",
                "nft",
                "-f",
                "-",
            );
            await suite.lab.run("node", "nft", "delete", "table", "ip", "other");
            await sleep(300); // nothing comes that could be waited for
            assert.equal(await suite.lab.isIntact(), true);
        });

        it("leave kube-proxy's alone, and nothing when they go", async () => {
            for (const [program, rules] of Object.entries(KUBE_PROXY_RULES)) {
                await suite.lab.feed("node", rules, program, ...(program === "nft" ? ["-f", "-"] : ["-w"]));
            }
            const before = await allRules(suite.lab);
            await suite.lab.remove();
            assert.equal(await allRules(suite.lab), before, "there is nothing to remove");
            await suite.lab.apply(proxyPort("ab", { nodePort: 30080 }), proxyPort("a", { family: 6, name: "six" }));
            assert.deepEqual(
                await suite.lab.connect("outside", "10.96.255.1", 80),
                ["c 10.10.0.1"],
                "kube-proxy's Service",
            );
            assert.match((await suite.lab.connect("outside", VIP, 80))[0]!, /^[ab] 192.0.2.2$/);
            await suite.lab.apply(proxyPort("c"));
            await suite.lab.remove();
            assert.equal(await allRules(suite.lab), before);
            await suite.lab.remove();
            assert.equal(await allRules(suite.lab), before, "once more");
            await suite.lab.resetRules();
        });

        it("are all written anew after an apply that failed", async () => {
            await suite.lab.apply(proxyPort("a"));
            const bad = proxyPort("a", { name: "bad", port: 81, clusterIP: "nonsense" });
            await assert.rejects(suite.lab.apply(proxyPort("b"), bad), /nonsense/);
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["a 192.0.2.2"], "the rules before stay");
            assert.equal(await suite.lab.isIntact(), false);
            assert.equal((await suite.lab.apply(proxyPort("b"))).kind, "full");
            assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["b 192.0.2.2"]);
        });
    });
}
