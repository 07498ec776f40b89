import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ourRules } from "./kernel-rules";
import { proxyPort } from "./ports";
import { useLab } from "./use-lab";

const VIP = "10.96.0.10";

/** What a script that stands before a program does at last: it is the program. */
const REAL = (program: string): string => `PATH="\${PATH#*:}" exec ${program} "$@"`;

/** Puts scripts before programs of the node while something is done. */
async function shadowed<T>(
    suite: ReturnType<typeof useLab>,
    scripts: Record<string, string>,
    act: (folder: string) => Promise<T>,
): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), "wukong-shadow-"));
    for (const [program, script] of Object.entries(scripts)) {
        writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n${REAL(program)}\n`, { mode: 0o755 });
    }
    await suite.lab.request("node", { do: "shadow", folder });
    try {
        return await act(folder);
    } finally {
        await suite.lab.request("node", { do: "shadow" });
        rmSync(folder, { recursive: true });
    }
}

/** How many processes of this machine have an argument. */
function processesWith(argument: string): number {
    return readdirSync("/proc").filter((id) => {
        try {
            return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").includes(argument);
        } catch {
            return false; // it has ended
        }
    }).length;
}

describe("a monitor of nft that fails", function () {
    this.timeout(60_000);
    const suite = useLab("nftables");

    it("has rules written anew now and then, and at once where a table is gone", async () => {
        await shadowed(suite, { nft: '[ "$1" = monitor ] && kill -SEGV $$' }, async () => {
            const port = proxyPort("a");
            await suite.lab.apply(port);
            let written = 0;
            for (let look = 0; look < 100; look += 1) {
                await suite.lab.isIntact();
                written += (await suite.lab.apply(port)).kind === "full" ? 1 : 0;
                await sleep(10);
            }
            assert.ok(written < 10, `${String(written)} times in 100 looks`);
            for (const family of ["ip", "ip6"]) {
                await suite.lab.run("node", "nft", "delete", "table", family, "wukong");
                assert.equal(await suite.lab.isIntact(), false, family);
                assert.equal((await suite.lab.apply(port)).kind, "full");
                assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["a 192.0.2.2"]);
            }
        });
    });

    it("does not stay as a process", async () => {
        const time = `${String(100_000 + process.pid)}.5`;
        await shadowed(suite, { nft: `[ "$1" = monitor ] && exec sleep ${time}` }, async () => {
            await suite.lab.apply(proxyPort("a"));
            while (processesWith(time) === 0) {
                await sleep(10);
            }
            await suite.lab.run("node", "nft", "delete", "table", "ip", "wukong");
            assert.equal(await suite.lab.isIntact(), false);
            while (processesWith(time) > 0) {
                await sleep(10);
            }
        });
    });
});

for (const mode of ["iptables-nft", "iptables-legacy"] as const) {
    describe(`programs that fail (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);
        const six = mode.replace("iptables", "ip6tables");

        it("leave rules that somebody has removed to be seen, though a Service has changed since", async () => {
            const ports = [proxyPort("a"), proxyPort("b", { service: "default/other", clusterIP: "10.96.0.11" })];
            await suite.lab.apply(...ports);
            const whole = await ourRules(suite.lab, mode);
            await suite.lab.apply(ports[0]!);
            assert.equal(await suite.lab.isIntact(), true);
            await suite.lab.run("node", mode, "-t", "nat", "-F");
            assert.equal((await suite.lab.apply(...ports)).kind, "partial");
            assert.equal(await suite.lab.isIntact(), false);
            assert.equal((await suite.lab.apply(...ports)).kind, "full");
            assert.deepEqual(await ourRules(suite.lab, mode), whole);
        });

        it("are not run again before those of the other IP family have ended", async () => {
            const scripts = {
                [`${mode}-restore`]: 'touch "${0%/*}/running"; sleep 0.5; rm "${0%/*}/running"',
                [`${six}-restore`]: "echo broken >&2; exit 1",
            };
            await shadowed(suite, scripts, async (folder) => {
                await assert.rejects(suite.lab.apply(proxyPort("a")), /broken/);
                assert.equal(existsSync(join(folder, "running")), false);
            });
        });

        it("leave IPv4 served where there is no IPv6", async () => {
            const isVersion = '[ "$1" = --version ]';
            const scripts = {
                [`${six}-save`]: `${isVersion} || exit 3`,
                [`${six}-restore`]: `${isVersion} || exit 3`,
            };
            await shadowed(suite, scripts, async () => {
                await suite.lab.start(mode);
                const { kind, unserved } = await suite.lab.apply(proxyPort("a"), proxyPort("b", { family: 6 }));
                assert.equal(kind, "full");
                assert.deepEqual(unserved, [
                    "Service default/web is not served by IPv6 here: this kernel has no iptables for it. Start the node " +
                        "with it, or make the Service one of the other family.",
                ]);
                assert.deepEqual(await suite.lab.connect("outside", VIP, 80), ["a 192.0.2.2"]);
                assert.equal(await suite.lab.isIntact(), true);
            });
            await suite.lab.remove();
            await suite.lab.start(mode);
        });
    });
}

for (const mode of ["nftables", "iptables-nft"] as const) {
    describe(`a conntrack that fails (${mode})`, function () {
        this.timeout(60_000);
        const suite = useLab(mode);

        it("leaves the rules written, and its flows to the next change", async () => {
            const dns = (vms: string): ReturnType<typeof proxyPort> =>
                proxyPort(vms, { name: "dns", protocol: "UDP", port: 53 });
            const socket = `failing conntrack ${mode}`;
            await suite.lab.apply(dns("a"));
            assert.equal(await suite.lab.ask("outside", VIP, 53, { socket }), "a 192.0.2.2");
            await shadowed(suite, { conntrack: "echo out of order >&2; exit 1" }, async () => {
                const { kind, unserved } = await suite.lab.apply(dns("b"));
                assert.equal(kind, "partial");
                assert.match(unserved.join("\n"), /conntrack failed.*out of order/);
            });
            assert.equal(await suite.lab.isIntact(), true);
            const { kind, flowsRemoved, unserved } = await suite.lab.apply(dns("b"));
            assert.deepEqual({ kind, flowsRemoved, unserved }, { kind: "none", flowsRemoved: 1, unserved: [] });
            assert.equal(await suite.lab.ask("outside", VIP, 53, { socket }), "b 192.0.2.2");
        });
    });
}
