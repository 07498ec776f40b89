import assert from "node:assert/strict";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { deploy } from "../components/deploy";
import { everyNoun } from "../components/every-noun";
import { command, type Finished } from "../support/command";
import { useNamespace } from "../support/embedded-cluster";
import { pulumiEnvironment } from "../support/pulumi-environment";

const REPOSITORY = path.resolve(__dirname, "../../..");

interface Manifest {
    main: string;
    types: string;
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
}

/** What the engine keeps of a resource; a component may have no inputs. */
interface Stored {
    type: string;
    inputs?: Record<string, unknown>;
}

/** The texts of the providers of dynamic resources, by type. */
function textsOf(resources: readonly Stored[]): Map<string, unknown> {
    return new Map(
        resources.flatMap(({ type, inputs }) => (inputs?.__provider === undefined ? [] : [[type, inputs.__provider]])),
    );
}

describe("the package as it is published, in an empty folder", () => {
    const namespace = useNamespace("package");
    let folder: string;
    let installed: string;
    let manifest: Manifest;

    before(async () => {
        folder = mkdtempSync(path.join(tmpdir(), "wukong-package-"));
        installed = path.join(folder, "node_modules", "pulumi-wukong");
        // What is compiled is compiled already, as for every test.
        const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
        assert.equal((await command("npm", args, { cwd: REPOSITORY })).code, 0);
        const [tarball = ""] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
        mkdirSync(installed, { recursive: true });
        const unpack = ["-xzf", path.join(folder, tarball), "--strip-components=1", "-C", installed];
        assert.equal((await command("tar", unpack, { cwd: folder })).code, 0);
        manifest = JSON.parse(readFileSync(path.join(installed, "package.json"), "utf8")) as Manifest;
        // What it declares that it needs, and nothing else, so that it finds nothing that it forgot to declare.
        for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
            const link = path.join(folder, "node_modules", name);
            mkdirSync(path.dirname(link), { recursive: true });
            symlinkSync(path.join(REPOSITORY, "node_modules", name), link);
        }
    });

    after(() => {
        rmSync(folder, { recursive: true, force: true });
    });

    const filesOf = (from: string): string[] =>
        readdirSync(from, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.relative(from, path.join(entry.parentPath, entry.name)));

    it("holds what a program needs, and no test, no script and no source", () => {
        const files = filesOf(installed);
        for (const file of [manifest.main, manifest.types, "LICENSE"]) {
            assert.ok(files.includes(path.normalize(file)), file);
        }
        const crds = readdirSync(path.join(REPOSITORY, "crds")).map((file) => `crds/${file}`);
        assert.deepEqual(files.filter((file) => file.startsWith("crds/")).sort(), crds.sort());
        const meant =
            /^(bin\/(index|(cli|components|core|cluster|dynamic|proxy)\/.*)\.(d\.ts|js|js\.map)|crds\/.*\.yaml)$/;
        const others = files.filter((file) => !meant.test(file) && file !== "README.md");
        assert.deepEqual(others.sort(), [
            ...["LICENSE", "bin/cluster/kubernetes-client.LICENSES.txt", "package.json", "proxy/Dockerfile"],
        ]);
    });

    it("has source maps that bring their sources along", () => {
        const maps = filesOf(installed).filter((file) => file.endsWith(".map"));
        assert.ok(maps.length > 0);
        for (const map of maps) {
            const { sources, sourcesContent = [] } = JSON.parse(readFileSync(path.join(installed, map), "utf8")) as {
                sources: string[];
                sourcesContent?: (string | null)[];
            };
            sources.forEach((source, index) => {
                const there = existsSync(path.resolve(installed, path.dirname(map), source));
                assert.ok(there || typeof sourcesContent[index] === "string", `${map}: ${source}`);
            });
        }
    });

    it("has the client of the API server in one file, beside the licences of what is in there", () => {
        const client = path.join(installed, "bin/cluster/kubernetes-client.js");
        const required = [...readFileSync(client, "utf8").matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name);
        const optional = ["utf-8-validate", "bufferutil"];
        assert.deepEqual(
            required.filter((name = "") => !isBuiltin(name) && !optional.includes(name)),
            [],
        );
        const licences = readFileSync(client.replace(/js$/, "LICENSES.txt"), "utf8");
        for (const name of ["@kubernetes/client-node", "undici", "openid-client", "js-yaml", "socks"]) {
            assert.match(licences, new RegExp(`^${name} \\d+[.]\\d+[.]\\d+ \\((MIT|Apache-2.0)\\)\n\n\\S`, "m"));
        }
    });

    it("has its types at hand: a compiler sees a mistake in a program", async () => {
        writeFileSync(
            path.join(folder, "typed.ts"),
            [
                'import { VirtualMachine } from "pulumi-wukong";',
                'const vm = new VirtualMachine("web", { cpu: 1, memory: "1Gi", networks: [{ name: "eth0", type: "pod" }] });',
                'export const phase: { apply(use: (phase: string) => void): unknown } = vm.interfaces["eth0"]!.phase;',
                "// @ts-expect-error -- there is no such type of NIC",
                'new VirtualMachine("db", { cpu: 1, memory: "1Gi", networks: [{ name: "eth0", type: "token-ring" }] });',
            ].join("\n"),
        );
        const compilerOptions = { noEmit: true, strict: true, module: "node20", skipLibCheck: true, types: [] };
        writeFileSync(path.join(folder, "typed.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
        const compiler = path.join(REPOSITORY, "node_modules/typescript/bin/tsc");
        const { code, text } = await command(process.execPath, [compiler, "-p", "typed.json"], { cwd: folder });
        assert.equal(code, 0, text);
    });

    it("lets the engine's host find the provider of every noun from the program's folder", async () => {
        const nouns = readdirSync(path.join(installed, "bin/dynamic"), { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .map(({ name }) => name);
        assert.ok(nouns.length >= 5);
        const script = `for (const noun of ${JSON.stringify(nouns)}) {
            const found = require.resolve(\`pulumi-wukong/dynamic/\${noun}/provider\`);
            console.log(found, typeof require(found).create);
        }`;
        const { code, text } = await command(process.execPath, ["-e", script], { cwd: folder });
        assert.equal(code, 0, text);
        const expected = nouns.map((noun) => `${path.join(installed, "bin/dynamic", noun, "provider.js")} function`);
        assert.deepEqual(text.trim().split("\n"), expected);
    });

    describe("with a program of five lines, by the Pulumi CLI", () => {
        let environment: Record<string, string>;

        const pulumi = async (...args: string[]): Promise<Finished> =>
            command("pulumi", [...args, "--non-interactive", "--color=never"], { cwd: folder, env: environment });

        /** Writes the program; `nics` are those beside the pod NIC. */
        const program = (nics: string): void => {
            writeFileSync(
                path.join(folder, "index.js"),
                `const { IPPool, VirtualMachine } = require("pulumi-wukong");
const ipPool = new IPPool("${namespace.name}", { cidr: "10.77.0.0/24" });
const eth0 = { name: "eth0", type: "pod", serviceExposure: { ports: [{ port: 80 }] } };
const vm = { namespace: "${namespace.name}", cpu: 1, memory: "64Mi", networks: [eth0, ${nics}] };
exports.phase = new VirtualMachine("web", vm).interfaces.eth1.phase;
`,
            );
        };
        const eth1 = '{ name: "eth1", type: "bridge", ipConfig: { mode: "static", ipPool } }';

        before(async () => {
            mkdirSync(path.join(folder, "state"));
            environment = {
                ...(await pulumiEnvironment()),
                HOME: folder,
                PULUMI_HOME: path.join(folder, "home"),
                PULUMI_BACKEND_URL: `file://${path.join(folder, "state")}`,
            };
            writeFileSync(path.join(folder, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
            writeFileSync(path.join(folder, "package.json"), '{ "main": "index.js" }\n');
            program(eth1);
            const { code, text } = await pulumi("stack", "init", "dev");
            assert.equal(code, 0, text);
        });

        after(async () => {
            await pulumi("destroy", "--yes", "--skip-preview");
        });

        it("shows a mistake in the program as a sentence, without a stack trace", async () => {
            program(`${eth1}, ${eth1}`);
            const { code, text } = await pulumi("preview");
            assert.notEqual(code, 0);
            assert.match(
                text,
                /VirtualMachine web cannot be made as it is declared\. NIC "eth1" of VM "web-vm": networks\[2\]/,
            );
            assert.doesNotMatch(text, /^\s+at /m);
            assert.ok(!text.includes("node_modules"), text);
        });

        it("brings a VM up, keeps the same short provider text as in the repository, and destroys it", async () => {
            program(eth1);
            const up = await pulumi("up", "--yes", "--skip-preview");
            assert.equal(up.code, 0, up.text);
            assert.match((await pulumi("stack", "output", "phase")).text, /^(staged|attached|guest-visible)\n/);

            const exported = await pulumi("stack", "export");
            const state = JSON.parse(exported.text) as { deployment: { resources: Stored[] } };
            const stored = textsOf(state.deployment.resources);
            const here = textsOf((await deploy(everyNoun)).registered);
            assert.ok(here.size >= 5);
            assert.deepEqual(stored, here);

            const down = await pulumi("destroy", "--yes", "--skip-preview");
            assert.equal(down.code, 0, down.text);
        });
    });
});
