import { Document, Scalar, visit } from "yaml";
import { escaped, isPrintable } from "./printable";

/** What `-o` takes. */
export const FORMATS = ["table", "json", "yaml"] as const;

/** One of `FORMATS`. */
export type Format = (typeof FORMATS)[number];

/** A list for programs. */
export function renderList(rows: readonly object[], format: Exclude<Format, "table">): string {
    return renderObject(rows, format);
}

/** An object for programs. */
export function renderObject(object: object, format: Exclude<Format, "table">): string {
    return format === "json" ? `${escaped(JSON.stringify(object, undefined, 2), "json")}\n` : yamlOf(object);
}

function yamlOf(object: object): string {
    // Many parsers go by YAML 1.1, where a MAC address without letters is a number of base 60, and `no` is false.
    const document = new Document(object, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
    visit(document, {
        Scalar(_key, scalar) {
            if (typeof scalar.value === "string" && !isPrintable(scalar.value)) {
                scalar.type = Scalar.QUOTE_DOUBLE;
            }
        },
    });
    return escaped(document.toString({ lineWidth: 0 }), "yaml");
}
