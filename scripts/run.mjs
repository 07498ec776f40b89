// Entry of every `npm run` command. It runs on whatever Node the machine has, before anything is installed, and therefore
// stands on nothing but Node itself: it installs the npm dependencies, compiles, and starts the command on npm's own Node.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const inRoot = (...names) => path.join(root, ...names);

/** What each command starts, from the root of the repository. */
const commands = {
    demo: "bin/scripts/demo.js",
    test: "bin/scripts/test.js",
    lint: "bin/scripts/lint.js",
    bench: "bin/scripts/bench.js",
    cluster: "bin/scripts/cluster.js",
    docs: "node_modules/typedoc/bin/typedoc",
};

/** The oldest Node the compiled package runs on, as in package.json's `engines`. */
const oldestNode = 22;

/** A mistake of the user's, or a lack of the machine's: told in a sentence, without a stack. */
class Refusal extends Error {}

// Progress goes to stderr, so that a command's own output can be piped.
const say = (text) => process.stderr.write(`${text}\n`);

async function step(title, work) {
    const start = performance.now();
    say(`${title} ...`);
    await work();
    say(`${title}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Runs a program with its output on stderr, and refuses with `failure` unless it ends well. */
function run(program, args, failure) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, { cwd: root, stdio: ["ignore", 2, 2] });
        child.on("error", (error) =>
            reject(
                error.code === "ENOENT"
                    ? new Refusal(
                          `\`${program}\` is not on PATH: install it (it comes with Node.js) and run this command again.`,
                      )
                    : error,
            ),
        );
        child.on("close", (code) => (code === 0 ? resolve() : reject(new Refusal(failure))));
    });
}

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Whether node_modules holds what package-lock.json asks for, by the record that npm keeps of what it installed. */
function isInstalled() {
    const record = inRoot("node_modules", ".package-lock.json");
    if (!existsSync(record)) {
        return false;
    }
    const installed = readJson(record).packages;
    return Object.entries(readJson(inRoot("package-lock.json")).packages).every(
        ([name, wanted]) =>
            name === "" ||
            wanted.optional ||
            (installed[name]?.version === wanted.version && installed[name].integrity === wanted.integrity),
    );
}

/** npm's package `node` puts the program here when its install script has run. */
const suppliedNode = inRoot("node_modules", "node", "bin", "node");

async function install() {
    if (!isInstalled()) {
        // Of all install scripts only that of `node` is of use: the one of @pulumi/kubernetes would start a download of a plugin.
        const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        await step("Installing the npm dependencies", () => run("npm", args, "`npm ci` failed, for the reason above."));
    }
    if (!existsSync(suppliedNode)) {
        const failure = "`npm rebuild node` failed, for the reason above.";
        const rebuild = () => run("npm", ["rebuild", "node", "--loglevel=error"], failure);
        await step("Fetching Node", rebuild).catch((error) => {
            if (Number.parseInt(process.versions.node) < oldestNode) {
                throw error;
            }
            say(`npm could not supply a Node: going on with the machine's own ${process.version}.`);
        });
    }
}

/** What exists, in a folder of the root, of the named files and of the files in the named folders. */
function filesBelow(folder, names) {
    return names.flatMap((name) => {
        const status = statSync(inRoot(folder, name), { throwIfNoEntry: false });
        return status?.isDirectory()
            ? readdirSync(inRoot(folder, name), { recursive: true }).map((file) => path.join(name, file))
            : status
              ? [name]
              : [];
    });
}

/** Compiles unless what is in bin/ comes from these very sources, compiler options and dependencies. */
async function compile(node) {
    const hash = createHash("sha256");
    const { include } = readJson(inRoot("tsconfig.json"));
    const files = filesBelow(".", include)
        .filter((file) => file.endsWith(".ts"))
        .sort();
    for (const file of ["tsconfig.json", "package.json", "package-lock.json", "scripts/bundle.mjs", ...files]) {
        hash.update(file)
            .update("\0")
            .update(readFileSync(inRoot(file)))
            .update("\0");
    }
    const digest = hash.digest("hex");
    const stamp = inRoot("bin", ".compiled");
    // The compiler writes its own record at each run that emits something, also when it finds errors or is started by hand.
    const state = () => `${digest} ${statSync(inRoot("bin", ".tsbuildinfo"), { throwIfNoEntry: false })?.mtimeMs}`;
    const isWhole = files.every(
        (file) => file.endsWith(".d.ts") || existsSync(inRoot("bin", file.replace(/ts$/, "js"))),
    );
    if (isWhole && existsSync(stamp) && readFileSync(stamp, "utf8") === state()) {
        return;
    }
    if (!isWhole) {
        rmSync(inRoot("bin", ".tsbuildinfo"), { force: true }); // by this record the compiler leaves out what it has done
    }
    const compiler = inRoot("node_modules", "typescript", "bin", "tsc");
    await step("Compiling", async () => {
        await run(node, [compiler, "-p", "tsconfig.json"], "The sources do not compile, as told above.");
        await run(
            node,
            [inRoot("scripts", "bundle.mjs")],
            "The client of the API server cannot be bundled, as told above.",
        );
    });
    // The output of a source that is gone goes too: a deleted test would otherwise run for ever.
    for (const output of filesBelow("bin", include)) {
        const source = output.replace(/(\.d\.ts|\.js|\.js\.map)$/, ".ts");
        if (source.endsWith(".ts") && !files.includes(source)) {
            rmSync(inRoot("bin", output));
        }
    }
    writeFileSync(stamp, state());
}

/** Starts the command's script, hands signals on to it, and ends as it ends. */
function start(node, script, args) {
    const environment = {
        ...process.env,
        PATH: [inRoot("node_modules", ".bin"), process.env.PATH].join(path.delimiter),
    };
    const child = spawn(node, ["--enable-source-maps", inRoot(script), ...args], {
        cwd: root,
        stdio: "inherit",
        env: environment,
    });
    // Only the child knows what to clean up, and it may take its time.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
        process.on(signal, () => child.kill(signal));
    }
    return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (code, signal) => {
            if (signal) {
                say(`${script} was ended by ${signal}.`);
            }
            resolve(code ?? 1);
        });
    });
}

async function main() {
    const [command, ...args] = process.argv.slice(2);
    if (!Object.hasOwn(commands, command ?? "")) {
        throw new Refusal(
            `Usage: npm run <command> [-- arguments], where the command is one of ${Object.keys(commands).join(", ")}.`,
        );
    }
    await install();
    const node = existsSync(suppliedNode) ? suppliedNode : process.execPath;
    await compile(node);
    process.exitCode = await start(node, commands[command], args);
}

main().catch((error) => {
    say(error instanceof Refusal ? error.message : error.stack);
    process.exitCode = 1;
});
