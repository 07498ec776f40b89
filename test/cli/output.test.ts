import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parse } from "yaml";
import { age } from "../../cli/output/age";
import { renderList } from "../../cli/output/format";
import { printable } from "../../cli/output/printable";
import { type Column, renderTable } from "../../cli/output/table";
import { run } from "../../cli/run";
import { testKubeconfig } from "../support/embedded-cluster";

const MS = 1;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("ages", () => {
    // The tables of TestHumanDuration and TestHumanDurationBoundaries in k8s.io/apimachinery/pkg/util/duration.
    const UPSTREAM: [number, string][] = [
        [SECOND, "1s"],
        [70 * SECOND, "70s"],
        [190 * SECOND, "3m10s"],
        [70 * MINUTE, "70m"],
        [47 * HOUR, "47h"],
        [49 * HOUR, "2d1h"],
        [(8 * 24 + 2) * HOUR, "8d"],
        [367 * DAY, "367d"],
        [(365 * 2 * 24 + 25) * HOUR, "2y1d"],
        [(365 * 8 * 24 + 2) * HOUR, "8y"],
        [-2 * SECOND, "<invalid>"],
        [-2 * SECOND + MS, "0s"],
        [0, "0s"],
        [SECOND - MS, "0s"],
        [2 * MINUTE - MS, "119s"],
        [2 * MINUTE, "2m"],
        [2 * MINUTE + SECOND, "2m1s"],
        [10 * MINUTE - MS, "9m59s"],
        [10 * MINUTE, "10m"],
        [10 * MINUTE + SECOND, "10m"],
        [3 * HOUR - MS, "179m"],
        [3 * HOUR, "3h"],
        [3 * HOUR + MINUTE, "3h1m"],
        [8 * HOUR - MS, "7h59m"],
        [8 * HOUR, "8h"],
        [8 * HOUR + 59 * MINUTE, "8h"],
        [2 * DAY - MS, "47h"],
        [2 * DAY, "2d"],
        [2 * DAY + HOUR, "2d1h"],
        [8 * DAY - MS, "7d23h"],
        [8 * DAY, "8d"],
        [8 * DAY + 23 * HOUR, "8d"],
        [2 * 365 * DAY - MS, "729d"],
        [2 * 365 * DAY, "2y"],
        [2 * 365 * DAY + 23 * HOUR, "2y"],
        [2 * 365 * DAY + DAY - MS, "2y"],
        [2 * 365 * DAY + DAY, "2y1d"],
        [3 * 365 * DAY, "3y"],
        [7 * 365 * DAY, "7y"],
        [8 * 365 * DAY - MS, "7y364d"],
        [8 * 365 * DAY, "8y"],
        [8 * 365 * DAY + 364 * DAY, "8y"],
        [9 * 365 * DAY, "9y"],
    ];
    for (const [ms, expected] of UPSTREAM) {
        it(`of ${ms / SECOND} s: ${expected}`, () => {
            const now = new Date("2026-11-21T12:00:00Z");
            assert.equal(age(new Date(now.getTime() - ms).toISOString(), now), expected);
        });
    }

    it("are not known for what is no time", () => {
        assert.equal(age("", new Date()), "<unknown>");
    });
});

