/** Characters that a terminal acts on, or that change how their neighbours look; line breaks are among them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text from outside, safe to be printed on one line: what is not printable comes as `\u001b` or `\u{e0001}`. */
export function printable(text: string): string {
    return text.replace(UNPRINTABLE, (character) => {
        const hex = hexOf(character);
        return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex}`;
    });
}

/** Whether a text is to be escaped. */
export function isPrintable(text: string): boolean {
    return text.search(UNPRINTABLE) < 0;
}

/** JSON or YAML with escapes for what is not printable in its strings, which must be quoted; it means the same. */
export function escaped(document: string, format: "json" | "yaml"): string {
    return document.replace(UNPRINTABLE, (character) => {
        if (character === "\n") {
            return character;
        }
        if (format === "yaml" && character.length > 1) {
            return `\\U${hexOf(character).padStart(8, "0")}`;
        }
        return character
            .split("")
            .map((unit) => `\\u${hexOf(unit)}`)
            .join("");
    });
}

function hexOf(character: string): string {
    return (character.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
}
