import { Document, Scalar, visit } from "yaml";
import { escaped, isPrintable } from "./printable";

/** What `-o` takes. */
export const FORMATS = ["table", "json", "yaml"] as const;

/** One of `FORMATS`. */
export type Format = (typeof FORMATS)[number];

/** A list for programs. */
export function renderList(rows: readonly object[], format: Exclude<Format, "table">): string {
    return format === "json" ? `${escaped(JSON.stringify(rows, undefined, 2), "json")}\n` : yamlOf(rows);
}

function yamlOf(rows: readonly object[]): string {
    const document = new Document(rows, { aliasDuplicateObjects: false });
    visit(document, {
        Scalar(_key, scalar) {
            if (typeof scalar.value === "string" && !isPrintable(scalar.value)) {
                scalar.type = Scalar.QUOTE_DOUBLE;
            }
        },
    });
    return escaped(document.toString({ lineWidth: 0 }), "yaml");
}
