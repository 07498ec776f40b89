import * as assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "mocha";
import { runningProcesses, startCluster, stopCluster } from "../../scripts/embedded-cluster/cluster";
import { programNames } from "../../scripts/embedded-cluster/commands";
import { done, seen, until } from "../support/embedded-cluster";

const run = promisify(execFile);
const commandLineTool = path.resolve(__dirname, "..", "..", "scripts", "cluster.js");
const library = path.resolve(__dirname, "..", "..", "scripts", "embedded-cluster", "cluster.js");

/** The processes whose command line names a directory, by another way than the cluster's own list: all of /proc. */
function processesNaming(directory: string): string[] {
    return fs
        .readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
        .map((pid) => {
            try {
                return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
            } catch {
                return "";
            }
        })
        .filter((line) => line.includes(directory));
}

describe("the embedded cluster's programs", function () {
    this.timeout(120_000);
    let directory: string;

    before(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "cluster-lifecycle-"));
    });

    after(async () => {
        await stopCluster(directory);
        fs.rmSync(directory, { recursive: true, force: true });
    });

    const tool = async (...command: string[]): Promise<string> =>
        (await run(process.execPath, [commandLineTool, ...command, "--directory", directory])).stdout;

    it("start once, tell their state, and stop without a rest", async () => {
        const texts = await Promise.all([tool("start"), tool("start")]);
        assert.equal(texts.filter((text) => text.includes("The cluster runs already")).length, 1);
        const first = runningProcesses(directory);
        assert.deepEqual(first.map(({ name }) => name).sort(), [...programNames].sort());
        assert.match(await tool("start"), /^The cluster runs already/);
        assert.deepEqual(runningProcesses(directory), first);
        assert.match(
            await tool("status"),
            new RegExp(`^etcd: process ${first.find(({ name }) => name === "etcd")?.pid}$`, "m"),
        );
        const kubeconfig = (await tool("kubeconfig")).trim();
        assert.equal(kubeconfig, path.join(directory, "kubeconfigs", "admin"));
        assert.equal(fs.statSync(kubeconfig).mode & 0o077, 0);
        await assert.rejects(startCluster({ directory }), /A cluster runs in .* already \(node-side \d+, etcd \d+/);
        await assert.rejects(
            tool("start", "--kubevirt", "1.9"),
            /The cluster in .* runs with KubeVirt 1\.6, not 1\.9: stop it first, or choose another directory/,
        );
        await assert.rejects(tool("start", "--kubevirt", "1.8"), /KubeVirt 1\.8: --kubevirt must be 1\.6 or 1\.9\./);
        assert.deepEqual(runningProcesses(directory), first);
        await tool("stop");
        assert.deepEqual(processesNaming(directory), []);
        await assert.rejects(tool("status"), {
            code: 1,
            stdout: programNames.map((name) => `${name}: not running\n`).join(""),
        });
        await assert.rejects(tool("kubeconfig"), /No cluster runs in .*; start it with "npm run cluster -- start"\./);
        await tool("stop");
    });

    it("listen on the loopback interface only, and end with their starter, even when it is killed, directory and all", async () => {
        const script = `require(process.argv[1]).startCluster().then(
            (cluster) => { process.stdout.write(cluster.directory); setInterval(() => undefined, 1000); },
            (error) => { console.error(error.message); process.exit(1); },
        )`;
        const starter = spawn(process.execPath, ["-e", script, library], { stdio: ["ignore", "pipe", "inherit"] });
        const [output] = (await once(starter.stdout, "data")) as [Buffer];
        const temporary = output.toString();
        const pids = runningProcesses(temporary).map(({ pid }) => pid);
        assert.equal(pids.length, programNames.length);
        assert.deepEqual(listeningElsewhere(pids), []);
        starter.kill("SIGKILL");
        await until("every program and the directory to be gone", async () => {
            const left = [...processesNaming(temporary), ...fs.readdirSync(os.tmpdir())].filter((each) =>
                each.includes(path.basename(temporary)),
            );
            return left.length === 0 ? done(true) : seen(left);
        });
    });

    it("leave a foreign process alone whose id stands in an old list", async () => {
        const foreign = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
        try {
            fs.writeFileSync(
                path.join(directory, "processes.json"),
                JSON.stringify([{ name: "etcd", pid: foreign.pid }]),
            );
            assert.deepEqual(runningProcesses(directory), []);
            await stopCluster(directory);
            assert.equal(foreign.exitCode ?? foreign.signalCode, null);
        } finally {
            foreign.kill("SIGKILL");
            await once(foreign, "exit");
        }
    });

    it("tell the end of the log when one fails, and leave nothing running", async () => {
        const taken = fs.mkdtempSync(path.join(os.tmpdir(), "cluster-port-"));
        await assert.rejects(
            startCluster({ directory: taken, ports: { etcd: 1, etcdPeer: 1 }, timeoutMs: 30_000 }),
            (error) => {
                assert.ok(error instanceof Error);
                assert.match(error.message, /^etcd ended early \(exit code 1\)\.\nThe last lines of .*etcd\.log:\n/);
                assert.match(error.message, /address already in use|permission denied/);
                return true;
            },
        );
        assert.deepEqual(processesNaming(taken), []);
        fs.rmSync(taken, { recursive: true, force: true });
    });
});

/** The local addresses on which processes listen, other than 127.0.0.0/8 and ::1, from the kernel's tables. */
function listeningElsewhere(pids: readonly number[]): string[] {
    const sockets = new Set(
        pids.flatMap((pid) =>
            fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
                try {
                    return /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
                } catch {
                    return [];
                }
            }),
        ),
    );
    const listening = "0A";
    const loopback = /^([0-9A-F]{6}7F|00000000000000000000000001000000|0000000000000000FFFF0000[0-9A-F]{6}7F):/;
    return ["tcp", "tcp6"]
        .filter((table) => fs.existsSync(`/proc/net/${table}`))
        .flatMap((table) => fs.readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n").slice(1))
        .map((line) => line.trim().split(/\s+/))
        .filter(
            ([, local = "", , state, , , , , , inode = ""]) =>
                state === listening && sockets.has(inode) && !loopback.test(local),
        )
        .map(([, local = ""]) => local);
}
