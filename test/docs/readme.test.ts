import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as k8s from "@kubernetes/client-node";
import { loadAllYaml } from "@kubernetes/client-node";
import { accountKubeconfig } from "../support/account";
import { ClusterView } from "../support/cluster-view";
import { command } from "../support/command";
import { done, orUndefined, seen, testClients, until, type TestClients } from "../support/embedded-cluster";
import { TestStack } from "../support/stack";
import { codeBlocks, REPOSITORY } from "./markdown";
import { applyDiff, ProgramFolder } from "./program";

const BLOCKS = codeBlocks("README.md");

/** The namespace of what README deploys. */
const NAMESPACE = "default";

function blocksIn(language: string): string[] {
    return BLOCKS.filter((block) => block.language === language).map(({ code }) => code);
}

interface Manifest {
    version: string;
    scripts: Record<string, string>;
    files: string[];
    bin: { wukong: string };
}

const MANIFEST = JSON.parse(readFileSync(path.join(REPOSITORY, "package.json"), "utf8")) as Manifest;

/** Messages and counts of a preview, as README shows them: of a project "web" with a stack "dev". */
function endOf(preview: string): string {
    const block = (heading: string): string =>
        new RegExp(`^${heading}:\n(?: .*\n)+`, "m").exec(preview)?.[0] ?? `${heading}: none\n`;
    const text = `${block("Diagnostics")}\n${block("Resources")}`;
    return text.replace(/\(wukong-test-test\)/, "(web-dev)").replace(/[ ]+$/gm, "");
}

describe("README", () => {
    let clients: TestClients;

    before("connect", async () => {
        clients = await testClients();
    });

    it("has blocks that are tried below, and no others", () => {
        assert.deepEqual(
            BLOCKS.map(({ language }) => language).sort(),
            ["diff", "sh", "sh", "sh", "sh", "sh", "text", "text", "ts", "yaml"].sort(),
        );
    });

    it("names commands that there are", () => {
        for (const line of blocksIn("sh").flatMap((code) => code.trimEnd().split("\n"))) {
            const [, script] = /^npm (?:run )?(demo|test|build)$/.exec(line) ?? [];
            if (script !== undefined) {
                assert.ok(MANIFEST.scripts[script], line);
                continue;
            }
            const [, version] =
                /^npm install \.\/pulumi-wukong-(.*)\.tgz @pulumi\/pulumi @pulumi\/kubernetes$/.exec(line) ?? [];
            if (version !== undefined) {
                assert.equal(version, MANIFEST.version, line);
                continue;
            }
            // Tried by the test of the packed package, and by those below.
            assert.match(
                line,
                /^(npm ci|npm pack|kubectl apply -f node_modules\/pulumi-wukong\/crds\/|pulumi up|npx wukong .*)$/,
            );
        }
    });

    it("has the package bring along the CRDs that it tells to apply", async () => {
        assert.ok(MANIFEST.files.includes("crds"));
        for (const file of readdirSync(path.join(REPOSITORY, "crds"))) {
            await dryRun(readFileSync(path.join(REPOSITORY, "crds", file), "utf8"));
        }
    });

    it("has YAML that the API server takes", async () => {
        for (const code of blocksIn("yaml")) {
            await dryRun(code);
        }
    });

    /** Applies as `kubectl apply --server-side --dry-run=server` does. */
    async function dryRun(yaml: string): Promise<void> {
        for (const object of loadAllYaml(yaml) as k8s.KubernetesObject[]) {
            await clients.objects.patch(object, undefined, "All", "readme", true, k8s.PatchStrategy.ServerSideApply);
        }
    }

    describe("whose program is run with the permissions that it lists, and no others", () => {
        const permissions = blocksIn("yaml").flatMap((code) => loadAllYaml(code) as k8s.KubernetesObject[]);
        const [source = ""] = blocksIn("ts");
        const [change = ""] = blocksIn("diff");
        const [first = "", second = ""] = blocksIn("text");
        const programs = new ProgramFolder();
        const folder = mkdtempSync(path.join(tmpdir(), "wukong-readme-"));
        let stack: TestStack | undefined;
        let view: ClusterView;
        let initial: Record<string, string>;

        before("make the account and the stack", async () => {
            for (const object of permissions) {
                await clients.objects.create(object);
            }
            const kubeconfig = path.join(folder, "kubeconfig");
            const account = permissions.find(({ kind }) => kind === "ServiceAccount")?.metadata;
            writeFileSync(kubeconfig, await accountKubeconfig(clients, account?.namespace ?? "", account?.name ?? ""));
            view = new ClusterView(clients, NAMESPACE);
            initial = await view.written();
            stack = await TestStack.create({ kubeconfig });
        });

        after("remove them", async () => {
            await stack?.dispose();
            for (const object of permissions) {
                await orUndefined(clients.objects.delete(object));
            }
            programs.remove();
            rmSync(folder, { recursive: true, force: true });
        });

        it("previews as shown", async () => {
            const { text } = await stack!.preview(programs.compile(source));
            assert.equal(endOf(text), first);
        });

        it("deploys", async () => {
            const { outputs } = await stack!.up(programs.compile(source));
            assert.deepEqual(
                (outputs.networks as { name: string }[]).map(({ name }) => name),
                ["eth0", "eth1"],
            );
            assert.deepEqual(Object.keys(await view.plugged("web-vm")).sort(), ["eth0", "eth1"]);
        });

        it("tells who has an address, by the commands shown", async () => {
            const commands = blocksIn("sh").flatMap((code) =>
                code.split("\n").filter((line) => line.startsWith("npx ")),
            );
            assert.equal(commands.length, 4);
            const env = { ...process.env, KUBECONFIG: path.join(folder, "kubeconfig") };
            for (const line of commands) {
                const [, , ...args] = line.split(" ");
                const cli = path.join(REPOSITORY, MANIFEST.bin.wukong);
                const { code, text } = await command(process.execPath, [cli, ...args], { cwd: folder, env });
                assert.equal(code, 0, `${line}: ${text}`);
                assert.match(
                    text,
                    line.includes("usage") ? /^lan-addresses /m : /\b10\.10\.0\.212\b[^]*default\/web-vm\/eth1/,
                );
            }
        });

        it("attaches one more NIC, which previews as shown", async () => {
            const program = programs.compile(applyDiff(source, change));
            const { text } = await stack!.preview(program);
            assert.equal(endOf(text), second);
            await stack!.up(program);
            assert.deepEqual(Object.keys(await view.plugged("web-vm")).sort(), ["eth0", "eth1", "eth2"]);
        });

        it("detaches it again", async () => {
            await stack!.up(programs.compile(source));
            assert.deepEqual(Object.keys(await view.plugged("web-vm")).sort(), ["eth0", "eth1"]);
        });

        it("is refreshed, and goes", async () => {
            await stack!.refresh();
            await stack!.destroy();
            await until("everything to be gone", async () => {
                const left = await view.written();
                const found = Object.keys(left).filter((key) => !(key in initial));
                return Promise.resolve(found.length === 0 ? done(true) : seen(found));
            });
        });
    });
});
