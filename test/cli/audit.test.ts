import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { parse } from "yaml";
import stringWidth from "string-width";
import { run } from "../../cli/run";
import { findReservation, laterClient, type LaterClient } from "../ipam/audit-objects";
import { AddressRecords, ago, clearAfterwards, uniqueName } from "../ipam/query-objects";
import { done, seen, testKubeconfig, until } from "../support/embedded-cluster";
import { type Call, cellsOf, WUKONG, wukong, wukongHere } from "./wukong";

const DAY = 24 * 3600;

describe("wukong ipam audit", function () {
    this.timeout(30_000);
    const space = uniqueName("audit-cli");
    const other = uniqueName("audit-cli-fix");
    const watched = uniqueName("audit-cli-watch");
    let client: LaterClient;
    let records: AddressRecords;

    before(async () => {
        client = await laterClient();
        records = new AddressRecords(client, space);
        const past = { releasedAt: ago(client, 60), reusableAt: ago(client, 30), state: "Released" } as const;
        await records.reserve({ address: "198.18.160.5", owner: "audit-cli/gone/eth1" });
        await records.reserve({ ...past, address: "198.18.160.6", owner: "owner:\u001b[2Jpast" });
        await records.past({
            address: "198.18.160.7",
            owner: "owner:p",
            from: ago(client, 80 * DAY),
            to: ago(client, 70 * DAY),
        });
        await records.reserve({ ...past, space: other, address: "198.18.160.6", owner: "owner:past" });
        await records.reserve({ space: watched, address: "198.18.160.1", owner: "owner:vip" });
    });

    clearAfterwards(
        () => records,
        () => [space, other, watched],
    );

    const audited = (...args: string[]): string[] => [
        "ipam",
        "audit",
        "--space",
        space,
        "--history-days",
        "60",
        ...args,
    ];

    it("prints a table with a message below each line, and ends with 2", async () => {
        const { code, stdout, stderr } = await wukong(audited());
        assert.deepEqual([code, stderr], [2, ""]);
        assert.deepEqual(cellsOf(stdout.replace(/^ {4}.*\n/gm, "")), [
            ["CLASS", "SPACE", "ADDRESS", "OWNER", "FIX"],
            ["Orphan", space, "198.18.160.5", "audit-cli/gone/eth1", "in time"],
            ["TombstoneExpired", space, "198.18.160.6", "owner:\\u001b[2Jpast", "--fix"],
            ["HistoryExpired", space, "<none>", "<none>", "--fix"],
            ["3 drift"],
        ]);
        assert.match(
            stdout,
            /^ {4}1 record tells of a tenancy that ended more than 60 days ago\. --fix removes it\.$/m,
        );
    });

    it("fits the terminal, and cuts no message", async () => {
        let stdout = "";
        const kubeconfig = await testKubeconfig();
        await run([...audited(), "--kubeconfig", kubeconfig], {
            print: (text) => void (stdout += text),
            complain: (text) => void (stdout += text),
            columns: 80,
        });
        const lines = stdout.split("\n");
        assert.ok(
            lines.every((line) => stringWidth(line) <= 80),
            stdout,
        );
        assert.match(
            stdout.replace(/\n {4}/g, " "),
            /NIC eth1 of VM audit-cli\/gone is gone, and stack acme\/shop\/prod has not released its address\. \S.*\n/,
        );
    });

    it("prints the same as JSON and as YAML", async () => {
        const json = await wukongHere(audited("-o", "json"));
        const yaml = await wukongHere(audited("-o", "yaml"));
        const findings = JSON.parse(json.stdout) as Record<string, unknown>[];
        assert.deepEqual([json.code, yaml.code, parse(yaml.stdout)], [2, 2, findings]);
        assert.deepEqual(
            findings.map(({ message, ...rest }) => [rest, typeof message]),
            [
                [
                    { class: "Orphan", space, address: "198.18.160.5", owner: "audit-cli/gone/eth1", fixable: true },
                    "string",
                ],
                [
                    {
                        class: "TombstoneExpired",
                        space,
                        address: "198.18.160.6",
                        owner: "owner:\u001b[2Jpast",
                        fixable: true,
                    },
                    "string",
                ],
                [{ class: "HistoryExpired", space, fixable: true }, "string"],
            ],
        );
        assert.ok(!json.stdout.includes("\u001b") && !yaml.stdout.includes("\u001b"));
    });

    it("mends with --fix alone, and ends with 0 where nothing is left", async () => {
        await wukongHere(["ipam", "audit", "--space", other]);
        assert.ok(await findReservation(client, other, "198.18.160.6"));
        const { code, stdout } = await wukongHere(["ipam", "audit", "--space", other, "--fix"]);
        assert.deepEqual(
            [code, cellsOf(stdout)[1]?.at(-1), stdout.split("\n").at(-2)],
            [0, "fixed", "0 drift (1 fixed)"],
        );
        assert.equal(await findReservation(client, other, "198.18.160.6"), undefined);
    });

    it("ends with 1 for a space that there is not", async () => {
        const { code, stdout, stderr } = await wukongHere(["ipam", "audit", "--space", "no-such-space"]);
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^There is no address space "no-such-space" on the cluster at [^\n]*\.\n$/);
    });

    it("ends with 1 where the cluster cannot be asked", async () => {
        const { code, stdout, stderr } = await wukongHere(["ipam", "audit"], await testKubeconfig("nobody"));
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^The cluster at .* refused GET .*forbidden[^\n]*\n$/);
    });

    it("says how it is run as a CronJob", async () => {
        const { code, stdout } = await wukongHere(["ipam", "audit", "--help"]);
        assert.equal(code, 0);
        assert.match(stdout, /as a CronJob: `wukong ipam audit --fix` every 15 minutes/);
    });

    const MISTAKES: [string[], RegExp][] = [
        [["--watch", "0"], /Write a number of seconds from 1 to 999999\./],
        [["--watch", "1.5"], /Write a number of seconds/],
        [["--watch"], /argument missing/],
        [["--history-days=-1"], /Write a number of days from 0 to 99999\./],
        [["--space", "A_b"], /A space is a DNS label/],
        [["web"], /Too many arguments/],
    ];
    for (const [args, message] of MISTAKES) {
        it(`ends with 64 on ${args.join(" ")}`, async () => {
            const { code, stdout, stderr } = await wukongHere(["ipam", "audit", ...args]);
            assert.deepEqual([code, stdout], [64, ""]);
            assert.match(stderr, message);
        });
    }

    describe("--watch", () => {
        let child: ChildProcess | undefined;
        let call: { stdout: string; stderr: string };

        const watch = async (...args: string[]): Promise<void> => {
            const env = { ...process.env, KUBECONFIG: await testKubeconfig() };
            const all = [WUKONG, "ipam", "audit", "--space", watched, "--watch", "1", ...args];
            call = { stdout: "", stderr: "" };
            child = spawn(process.execPath, all, { env, stdio: ["ignore", "pipe", "pipe"] });
            child.stdout?.setEncoding("utf8").on("data", (text: string) => (call.stdout += text));
            child.stderr?.setEncoding("utf8").on("data", (text: string) => (call.stderr += text));
        };

        const untilPrinted = async (text: RegExp): Promise<void> =>
            void (await until(`${String(text)} to be printed`, async () =>
                text.test(call.stdout) ? done(true) : seen(call),
            ));

        const ended = async (signal: NodeJS.Signals): Promise<Call> => {
            const closed = once(child!, "close");
            child!.kill(signal);
            const [code] = (await closed) as [number];
            child = undefined;
            return { code, ...call };
        };

        afterEach("end the process", () => void child?.kill("SIGKILL"));

        it("goes on, prints a line for what appears and goes away, and ends with 0 on SIGTERM", async () => {
            await watch("--fix");
            await untilPrinted(/0 drift\n/);
            await records.reserve({
                space: watched,
                address: "198.18.160.9",
                owner: "owner:past",
                state: "Released",
                releasedAt: ago(client, 60),
                reusableAt: ago(client, 30),
            });
            await untilPrinted(/ - TombstoneExpired .*\n/);
            const { code, stdout, stderr } = await ended("SIGTERM");
            assert.deepEqual([code, stderr], [0, ""]);
            const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
            const subject = `TombstoneExpired ${watched} 198\\.18\\.160\\.9 owner:past`;
            assert.match(
                stdout,
                new RegExp(`^${time} {3}0 drift\n${time} \\+ ${subject}: [^\n]*\n${time} - ${subject}: fixed\n$`),
            );
        });

        it("prints objects, one a line with -o json, and ends with 0 on SIGINT", async () => {
            await records.reserve({ space: watched, address: "198.18.160.10", owner: "audit-cli/gone/eth1" });
            await watch("-o", "json");
            await untilPrinted(/\n/);
            const { code, stdout, stderr } = await ended("SIGINT");
            assert.deepEqual([code, stderr], [0, ""]);
            const events = stdout
                .trimEnd()
                .split("\n")
                .map((line) => JSON.parse(line) as Record<string, unknown>);
            assert.equal(events.length, 1);
            const { at, event, finding } = events[0] as { at: string; event: string; finding: Record<string, unknown> };
            assert.ok(Math.abs(Date.parse(at) - client.serverNow().getTime()) < 30_000);
            assert.deepEqual([event, finding["class"], finding["address"]], ["appeared", "Orphan", "198.18.160.10"]);
        });
    });
});
