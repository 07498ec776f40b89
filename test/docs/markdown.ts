import { readFileSync } from "node:fs";
import * as path from "node:path";

/** The root of the repository. */
export const REPOSITORY = path.resolve(__dirname, "../../..");

/** A fenced block of a Markdown file. */
export interface CodeBlock {
    readonly language: string;
    readonly code: string;
}

/** The fenced blocks of a file of the repository, in their order. */
export function codeBlocks(file: string): CodeBlock[] {
    const text = readFileSync(path.join(REPOSITORY, file), "utf8");
    return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", code = ""]) => ({ language, code }));
}