describe("tables", () => {
    interface Row {
        name: string;
        owner: string;
        count?: string;
    }
    const columns: Column<Row>[] = [
        { header: "NAME", value: ({ name }) => name },
        { header: "OWNER", value: ({ owner }) => owner, shrinks: true },
        { header: "COUNT", value: ({ count }) => count, align: "right" },
    ];
    const rows: Row[] = [
        { name: "a", owner: "the-owner-of-a", count: "7" },
        { name: "longer-name", owner: "b", count: "1234567" },
        { name: "none", owner: "" },
    ];

    it("are aligned by the widest cell", () => {
        assert.equal(
            renderTable(columns, rows),
            [
                "NAME          OWNER              COUNT",
                "a             the-owner-of-a         7",
                "longer-name   b                1234567",
                "none                            <none>",
                "",
            ].join("\n"),
        );
    });

    it("are as wide as they must be where the terminal is wider, and where there is none", () => {
        const natural = renderTable(columns, rows);
        assert.equal(renderTable(columns, rows, 38), natural);
        assert.equal(renderTable(columns, rows, 200), natural);
    });

    it("fit the terminal: what may be cut is, and says so", () => {
        assert.equal(
            renderTable(columns, rows, 34),
            [
                "NAME          OWNER          COUNT",
                "a             the-owner…         7",
                "longer-name   b            1234567",
                "none                        <none>",
                "",
            ].join("\n"),
        );
    });

    it("cut the longest first", () => {
        const both = columns.map((column) => ({ ...column, shrinks: true }));
        const long: Row = { name: "twelve-chars", owner: "an-owner-of-twenty-ch", count: "1" };
        assert.equal(
            renderTable(both, [long], 12 + 3 + 12 + 3 + 5),
            ["NAME           OWNER          COUNT", "twelve-chars   an-owner-of…       1", ""].join("\n"),
        );
    });

    it("cut nothing to less than can be read, and nothing else", () => {
        for (const line of renderTable(columns, rows, 10).trimEnd().split("\n")) {
            assert.equal(line.length, 11 + 3 + 8 + 3 + 7, line);
        }
    });

    it("count wide characters twice", () => {
        const [, wide = "", narrow = ""] = renderTable(columns, [
            { name: "悟空", owner: "x" },
            { name: "wuko", owner: "x" },
        ]).split("\n");
        assert.equal(wide.indexOf("x") + 2, narrow.indexOf("x"));
    });

    it("have a line for each row, whatever is in its cells", () => {
        const anything = fc.string({ unit: "binary" });
        fc.assert(
            fc.property(fc.array(fc.record({ name: anything, owner: anything })), (some) => {
                const lines = renderTable(columns, some, 60).split("\n");
                assert.equal(lines.length, some.length + 2);
                assert.ok(lines.every((line) => printable(line) === line));
            }),
        );
    });
});

describe("what is printed for programs", () => {
    const anything = fc.string({ unit: "binary" });
    for (const format of ["json", "yaml"] as const) {
        it(`is ${format} of the same meaning without a character that a terminal acts on`, () => {
            fc.assert(
                fc.property(
                    fc.array(
                        fc.record({ owner: anything, free: anything, is: fc.boolean() }, { noNullPrototype: true }),
                    ),
                    (list) => {
                        const text = renderList(list, format);
                        assert.doesNotMatch(text, /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
                        assert.deepEqual(format === "json" ? JSON.parse(text) : parse(text), list);
                    },
                ),
            );
        });
    }

    it("is escaped as every YAML parser reads it (YAML 1.2.2, 5.7)", () => {
        const text = renderList([{ owner: "\u{e0041}\u009b" }], "yaml");
        assert.equal(text, '- owner: "\\U000e0041\\u009b"\n');
    });

    it("is text in YAML where it looks like something else", () => {
        const list = [{ free: "18446744073709551615", pool: "true", owner: "0x10", mac: "02:00:00:00:00:01" }];
        assert.deepEqual(parse(renderList(list, "yaml")), list);
        // What YAML 1.1 takes for numbers of base 60, booleans and times (https://yaml.org/type/).
        const old = [{ mac: "52:54:00:12:34:56", pool: "no", owner: "on", from: "2026-11-18T10:53:52Z" }];
        assert.deepEqual(parse(renderList(old, "yaml"), { version: "1.1" }), old);
    });
});

describe("wukong on a terminal", () => {
    /** What it prints there. */
    const printed = async (columns: number, ...args: string[]): Promise<string> => {
        const parts: string[] = [];
        const print = (text: string): number => parts.push(text);
        const code = await run([...args, "--kubeconfig", await testKubeconfig()], { print, complain: print, columns });
        assert.equal(code, 0);
        return parts.join("");
    };

    it("fits its help to the width", async () => {
        const [options = ""] = (await printed(70, "ipam", "list", "--help")).split("\nExamples:");
        assert.ok(Math.max(...options.split("\n").map((line) => line.length)) <= 70, options);
    });
});
