import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { REPOSITORY } from "../../scripts/paths";

/** A mistake in the code, and the test that is there to notice it. */
interface Canary {
    readonly mistake: string;
    readonly file: string;
    readonly code: string;
    readonly wrong: string;
    readonly suite: string;
    readonly test: string;
}

const CANARIES: readonly Canary[] = [
    {
        mistake: "the object's name is made of the pool, so that two pools can give out one address",
        file: "cluster/ipam/ledger.js",
        code: "name: (0, reservation_1.reservationName)(space, address),",
        wrong: "name: (0, reservation_1.reservationName)(pool ?? space, address),",
        suite: "ipam/allocate",
        test: "[case 69]",
    },
    {
        mistake: "an object is removed whoever has it by now",
        file: "cluster/ipam/ledger.js",
        code: "{ uid, ...(resourceVersion && { resourceVersion }) }",
        wrong: "{}",
        suite: "ipam/ledger",
        test: "does not remove another owner's object",
    },
    {
        mistake: "the lowest free address is chosen, by all writers at once",
        file: "core/free-addresses.js",
        code: "this.freeFrom(choice % candidates.size, family)",
        wrong: "this.freeFrom(0n, family)",
        suite: "core/free-addresses",
        test: "are spread over the pool",
    },
    {
        mistake: "a pool is called full by what was read at first",
        file: "cluster/ipam/allocate.js",
        code: "await space.reload();",
        wrong: "",
        suite: "ipam/allocate",
        test: "[case 27]",
    },
    {
        mistake: "an owner's address counts only where the process knew it before",
        file: "cluster/ipam/allocate.js",
        code: "space.beganAt(each) < version",
        wrong: "false",
        suite: "ipam/allocate",
        test: "of which none knows the cluster as another does",
    },
];

describe("[case 75] a mistake in the ledger of addresses", function () {
    this.timeout(300_000);
    let copy: string;

    before("copy what is compiled, for mistakes to be made in it", () => {
        copy = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-canaries-"));
        fs.cpSync(path.join(REPOSITORY, "bin"), path.join(copy, "bin"), { recursive: true });
        for (const name of ["node_modules", "package.json"]) {
            fs.symlinkSync(path.join(REPOSITORY, name), path.join(copy, name));
        }
    });
    after(() => {
        fs.rmSync(copy, { recursive: true, force: true });
    });

    /** The titles of the copy's tests that pass and fail, of those of a suite that have a text in theirs. */
    async function run(suite: string, test: string): Promise<{ passes: string[]; failures: string[] }> {
        const mocha = path.join(REPOSITORY, "node_modules", "mocha", "bin", "mocha.js");
        const file = path.join(copy, "bin", "test", `${suite}.test.js`);
        const said = await new Promise<string>((resolve) => {
            execFile(
                process.execPath,
                [mocha, "--timeout", "120000", "--reporter", "json", "--fgrep", test, file],
                { cwd: copy, maxBuffer: 2 ** 26 },
                (_error, stdout) => resolve(stdout),
            );
        });
        const titles = (tests: readonly { fullTitle: string }[]): string[] => tests.map(({ fullTitle }) => fullTitle);
        const result = JSON.parse(said.slice(said.indexOf("{\n"))) as Record<
            "passes" | "failures",
            { fullTitle: string }[]
        >;
        return { passes: titles(result.passes), failures: titles(result.failures) };
    }

    for (const { mistake, file, code, wrong, suite, test } of CANARIES) {
        it(`is noticed: ${mistake}`, async () => {
            const right = await run(suite, test);
            assert.deepEqual(right.failures, []);
            assert.ok(right.passes.length > 0, `no test is named ${test}`);
            const target = path.join(copy, "bin", file);
            const source = fs.readFileSync(target, "utf8");
            assert.equal(source.split(code).length, 2, `${file} has not just one ${code}`);
            fs.writeFileSync(target, source.replace(code, wrong));
            try {
                const { failures } = await run(suite, test);
                assert.ok(
                    failures.some((title) => title.includes(test)),
                    `${test} passes`,
                );
            } finally {
                fs.writeFileSync(target, source);
            }
        });
    }
});
