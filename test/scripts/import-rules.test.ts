import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { REPOSITORY } from "../../scripts/paths";

const CONFIGURATION = path.join(REPOSITORY, ".dependency-cruiser.cjs");

/** Packages of the small tree, and how its package.json lists them. */
const PACKAGES = { "@pulumi/pulumi": "peer", "@kubernetes/client-node": "normal", mocha: "dev" } as const;

/** Files without a fault, which the others import. */
const INNOCENT = [
    "core/a.ts",
    "cluster/a.ts",
    "components/a.ts",
    "dynamic/shim.ts",
    "dynamic/nic/inputs.ts",
    "test/a.ts",
];

/** One import against each rule: [file, what it imports, the rule that objects]. */
const FORBIDDEN: [string, string, string][] = [
    ["core/b.ts", "../cluster/a", "core-imports-core"],
    ["core/c.ts", "@pulumi/pulumi", "core-is-pure"],
    ["core/d.ts", "@kubernetes/client-node", "core-is-pure"],
    ["core/e.ts", "node:fs", "core-is-pure"],
    ["core/f.ts", "fs", "core-is-pure"],
    ["core/g.ts", "node:fs/promises", "core-is-pure"],
    ["cluster/b.ts", "../components/a", "cluster-imports-core"],
    ["cluster/c.ts", "@pulumi/pulumi", "only-components-know-pulumi"],
    ["cluster/e.ts", "@kubernetes/client-node", "one-way-to-the-kubernetes-client"],
    ["dynamic/connection.ts", "../cluster/a", "inputs-touch-no-cluster"],
    ["dynamic/nic/resource.ts", "./provider", "resource-touches-no-cluster"],
    ["dynamic/guard/provider.ts", "../../components/a", "provider-imports-cluster-and-core"],
    ["dynamic/guard/check.ts", "../nic/resource", "provider-imports-cluster-and-core"],
    ["components/b.ts", "../cluster/a", "components-touch-no-cluster"],
    ["components/c.ts", "../dynamic/nic/provider", "components-touch-no-cluster"],
    ["policy/a.ts", "../components/a", "policy-imports-cluster-and-core"],
    ["proxy/a.ts", "../dynamic/shim", "proxy-imports-cluster-and-core"],
    ["cli/a.ts", "../components/a", "cli-imports-cluster-and-core"],
    ["components/d.ts", "../test/a", "product-without-tests-and-scripts"],
    ["components/e.ts", "mocha", "product-without-development-dependencies"],
    ["examples/quickstart/index.ts", "../../components/a", "examples-use-the-package"],
    ["scripts/a.ts", "./b", "no-cycles"],
    ["scripts/c.ts", "./nowhere", "no-unresolvable"],
];

/** Imports that the rules must let pass. */
const ALLOWED: [string, string][] = [
    ["core/h.ts", "./a"],
    ["core/i.ts", "node:crypto"],
    ["cluster/d.ts", "../core/a"],
    ["cluster/kubernetes-client.ts", "@kubernetes/client-node"],
    ["dynamic/nic/provider.ts", "../../cluster/a"],
    ["components/f.ts", "../dynamic/nic/resource"],
    ["components/g.ts", "../core/a"],
    ["components/h.ts", "@pulumi/pulumi"],
    ["cli/b.ts", "../cluster/a"],
    ["test/b.ts", "mocha"],
    ["scripts/b.ts", "./a"], // the other half of the cycle, which is told once
    ["scripts/d.ts", "../components/a"],
];

describe("the rules about imports", () => {
    let tree: string;
    let violations: { from: string; rule: string }[];

    before(() => {
        tree = mkdtempSync(path.join(tmpdir(), "wukong-imports-"));
        const write = (file: string, text: string): void => {
            mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
            writeFileSync(path.join(tree, file), text);
        };
        const listed = (kind: string): object =>
            Object.fromEntries(
                Object.entries(PACKAGES).flatMap(([name, as]) => (as === kind ? [[name, "1.0.0"]] : [])),
            );
        const manifest = {
            name: "tree",
            dependencies: listed("normal"),
            devDependencies: { ...listed("dev"), ...listed("peer") },
            peerDependencies: listed("peer"),
        };
        write("package.json", JSON.stringify(manifest));
        write("tsconfig.json", JSON.stringify({ compilerOptions: { module: "node20" } }));
        for (const name of Object.keys(PACKAGES)) {
            write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
            write(`node_modules/${name}/index.js`, "");
        }
        INNOCENT.forEach((file) => write(file, "export const a = 1;\n"));
        for (const [file, target] of [...FORBIDDEN, ...ALLOWED]) {
            write(file, `import * as a from "${target}";\nexport const b = a;\n`);
        }
        write("components/i.ts", 'import type { b } from "../dynamic/nic/inputs";\nexport type B = typeof b;\n');
        write("dynamic/link/provider.ts", "export interface Inputs { a: string }\n");
        write("dynamic/link/resource.ts", 'import type { Inputs } from "./provider";\nexport type B = Inputs;\n');

        const program = path.join(REPOSITORY, "node_modules", ".bin", "depcruise");
        const args = ["--config", CONFIGURATION, "--output-type", "json", "."];
        const { stdout, stderr } = spawnSync(program, args, { cwd: tree, encoding: "utf8" });
        assert.equal(stderr, "");
        const result = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
        violations = result.summary.violations.map(({ from, rule }) => ({ from, rule: rule.name }));
    });

    after(() => rmSync(tree, { recursive: true, force: true }));

    for (const [file, target, rule] of FORBIDDEN) {
        it(`${rule}: ${file} may not import ${target}`, () => {
            assert.deepEqual(
                violations.filter(({ from }) => from === file).map((violation) => violation.rule),
                [rule],
            );
        });
    }

    it("let pass what points the right way", () => {
        const faulty = new Set(FORBIDDEN.map(([file]) => file));
        assert.deepEqual(
            violations.filter(({ from }) => !faulty.has(from)),
            [],
        );
    });

    it("are all tried here", () => {
        const names = [...readFileSync(CONFIGURATION, "utf8").matchAll(/(?:name: |layer\()"([a-z-]+)"/g)].map(
            ([, name]) => name,
        );
        assert.deepEqual(new Set(FORBIDDEN.map(([, , rule]) => rule)), new Set(names));
    });
});
