import Table from "cli-table3";
import stringWidth from "string-width";
import { printable } from "./printable";

/** A column of a table of `T`. */
export interface Column<T> {
    readonly header: string;
    /** The text of a cell; `undefined` for what there is not. */
    readonly value: (row: T) => string | undefined;
    /** @default "left" */
    readonly align?: "left" | "right";
    /** May be cut where the table is wider than the terminal. @default false */
    readonly shrinks?: boolean;
}

/** What kubectl prints for what there is not. */
const NOTHING = "<none>";

/** Spaces between columns. */
const GAP = 3;

/** What is cut is not made narrower than this. */
const NARROWEST = 8;

/** Texts stand below their rows, so far to the right. */
const INDENT = "    ";

/** Where the terminal is narrower, the lines of a text are broken by it. */
const NARROWEST_TEXT = 20;

/** No lines around the cells. */
const BORDERLESS = Object.fromEntries(
    ["top", "bottom", "left", "right", "mid"]
        .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
        .concat("middle")
        .map((name) => [name, ""]),
);

/**
 * A table as kubectl prints it: headers in capitals, columns apart by spaces.
 * @param width columns of the terminal, which long cells are cut for; without it none is
 */
export function renderTable<T>(columns: readonly Column<T>[], rows: readonly T[], width?: number): string {
    const cells = rows.map((row) => columns.map(({ value }) => printable(value(row) ?? NOTHING)));
    const natural = columns.map(({ header }, index) =>
        Math.max(...[header, ...cells.map((row) => row[index] ?? "")].map((text) => stringWidth(text))),
    );
    const table = new Table({
        head: columns.map(({ header }) => header),
        colWidths: fitted(columns, natural, width).map((each) => each + GAP),
        colAligns: columns.map(({ align = "left" }) => align),
        chars: BORDERLESS,
        style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": GAP },
    });
    table.push(...cells);
    return `${table
        .toString()
        .split("\n")
        .map((line) => line.trimEnd())
        .join("\n")}\n`;
}

/**
 * The same with texts below each row, broken into lines: a cell would have to cut them.
 * @param textsOf the texts of a row, each on lines of its own
 */
export function renderTableWithTexts<T>(
    columns: readonly Column<T>[],
    rows: readonly T[],
    textsOf: (row: T) => readonly string[],
    width?: number,
): string {
    const [header = "", ...lines] = renderTable(columns, rows, width).trimEnd().split("\n");
    const blocks = rows.map((row, index) =>
        [lines[index] ?? "", ...textsOf(row).flatMap((text) => wrapped(printable(text), width))].join("\n"),
    );
    return `${[header, ...blocks].join("\n")}\n`;
}

function wrapped(text: string, width = Infinity): string[] {
    const room = Math.max(width - INDENT.length, NARROWEST_TEXT);
    const lines: string[] = [];
    for (const word of text.split(" ")) {
        const line = lines.at(-1);
        if (line !== undefined && stringWidth(`${line} ${word}`) <= room) {
            lines[lines.length - 1] = `${line} ${word}`;
        } else {
            lines.push(word);
        }
    }
    return lines.map((line) => `${INDENT}${line}`);
}

/** Widths within that of the terminal: the widest column that may be cut gives way first. */
function fitted<T>(columns: readonly Column<T>[], natural: readonly number[], width = Infinity): number[] {
    const widths = [...natural];
    const total = (): number => widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1));
    while (total() > width) {
        const candidates = columns.flatMap(({ shrinks, header }, index) =>
            shrinks === true && (widths[index] ?? 0) > Math.max(stringWidth(header), NARROWEST) ? [index] : [],
        );
        const widest = candidates.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
        if (widest === undefined) {
            break;
        }
        widths[widest] = (widths[widest] ?? 0) - 1;
    }
    return widths;
}
