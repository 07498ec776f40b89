// The build's last step, after the compiler: puts @kubernetes/client-node, as far as it is used, into the one file through
// which the package uses it, with the licences of what is in there beside it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outfile = path.join(root, "bin", "cluster", "kubernetes-client.js");

/** The folder of the package that a bundled file is of, from the root. */
function packageOf(file) {
    return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** Name, version and licence text of a bundled package. */
function licenceOf(folder) {
    const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
    const file = readdirSync(path.join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? "" : readFileSync(path.join(root, folder, file), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}`.trim();
}

const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [path.join("cluster", "kubernetes-client.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    metafile: true,
    logLevel: "warning",
});
const [{ inputs }] = Object.values(metafile.outputs);
const packages = [...new Set(Object.keys(inputs).flatMap((file) => packageOf(file) ?? []))].sort();
writeFileSync(outfile.replace(/js$/, "LICENSES.txt"), `${packages.map(licenceOf).join(`\n\n${"-".repeat(80)}\n\n`)}\n`);
rmSync(`${outfile}.map`, { force: true }); // the compiler's, of what was there before
