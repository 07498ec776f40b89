import { execFile, spawn } from "node:child_process";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { Refusal, runCommand } from "./command";
import { startCluster } from "./embedded-cluster/cluster";
import { programNames, toolchainNames } from "./embedded-cluster/commands";
import type { Summary } from "./mocha-reporter";
import { inParallel } from "./parallel";
import { REPOSITORY } from "./paths";
import { ensurePrograms } from "./toolchain";

// `npm test`: everything. `npm test -- core/**` or `npm test -- test/core/ip.test.ts`: those. What follows the first
// argument with a dash goes to mocha: `npm test -- integration --grep hot-plug`.

/** The suites in these folders need no cluster; all others get one, and the Pulumi CLI. */
const UNIT_SUITES = ["core", "client", "components", "dynamic", "scripts", "cni", "proxy/dataplane"];

/** These wait for the engine and the cluster more than they compute: they run beside all others. */
const SUITES_BESIDE = ["integration", "provider", "docs", "proxy-cluster"];

/** These run a second time, against a cluster with KubeVirt 1.9. */
const TESTS_OF_BOTH_RELEASES = [
    "cluster/admission",
    "cluster/admission-agreement",
    "cluster/changed-network",
    "cluster/hotplug",
    "cluster/link-state",
    "cluster/migration",
    "cluster/restart-required",
    "integration/admission",
    "integration/network-swap",
    "integration/plugged-nics",
    "proxy-cluster/endpoints",
].map((name) => path.join("bin/test", `${name}.test.js`));

/** It takes longer than any other file, so it begins first. */
const LONGEST = path.join("bin/test", "integration", "interruption.test.js");

/** So many mochas at a time: what is run beside comes in portions, so that none of them is left to end alone. */
const LANES = 4;
const PORTIONS = 6;

/** How long mocha may take to end after its last test. */
const ENDING_MS = 30_000;

/** Aborted by a signal. Whatever is then at work ends in order, so that no cluster is left behind. */
const interruption = new AbortController();

async function main(): Promise<number> {
    const args = process.argv.slice(2);
    const firstOption = args.findIndex((arg) => arg.startsWith("-"));
    const [globs, options] = firstOption < 0 ? [args, []] : [args.slice(0, firstOption), args.slice(firstOption)];
    const files = selectFiles(globs);
    const { passed, failed, skipped } = await run(files, options).catch((error: unknown) => {
        console.error(error instanceof Refusal ? error.message : error);
        return { passed: 0, failed: 1, skipped: 0 };
    });
    const result = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    console.log(result);
    const resultFile = process.env["WUKONG_TEST_RESULT"]; // .ci/run reads it there
    if (resultFile !== undefined) {
        writeFileSync(resultFile, result);
    }
    return failed === 0 && passed > 0 ? 0 : 1;
}

async function run(files: string[], options: string[]): Promise<Summary> {
    if (files.every(isUnit)) {
        return runMocha(files, options, process.env);
    }
    const again = files.filter((file) => TESTS_OF_BOTH_RELEASES.includes(file));
    const { pulumi } = await ensurePrograms([
        ...(["pulumi", ...programNames] as const),
        ...(again.length > 0 ? Object.values(toolchainNames("1.9")) : []),
    ]);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(signal, () => interruption.abort());
    }
    const compiled = mkdtempSync(path.join(tmpdir(), "wukong-compiled-"));
    const starting = startCluster({ onProgress: (step) => console.error(`cluster: ${step}`) });
    const compiling = compileInto(compiled);
    const ready = Promise.all([starting, compiling]).then(([cluster]) => ({
        ...process.env,
        NODE_COMPILE_CACHE: compiled,
        WUKONG_TEST_KUBECONFIG: cluster.kubeconfig,
        WUKONG_PULUMI_BIN: path.dirname(pulumi),
        PATH: [path.dirname(pulumi), process.env["PATH"]].join(path.delimiter),
    }));
    ready.catch(() => interruption.abort()); // the unit tests would go on
    try {
        const summaries: Summary[] = [];
        await inParallel(LANES, runsOf(files, again, options, ready), async (run) => {
            summaries.push(...(await run()));
        });
        return summaries.reduce((a, b) => ({
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
        }));
    } finally {
        const [started] = await Promise.allSettled([starting, compiling]);
        rmSync(compiled, { recursive: true, force: true });
        if (started.status === "fulfilled") {
            await started.value.stop();
        }
    }
}

/** What is run side by side; all but the first waits for the cluster. */
function runsOf(
    files: string[],
    again: string[],
    options: string[],
    ready: Promise<NodeJS.ProcessEnv>,
): (() => Promise<Summary[]>)[] {
    const isBeside = (file: string): boolean => SUITES_BESIDE.includes(suiteOf(file));
    const others = files.filter((file) => isBeside(file) && file !== LONGEST);
    const portions = Array.from({ length: PORTIONS }, (_, portion) =>
        others.filter((_file, index) => index % PORTIONS === portion),
    );
    const beside = [files.filter((file) => file === LONGEST), ...portions].filter((group) => group.length > 0);
    const units = files.filter(isUnit);
    const withCluster = files.filter((file) => !isUnit(file) && !isBeside(file));
    return [
        ...(units.length > 0 ? [async () => [await runMocha(units, options, process.env)]] : []),
        ...(withCluster.length > 0
            ? [
                  async () => [
                      await runMocha(
                          withCluster,
                          options,
                          await ready,
                          units.length > 0 ? "shown at its end" : "shown at once",
                      ),
                  ],
              ]
            : []),
        ...(again.length > 0 ? [async () => [await runWithKubeVirt19(again, options, await ready)]] : []),
        ...beside.map((group) => async () => [await runMocha(group, options, await ready, "shown at its end")]),
    ];
}

