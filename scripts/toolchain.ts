import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
    accessSync,
    chmodSync,
    constants,
    existsSync,
    mkdirSync,
    readdirSync,
    renameSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Refusal } from "./command";
import { inParallel } from "./parallel";
import { REPOSITORY } from "./paths";
import { withLock } from "./toolchain/lock";
import { buildArguments, cacheKey, units, type GoProgram, type ProgramName, type Unit } from "./toolchain/units";

export type { ProgramName } from "./toolchain/units";

/** The oldest Pulumi CLI on PATH that is used as it is, as in package.json's `peerDependencies`. */
const OLDEST_PULUMI = "3.200.0";
const PARALLEL_BUILDS = 2;
/** How many builds of a unit stay in the cache: of clones and branches that are used in turns. */
const KEPT_BUILDS = 3;
const PROGRESS_MS = 15_000;

/**
 * Gives the absolute paths of programs, and builds those that are missing from the Go modules that are pinned here.
 *
 * They are kept in `$XDG_CACHE_HOME/pulumi-wukong` (`~/.cache/pulumi-wukong`), outside the clone, so that the first build
 * of some minutes happens once. A Pulumi CLI on PATH is used instead, where it is new enough.
 *
 * @throws Refusal where something has to be built and cannot be.
 */
export async function ensurePrograms<Name extends ProgramName>(names: readonly Name[]): Promise<Record<Name, string>> {
    const paths = new Map<string, string>();
    const installed = names.some((name) => name === "pulumi") ? await installedPulumi() : undefined;
    if (installed !== undefined) {
        paths.set("pulumi", installed);
    }
    const missing = names.filter((name) => !paths.has(name));
    const needed = units().filter((unit) =>
        unit.programs.some(({ name }) => missing.some((wanted) => wanted === name)),
    );
    await inParallel(PARALLEL_BUILDS, needed, async (unit) => {
        const folder = await ensureUnit(unit);
        unit.programs.forEach(({ name }) => paths.set(name, path.join(folder, "bin", name)));
    });
    return Object.fromEntries(names.map((name) => [name, paths.get(name)])) as Record<Name, string>;
}

/** The Pulumi CLI on PATH, if it is new enough. Its language host and its dynamic provider come with it. */
async function installedPulumi(): Promise<string | undefined> {
    const program = findOnPath("pulumi");
    if (program === undefined) {
        return undefined;
    }
    const environment = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const version = await promisify(execFile)(program, ["version"], { env: environment }).then(
        ({ stdout }) => stdout.trim(),
        () => "unknown",
    );
    if (isAtLeast(version, OLDEST_PULUMI)) {
        return program;
    }
    say(
        `pulumi on PATH (${program}) is version ${version}, older than ${OLDEST_PULUMI}: going on with one of our own.`,
    );
    return undefined;
}

/** Compares versions such as `v3.259.0` and `3.200.0`; what is no version is older than every version. */
export function isAtLeast(version: string, oldest: string): boolean {
    const numbers = /^v?(\d+\.\d+\.\d+)/.exec(version)?.[1];
    return numbers !== undefined && new Intl.Collator("en", { numeric: true }).compare(numbers, oldest) >= 0;
}

function findOnPath(program: string): string | undefined {
    const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
    return folders.map((folder) => path.join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
    try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
    } catch {
        return false;
    }
}

