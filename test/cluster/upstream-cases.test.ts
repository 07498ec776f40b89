import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "mocha";
import { casesWithoutProgram, casesWithoutTest, upstreamCases } from "./upstream-cases";

/** The numbers in the titles of a folder's tests. */
function casesOf(folder: string): string[] {
    return fs
        .readdirSync(folder)
        .filter((file) => file.endsWith(".test.js"))
        .flatMap((file) => [
            ...fs.readFileSync(path.join(folder, file), "utf8").matchAll(/\bit\)?\(\s*["'`]\[?((?:F\d+[ \]]+)+)/g),
        ])
        .flatMap(([, numbers = ""]) => numbers.match(/F\d+/g) ?? []);
}

function assertComplete(tested: readonly string[], without: Readonly<Record<string, string>>): void {
    const accounted = [...new Set(tested), ...Object.keys(without)];
    const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1));
    assert.deepEqual(accounted.sort(byNumber), upstreamCases);
}

describe("the list of upstream's cases", () => {
    it("is complete: each case has a test or a reason why not, and none has both", () => {
        assertComplete(casesOf(__dirname), casesWithoutTest);
    });

    it("is complete for programs, too, by the real engine", () => {
        assertComplete(casesOf(path.join(__dirname, "..", "integration")), casesWithoutProgram);
    });
});