/**
 * Each run of the engine loads the SDKs and the package in processes of its own, which it kills: what this one compiles of
 * them saves them a fifth of their time.
 */
async function compileInto(folder: string): Promise<void> {
    const loaded = [
        "@pulumi/pulumi",
        "@pulumi/kubernetes",
        "@kubernetes/client-node",
        ...globSync("bin/dynamic/*/provider.js", { cwd: REPOSITORY }).map((file) => path.join(REPOSITORY, file)),
    ];
    const script = loaded.map((module) => `require(${JSON.stringify(module)});`).join("");
    await promisify(execFile)(process.execPath, ["-e", script], {
        cwd: REPOSITORY,
        env: { ...process.env, NODE_COMPILE_CACHE: folder },
    });
}

/** Runs the files against a cluster of their own, which has KubeVirt 1.9. */
async function runWithKubeVirt19(files: string[], options: string[], environment: NodeJS.ProcessEnv): Promise<Summary> {
    const cluster = await startCluster({ kubeVirt: "1.9" });
    try {
        const ofRelease = { WUKONG_TEST_KUBECONFIG: cluster.kubeconfig, WUKONG_TEST_KUBEVIRT: "1.9" };
        const heading = "\nWith KubeVirt 1.9:\n";
        return await runMocha(files, options, { ...environment, ...ofRelease }, "shown at its end", heading);
    } finally {
        await cluster.stop();
    }
}

/** The compiled tests that globs, files or folders name, by the names of their sources or below test/. */
function selectFiles(globs: string[]): string[] {
    const tests = globSync("bin/test/**/*.test.js", { cwd: REPOSITORY }).sort();
    if (globs.length === 0) {
        return tests;
    }
    const selected = globs.flatMap((glob) => {
        const inTest = path.posix
            .join("bin/test", glob.replace(/^(\.\/)?(bin\/)?test(\/|$)/, ""))
            .replace(/\.ts$/, ".js");
        const matches = tests.filter((test) => path.matchesGlob(test, inTest) || test.startsWith(`${inTest}/`));
        if (matches.length === 0) {
            throw new Refusal(
                `No test is named ${glob}: give a file, a folder or a glob below test/, as in \`npm test -- core\`.`,
            );
        }
        return matches;
    });
    return [...new Set(selected)];
}

/** The folder of test/ that a compiled test is in. */
function suiteOf(file: string): string {
    return path.relative("bin/test", file).split(path.sep)[0] ?? "";
}

/** Whether a compiled test needs no cluster. */
function isUnit(file: string): boolean {
    return UNIT_SUITES.some((suite) => file.startsWith(path.join("bin/test", suite, path.sep)));
}

/** Runs the files in a mocha of its own, which shows what it does, at once or when it is done. */
async function runMocha(
    files: string[],
    options: string[],
    environment: NodeJS.ProcessEnv,
    output: "shown at once" | "shown at its end" = "shown at once",
    heading = "",
): Promise<Summary> {
    const mocha = path.join(REPOSITORY, "node_modules", "mocha", "bin", "mocha.js");
    const reporter = ["--reporter", path.join(__dirname, "mocha-reporter.js"), "--forbid-only"];
    const sourceMaps = ["--require", path.join(__dirname, "source-maps.js")];
    let result: Summary | undefined;
    let impatience: NodeJS.Timeout | undefined;
    const end = await new Promise<string>((resolve, reject) => {
        const child = spawn(process.execPath, [mocha, ...sourceMaps, ...reporter, ...options, ...files], {
            cwd: REPOSITORY,
            env: environment,
            stdio:
                output === "shown at once"
                    ? ["inherit", "inherit", "inherit", "ipc"]
                    : ["ignore", "pipe", "pipe", "ipc"],
        });
        const said: Buffer[] = [Buffer.from(heading)];
        child.stdout?.on("data", (chunk: Buffer) => said.push(chunk));
        child.stderr?.on("data", (chunk: Buffer) => said.push(chunk));
        const interrupt = (): void => void child.kill("SIGTERM");
        interruption.signal.addEventListener("abort", interrupt);
        if (interruption.signal.aborted) {
            interrupt();
        }
        child.once("message", (message) => {
            result = message as Summary;
            impatience = setTimeout(() => child.kill("SIGKILL"), ENDING_MS);
        });
        child.once("error", reject);
        child.once("close", (code, signal) => {
            process.stdout.write(Buffer.concat(said));
            resolve(signal ?? `exit code ${code}`);
        });
    });
    clearTimeout(impatience);
    if (result === undefined || interruption.signal.aborted) {
        console.error(`mocha ended before its tests did, with ${end}.`);
        return { passed: result?.passed ?? 0, failed: (result?.failed ?? 0) + 1, skipped: result?.skipped ?? 0 };
    }
    if (end === "SIGKILL") {
        console.error(`The tests left something open: mocha did not end within ${ENDING_MS / 1000} s of the last.`);
        return { ...result, failed: result.failed + 1 };
    }
    return result;
}

void runCommand(main);