/** The folder of a unit's build in the cache, which is made if it is not there. */
async function ensureUnit(unit: Unit): Promise<string> {
    const cache = path.join(process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache"), "pulumi-wukong");
    const folder = path.join(cache, `${unit.name}-${cacheKey(unit)}`);
    if (!existsSync(folder)) {
        mkdirSync(cache, { recursive: true });
        const onWait = (): void => say(`${unit.name}: another run is building it; waiting for that.`);
        await withLock(`${folder}.lock`, onWait, async () => {
            if (!existsSync(folder)) {
                await build(unit, folder);
                prune(cache, unit, folder);
            }
        });
    }
    const now = new Date();
    utimesSync(folder, now, now); // the builds that were used last are the ones that are kept
    return folder;
}

/** Builds into a folder of its own and renames that: a folder with the final name is always whole. */
async function build(unit: Unit, folder: string): Promise<void> {
    const start = performance.now();
    const programs = unit.programs.map(({ name }) => name).join(", ");
    if (findOnPath("go") === undefined) {
        throw new Refusal(
            `Go is not on PATH, and is needed to build ${programs}: install Go 1.26 or newer and run this command again.`,
        );
    }
    const elapsed = (): string => `${Math.round((performance.now() - start) / 1000)} s`;
    say(`${unit.name}: building ${programs}; the first time this takes about ${unit.minutes} min on two cores.`);
    const partial = `${folder}.part-${process.pid}`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(path.join(partial, "bin"), { recursive: true });
    let progress = "looking at the sources";
    const report = setInterval(() => say(`${unit.name}: ${elapsed()}, ${progress}`), PROGRESS_MS);
    try {
        let compiled = 0;
        for (const program of unit.programs) {
            await goBuild(program, path.join(partial, "bin"), (line) => {
                const download = /^go: downloading (\S+)/.exec(line)?.[1];
                compiled += download === undefined ? 1 : 0;
                progress = download === undefined ? `${compiled} packages compiled` : `downloading ${download}`;
            });
        }
        for (const [name, text] of Object.entries(unit.shellScripts ?? {})) {
            writeFileSync(path.join(partial, "bin", name), text);
            chmodSync(path.join(partial, "bin", name), 0o755);
        }
        publish(partial, folder);
    } finally {
        clearInterval(report);
        rmSync(partial, { recursive: true, force: true });
    }
    say(`${unit.name}: built in ${elapsed()}.`);
}

function publish(partial: string, folder: string): void {
    try {
        renameSync(partial, folder);
    } catch (error) {
        if (!existsSync(folder)) {
            throw error;
        }
        // Another run took this one for dead and was first with the same programs.
    }
}

async function goBuild(program: GoProgram, folder: string, onProgress: (line: string) => void): Promise<void> {
    const child = spawn("go", buildArguments(program, folder), {
        cwd: path.join(REPOSITORY, program.module),
        env: { ...process.env, GOWORK: "off" },
        stdio: ["ignore", "ignore", "pipe"],
    });
    const complaints: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
        if (/^go: downloading |^[\w.~+-]+(\/[\w.~+-]+)*$/.test(line)) {
            onProgress(line);
        } else {
            complaints.push(line);
        }
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) {
        const text = complaints.slice(-30).join("\n");
        throw new Refusal(
            `${text}\n\`go build\` of ${program.name} in ${program.module} failed, for the reason above.`,
        );
    }
}

/** Removes what older pins and killed builds of a unit have left. */
function prune(cache: string, unit: Unit, newest: string): void {
    const entries = readdirSync(cache).filter((name) => name.startsWith(`${unit.name}-`));
    const builds = entries
        .filter((name) => /-[0-9a-f]{16}$/.test(name) && name !== path.basename(newest))
        .map((name) => ({ name, used: lastUse(path.join(cache, name)) }))
        .sort((a, b) => b.used - a.used);
    const obsolete = builds.slice(KEPT_BUILDS - 1).map(({ name }) => name);
    const yesterday = Date.now() - 24 * 60 * 60_000;
    const abandoned = entries.filter((name) => name.includes(".part-") && lastUse(path.join(cache, name)) < yesterday);
    for (const name of [...obsolete, ...abandoned]) {
        rmSync(path.join(cache, name), { recursive: true, force: true });
    }
}

/** When a folder was last touched; long ago where another run has just removed it. */
function lastUse(folder: string): number {
    return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

// Progress goes to stderr, so that a command's own output can be piped.
function say(text: string): void {
    process.stderr.write(`${text}\n`);
}
