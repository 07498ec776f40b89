import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import * as path from "node:path";
import { compileFunction } from "node:vm";
import { deploy } from "../components/deploy";
import { everyNoun } from "../components/every-noun";

const DYNAMIC = path.resolve(__dirname, "../../dynamic");

/** A noun's name in the package's paths: `network-interface` of `NetworkInterface`, `ip-reservation` of `IPReservation`. */
function folderOf(noun: string): string {
    return noun.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3-$2$4").toLowerCase();
}

/** What the engine stores with each resource, by the noun of the resource. */
async function storedTexts(): Promise<Map<string, string>> {
    const { registered } = await deploy(everyNoun);
    const dynamic = registered.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/wukong:"));
    return new Map(dynamic.map(({ type, inputs }) => [folderOf(type.split(":").at(-1)!), inputs.__provider as string]));
}

describe("the text of a provider that the engine stores with each resource", () => {
    let texts: Map<string, string>;

    before(async () => {
        texts = await storedTexts();
    });

    it("is there for every noun", () => {
        const folders = readdirSync(DYNAMIC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
        assert.deepEqual([...texts.keys()].sort(), folders.map(({ name }) => name).sort());
    });

    it("is short: it is stored twice with each resource", () => {
        for (const [noun, text] of texts) {
            assert.ok(Buffer.byteLength(text) < 4096, `${noun}: ${Buffer.byteLength(text)} bytes`);
        }
    });

    it("holds nothing of the machine it was made on", () => {
        for (const [noun, text] of texts) {
            for (const own of [process.cwd(), __dirname, process.env.HOME!, "node_modules", "/bin/", "file:"]) {
                assert.ok(!text.includes(own), `${noun}: ${own}`);
            }
        }
    });

    it("differs between nouns in nothing but the noun", () => {
        const [first, ...others] = [...texts].map(([noun, text]) => text.replaceAll(`"${noun}"`, '"<noun>"'));
        for (const other of others) {
            assert.equal(other, first);
        }
    });

    it("refers to a path of the package, which has the methods of a provider", async () => {
        for (const [noun, text] of texts) {
            const names = [...text.matchAll(/require\((.+?)\)/g)].map(([, argument]) => argument);
            assert.deepEqual(names, ["`pulumi-wukong/dynamic/${noun}/provider`"]);
            const provider = (await import(`pulumi-wukong/dynamic/${noun}/provider`)) as Record<string, unknown>;
            for (const method of ["check", "diff", "create"]) {
                assert.equal(typeof provider[method], "function", `${noun}.${method}`);
            }
        }
    });

    it("brings in the methods when it is configured, as the engine's host does at first", async () => {
        for (const [noun, text] of texts) {
            const exported: { handler?: () => Record<string, unknown> & { configure: () => Promise<void> } } = {};
            // The host evaluates the text as a CommonJS module (dynamic-provider/index.ts).
            compileFunction(text, ["exports", "require"])(exported, (name: string) => {
                assert.equal(name, `pulumi-wukong/dynamic/${noun}/provider`);
                return { create: noun };
            });
            const provider = exported.handler!();
            void provider.configure();
            // It does not wait for what `configure` promises (pulumi/pulumi, dynamic-provider/index.ts getProvider).
            assert.equal(provider.create, noun);
        }
    });
});
