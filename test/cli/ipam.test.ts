import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { parse } from "yaml";
import { IP_POOL } from "../../cluster/kinds";
import { AddressRecords, ago, clearAfterwards, recordingClient, uniqueName } from "../ipam/query-objects";
import { testKubeconfig } from "../support/embedded-cluster";
import { cellsOf, WUKONG, wukong, wukongHere } from "./wukong";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Ends a terminal's line, clears its screen (with ESC and with the one-byte CSI), and turns its writing around. */
const HOSTILE = "owner:a\r\n\u001b[2J\u009b2J\u202e\u{e0041}";

describe("wukong ipam", () => {
    const space = uniqueName("cli-a");
    const other = uniqueName("cli-b");
    const pool = uniqueName("cli-pool");
    let records: AddressRecords;
    const times: Record<"allocated" | "released" | "reusable" | "began" | "ended", string> = {} as never;

    /** The tenancies below, as they are printed for programs. */
    let active: object;
    let retained: object;
    let ended: object;

    before(async () => {
        const client = await recordingClient();
        await client.list(IP_POOL);
        records = new AddressRecords(client, space);
        // Half an hour more than what is printed, so that it does not matter how long the tests take.
        times.allocated = ago(client, 3 * DAY + 4.5 * HOUR);
        times.released = ago(client, 20.5 * HOUR);
        times.reusable = ago(client, -HOUR);
        times.began = ago(client, 30 * DAY);
        times.ended = ago(client, 10 * DAY);
        const { allocated: allocatedAt, released: releasedAt } = times;
        const released = { state: "Released", allocatedAt, releasedAt, releaseReason: "deleted" } as const;

        await records.pool(pool, { blocks: [{ cidr: "198.18.50.0/28" }, { cidr: "2001:db8:50::/64" }] });
        const macAddress = "02:00:c6:12:32:02";
        const web = { address: "198.18.50.2", owner: "cli-prod/web/eth1", pool };
        await records.reserve({ ...web, macAddress, origin: "Static", allocatedAt });
        await records.reserve({ ...released, address: "198.18.50.10", owner: "cli-prod/db/eth1", pool, retain: true });
        await records.reserve({
            ...released,
            address: "2001:db8:50::a",
            owner: "cli-prod/db/eth1",
            pool,
            reusableAt: times.reusable,
        });
        await records.reserve({ address: "198.18.50.2", owner: "cli-test/web/eth1", space: other, allocatedAt });
        await records.reserve({ address: "198.18.50.3", owner: HOSTILE, space: other, allocatedAt });
        const past = { from: times.began, to: times.ended, reason: "moved to another address" };
        await records.past({ ...web, ...past, owner: "cli-prod/old/eth1" });
        await records.past({ ...past, address: "198.18.50.4", owner: "cli-prod/web/eth1", pool });

        const manager = "acme/shop/prod";
        const family = "IPv4";
        active = {
            address: "198.18.50.2",
            family,
            space,
            pool,
            owner: "cli-prod/web/eth1",
            manager,
            vm: "cli-prod/web",
            nic: "eth1",
            macAddress,
            state: "Active",
            origin: "Static",
            from: allocatedAt,
        };
        retained = {
            address: "198.18.50.10",
            family,
            space,
            pool,
            owner: "cli-prod/db/eth1",
            manager,
            vm: "cli-prod/db",
            nic: "eth1",
            state: "Retained",
            from: allocatedAt,
            to: releasedAt,
            reason: "deleted",
        };
        ended = {
            address: "198.18.50.2",
            family,
            space,
            pool,
            owner: "cli-prod/old/eth1",
            manager,
            vm: "cli-prod/old",
            nic: "eth1",
            state: "Ended",
            ...past,
        };
    });

    clearAfterwards(
        () => records,
        () => [space, other],
    );

    const HEADERS = ["ADDRESS", "SPACE", "POOL", "OWNER", "MAC", "STATE"];

    describe("list", () => {
        it("prints a table, with ages as kubectl prints them", async () => {
            const { code, stdout, stderr } = await wukong(["ipam", "list", "--space", space]);
            assert.deepEqual([code, stderr], [0, ""]);
            assert.deepEqual(cellsOf(stdout), [
                [...HEADERS, "SINCE"],
                ["198.18.50.2", space, pool, "cli-prod/web/eth1", "02:00:c6:12:32:02", "Active", "3d4h"],
                ["198.18.50.10", space, pool, "cli-prod/db/eth1", "<none>", "Retained", "20h"],
                ["2001:db8:50::a", space, pool, "cli-prod/db/eth1", "<none>", "Quarantined", "20h"],
            ]);
            // Columns are aligned: each cell begins below its header.
            const [header = "", ...lines] = stdout.trimEnd().split("\n");
            for (const line of lines) {
                assert.equal(line.indexOf("cli-prod/"), header.indexOf("OWNER"));
                assert.equal(line.search(/Active|Retained|Quarantined/), header.indexOf("STATE"));
            }
        });

        it("prints plain objects as JSON and as YAML", async () => {
            const args = ["ipam", "list", "--space", space, "--pool", pool];
            const json = await wukong([...args, "-o", "json"]);
            assert.deepEqual([json.code, json.stderr], [0, ""]);
            const listed = JSON.parse(json.stdout) as object[];
            assert.deepEqual(listed.slice(0, 2), [active, retained]);
            assert.equal((listed[2] as { reusableAt: string }).reusableAt, times.reusable);
            const yaml = await wukong([...args, "--output=yaml"]);
            assert.deepEqual([yaml.code, yaml.stderr, parse(yaml.stdout)], [0, "", listed]);
        });

        const FILTERS: [string[], string[]][] = [
            [["--vm", "cli-prod/web"], ["198.18.50.2"]],
            [
                ["--vm", "cli-prod/db", "--space", space],
                ["198.18.50.10", "2001:db8:50::a"],
            ],
            [
                ["--space", other],
                ["198.18.50.2", "198.18.50.3"],
            ],
            [["--pool", pool, "--state", "Active"], ["198.18.50.2"]],
            [["--pool", pool, "--state", "retained"], ["198.18.50.10"]],
            [["--pool", pool, "--state", "quarantined"], ["2001:db8:50::a"]],
            [["--pool", pool, "--state", "reusable"], []],
        ];
        for (const [filter, addresses] of FILTERS) {
            it(`takes ${filter.filter((each) => each !== pool && each !== space && each !== other).join(" ")}`, async () => {
                const { code, stdout, stderr } = await wukongHere(["ipam", "list", ...filter, "-o", "json"]);
                assert.deepEqual([code, stderr], [0, ""]);
                const listed = JSON.parse(stdout) as { address: string }[];
                assert.deepEqual(
                    listed.map(({ address }) => address),
                    addresses,
                );
            });
        }

        it("says so where nothing fits, and prints an empty list for programs", async () => {
            const args = ["ipam", "list", "--vm", "cli-prod/nobody"];
            assert.deepEqual(await wukongHere(args), { code: 0, stdout: "", stderr: "No such address is held.\n" });
            assert.deepEqual(await wukongHere([...args, "-o", "json"]), { code: 0, stdout: "[]\n", stderr: "" });
            assert.deepEqual(await wukongHere([...args, "-o", "yaml"]), { code: 0, stdout: "[]\n", stderr: "" });
        });

        it("lets nothing from the cluster act on the terminal", async () => {
            const shown = "owner:a\\u000d\\u000a\\u001b[2J\\u009b2J\\u202e\\u{e0041}";
            const table = await wukong(["ipam", "list", "--space", other]);
            assert.equal(cellsOf(table.stdout)[2]?.[3], shown);
            for (const format of ["json", "yaml"]) {
                const { stdout } = await wukongHere(["ipam", "list", "--space", other, "-o", format]);
                assert.doesNotMatch(stdout, /[^\P{C}\n]/u, format);
                const [, hostile] = parse(stdout) as { owner: string }[];
                assert.equal(hostile?.owner, HOSTILE, format);
            }
            const [, fromJson] = JSON.parse(
                (await wukongHere(["ipam", "list", "--space", other, "-o", "json"])).stdout,
            ) as { owner: string }[];
            assert.equal(fromJson?.owner, HOSTILE);
        });

        it("ends in peace when nobody reads on", async () => {
            const child = spawn(process.execPath, [WUKONG, "ipam", "list", "--kubeconfig", await testKubeconfig()], {
                stdio: ["ignore", "pipe", "pipe"],
            });
            child.stdout.destroy();
            const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
            assert.deepEqual([code, stderr], [0, ""]);
        });
    });

    describe("show", () => {
        it("prints who has an address, and who had it", async () => {
            const { code, stdout, stderr } = await wukong(["ipam", "show", "198.18.50.2", "--space", space]);
            assert.deepEqual([code, stderr], [0, ""]);
            const [present = "", past = ""] = stdout.split("\nPast:\n");
            assert.deepEqual(present.trimEnd().split("\n"), [
                "Address:      198.18.50.2",
                `Space:        ${space}`,
                `Pool:         ${pool}`,
                "Owner:        cli-prod/web/eth1",
                "Stack:        acme/shop/prod",
                "MAC:          02:00:c6:12:32:02",
                "Chosen:       Static",
                `State:        Active since ${times.allocated} (3d4h)`,
            ]);
            assert.deepEqual(cellsOf(past), [
                ["ADDRESS", "SPACE", "POOL", "OWNER", "MAC", "FROM", "TO", "REASON"],
                [
                    "198.18.50.2",
                    space,
                    pool,
                    "cli-prod/old/eth1",
                    "<none>",
                    times.began,
                    times.ended,
                    "moved to another address",
                ],
            ]);
        });

        it("prints the present and the past of an address as JSON and YAML, the oldest first", async () => {
            const args = ["ipam", "show", "198.18.50.2/28", "--space", space];
            const json = await wukong([...args, "-o", "json"]);
            assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, [ended, active]]);
            const yaml = await wukongHere([...args, "-o", "yaml"]);
            assert.deepEqual([yaml.code, parse(yaml.stdout)], [0, [ended, active]]);
        });

        const SUBJECTS: [string, string[]][] = [
            ["cli-prod/web", ["198.18.50.4", "198.18.50.2"]],
            ["cli-prod/db/eth1", ["198.18.50.10", "2001:db8:50::a"]],
            ["02-00-C6-12-32-02", ["198.18.50.2"]],
            ["2001:DB8:50:0::a", ["2001:db8:50::a"]],
            [HOSTILE, ["198.18.50.3"]],
        ];
        for (const [subject, addresses] of SUBJECTS) {
            it(`takes ${JSON.stringify(subject)}`, async () => {
                const { code, stdout, stderr } = await wukongHere(["ipam", "show", subject, "-o", "json"]);
                assert.deepEqual([code, stderr], [0, ""]);
                const shown = JSON.parse(stdout) as { address: string }[];
                assert.deepEqual(
                    shown.map(({ address }) => address),
                    addresses,
                );
            });
        }

        it("tells of an address that nobody has now who had it", async () => {
            const { code, stdout } = await wukongHere(["ipam", "show", "198.18.50.4"]);
            assert.equal(code, 0);
            assert.match(stdout, /^198\.18\.50\.4: nothing is held now\.\n\nPast:\nADDRESS .*\n198\.18\.50\.4 /);
        });

        it("says of an unknown address that nothing is known, and ends with 1", async () => {
            const stderr = "Nothing is known of 198.18.50.77.\n";
            assert.deepEqual(await wukong(["ipam", "show", "198.18.50.77"]), { code: 1, stdout: "", stderr });
            const json = await wukong(["ipam", "show", "198.18.50.77", "-o", "json"]);
            assert.deepEqual(json, { code: 1, stdout: "[]\n", stderr });
        });
    });

    describe("history", () => {
        it("prints a table, the oldest first", async () => {
            const { code, stdout, stderr } = await wukong(["ipam", "history", "198.18.50.2", "--space", space]);
            assert.deepEqual([code, stderr], [0, ""]);
            const { allocated, began, ended: over } = times;
            const mac = "02:00:c6:12:32:02";
            assert.deepEqual(cellsOf(stdout), [
                [...HEADERS, "FROM", "TO", "REASON"],
                [
                    "198.18.50.2",
                    space,
                    pool,
                    "cli-prod/old/eth1",
                    "<none>",
                    "Ended",
                    began,
                    over,
                    "moved to another address",
                ],
                ["198.18.50.2", space, pool, "cli-prod/web/eth1", mac, "Active", allocated, "<none>", "<none>"],
            ]);
        });

        const WINDOWS: [string[], number][] = [
            [[], 5],
            [["--since", "11d"], 5],
            [["--since", "9d"], 3],
            [["--since", "21h"], 3],
            [["--since", "20h"], 1],
        ];
        for (const [window, count] of WINDOWS) {
            it(`takes --pool ${window.join(" ")}`, async () => {
                const { code, stdout } = await wukongHere(["ipam", "history", "--pool", pool, ...window, "-o", "json"]);
                assert.deepEqual([code, (JSON.parse(stdout) as object[]).length], [0, count]);
            });
        }

        it("takes --since with a time", async () => {
            const since = async (time: string): Promise<unknown> =>
                JSON.parse(
                    (await wukongHere(["ipam", "history", "cli-prod/old", "--since", time, "-o", "json"])).stdout,
                );
            assert.deepEqual(await since(new Date(Date.parse(times.ended) - 1000).toISOString()), [ended]);
            assert.deepEqual(await since(times.ended), []);
        });

        it("says so where no record tells of it", async () => {
            const stderr = "No record tells of that.\n";
            assert.deepEqual(await wukongHere(["ipam", "history", "198.18.50.77"]), { code: 0, stdout: "", stderr });
        });
    });

    describe("usage", () => {
        it("prints a table", async () => {
            const { code, stdout, stderr } = await wukong(["ipam", "usage", pool]);
            assert.deepEqual([code, stderr], [0, ""]);
            assert.deepEqual(
                cellsOf(stdout).map((cells) => cells.join(" ").split(/ +/)),
                [
                    "POOL SPACE FAMILY TOTAL ACTIVE RETAINED QUARANTINED OUTSIDE FREE STATIC-ONLY".split(" "),
                    // 16 less network and broadcast; 2^64 less subnet-router anycast.
                    [pool, space, "IPv4", "14", "1", "1", "0", "0", "12", "0"],
                    [pool, space, "IPv6", "18446744073709551615", "0", "0", "1", "0", "18446744073709551614", "0"],
                ],
            );
        });

        it("prints counts as strings for programs, exactly", async () => {
            const json = await wukong(["ipam", "usage", pool, "-o", "json"]);
            const counted = JSON.parse(json.stdout) as object[];
            assert.deepEqual(counted[1], {
                pool,
                space,
                family: "IPv6",
                total: "18446744073709551615",
                active: "0",
                retained: "0",
                quarantined: "1",
                free: "18446744073709551614",
                staticOnly: "0",
                outside: "0",
                disabled: false,
            });
            assert.deepEqual(parse((await wukongHere(["ipam", "usage", pool, "-o", "yaml"])).stdout), counted);
        });

        it("fails for a pool that there is not, naming those that there are", async () => {
            const { code, stdout, stderr } = await wukongHere(["ipam", "usage", "no-such-pool"]);
            assert.deepEqual([code, stdout], [1, ""]);
            assert.match(stderr, /^There is no IPPool "no-such-pool" on the cluster at .*, only: .*\.\n$/);
            assert.ok(stderr.includes(pool));
        });

        it("counts the other pools, and fails, where one was edited into none", async () => {
            const broken = uniqueName("cli-broken");
            await records.pool(broken, { blocks: [{ cidr: "198.18.51.0/24", exclude: ["nonsense"] }] });
            const { code, stdout, stderr } = await wukongHere(["ipam", "usage", "-o", "json"]);
            assert.equal(code, 1);
            assert.ok((JSON.parse(stdout) as { pool: string }[]).some((each) => each.pool === pool));
            assert.match(
                stderr,
                new RegExp(`^IPPool "${broken}": blocks\\[0\\]\\.exclude\\[0\\] "nonsense" is refused: .*$`, "m"),
            );
        });
    });

    describe("help", () => {
        it("names every member that is printed for programs", async () => {
            const membersIn = async (...args: string[]): Promise<string[]> =>
                (JSON.parse((await wukongHere([...args, "-o", "json"])).stdout) as object[]).flatMap(Object.keys);
            const documented = async (command: string): Promise<string[]> => {
                const { code, stdout } = await wukongHere(["ipam", command, "--help"]);
                assert.equal(code, 0);
                const list = /\nWith -o json and -o yaml, a list of objects with:\n([^]*?)\n\n/.exec(stdout)?.[1] ?? "";
                return [...list.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
            };
            const tenancy = new Set(await membersIn("ipam", "history", "--pool", pool));
            for (const command of ["list", "show", "history"]) {
                assert.deepEqual(new Set(await documented(command)), tenancy, command);
            }
            assert.deepEqual(await documented("usage"), [...new Set(await membersIn("ipam", "usage", pool))]);
        });

        for (const command of ["list", "show", "history", "usage"]) {
            it(`of ${command} has examples that work as far as the command line goes, and the exit codes`, async () => {
                const { stdout } = await wukongHere(["ipam", command, "--help"]);
                for (const code of ["0", "1", "2", "64"]) {
                    assert.match(stdout, new RegExp(`^  ${code} +\\S`, "m"));
                }
                const examples = [...stdout.matchAll(/^ {2}wukong (ipam .*)$/gm)].map(([, args]) => args!.split(" "));
                assert.ok(examples.length >= 2);
                for (const args of examples) {
                    assert.notEqual((await wukongHere(args)).code, 64, args.join(" "));
                }
            });
        }
    });
});
