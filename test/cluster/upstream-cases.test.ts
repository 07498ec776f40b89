import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "mocha";
import { casesWithoutTest, upstreamCases } from "./upstream-cases";

describe("the list of upstream's cases", () => {
    it("is complete: each case has a test or a reason why not, and none has both", () => {
        const tested = fs
            .readdirSync(__dirname)
            .filter((file) => file.endsWith(".test.js"))
            .flatMap((file) => [
                ...fs.readFileSync(path.join(__dirname, file), "utf8").matchAll(/\bit\)?\(["'`](F\d+) /g),
            ])
            .map((match) => match[1] ?? "");
        const accounted = [...new Set(tested), ...Object.keys(casesWithoutTest)];
        const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1));
        assert.deepEqual(accounted.sort(byNumber), upstreamCases);
    });
});
