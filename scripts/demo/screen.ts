const WIDTH = 96;
const INDENT = "   ";

/** The title of a part. */
export function title(text: string): void {
    console.log(`\n${text}\n${"-".repeat(text.length)}`);
}

/** A command as a user would type it. */
export function command(text: string): void {
    console.log(`\n${INDENT}$ ${text}`);
}

/** A paragraph, broken at the screen's width; what follows its first line is indented deeper by `hang`. */
export function say(text: string, hang = 0): void {
    let line = INDENT;
    for (const word of text.split(" ")) {
        if (line.length + word.length + 1 > WIDTH && line.trim() !== "") {
            console.log(line.trimEnd());
            line = INDENT + " ".repeat(hang);
        }
        line += `${word} `;
    }
    console.log(line.trimEnd());
}

/** Rows in columns, the first row being their heads. */
export function table(rows: readonly (readonly string[])[]): void {
    const widths = (rows[0] ?? []).map((_head, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
    for (const row of rows) {
        console.log(
            INDENT +
                widths
                    .map((width, column) => (row[column] ?? "").padEnd(width + 2))
                    .join("")
                    .trimEnd(),
        );
    }
}
