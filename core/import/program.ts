import type { ImportedMachine, ImportedNic } from "./machine";

/** The longest line of the program, where it can be broken. */
const WIDTH = 120;

/** The text of a program that takes a VM over. */
export function programOf(machine: ImportedMachine): string {
    const { namespace, vmName, labels, runStrategy, template, networks, reported, besides, obstacles } = machine;
    const name = vmName.endsWith("-vm") && vmName !== "-vm" ? vmName.slice(0, -"-vm".length) : vmName;
    const fields = [
        "adopt: true,",
        `namespace: ${literal(namespace)},`,
        ...(name === vmName ? [`vmName: ${literal(vmName)},`] : []),
        ...(labels ? [`labels: ${literal(labels)},`] : []),
        `runStrategy: ${literal(runStrategy)},`,
        `template: ${literal(template)},`,
        ...(networks.length === 0
            ? ["networks: [],"]
            : ["networks: [", ...networks.map((nic) => indented(nicText(nic, reported[nic.name]))), "],"]),
    ];
    return [
        'import { VirtualMachine } from "pulumi-wukong";',
        "",
        ...comment(`VM ${namespace}/${vmName} as it was found; \`adopt\` takes it over as it is.`),
        ...obstacles.flatMap((sentence) => comment(`TO DO: ${sentence}`)),
        ...besides.flatMap(comment),
        `const ${variable(name)} = new VirtualMachine(${literal(name)}, {`,
        ...fields.map(indented),
        "});",
        `export const networks = ${variable(name)}.networks;`,
        "",
    ].join("\n");
}

function nicText(nic: ImportedNic, reported: readonly string[] | undefined): string {
    const seen = reported ? comment(`The guest reports ${reported.join(", ")}.`) : [];
    return [...seen, `${literal(nic, 8)},`].join("\n");
}

/**
 * A value as TypeScript, on one line where it fits.
 * @param column where it begins
 */
function literal(value: unknown, column = 4): string {
    if (typeof value !== "object" || value === null) {
        return JSON.stringify(value).replace(UNPRINTABLE, escape);
    }
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    const entries = Object.entries(value).map(([key, each]: [string, unknown]) => ({
        label: Array.isArray(value) ? "" : `${name(key)}: `,
        each,
    }));
    const gap = Array.isArray(value) || entries.length === 0 ? "" : " ";
    const inline = entries.map(({ label, each }) => label + literal(each, -Infinity)).join(", ");
    // Its key stands before it, and a comma behind.
    if (column + inline.length + KEY_WIDTH <= WIDTH) {
        return `${open}${gap}${inline}${gap}${close}`;
    }
    const lines = entries.map(({ label, each }) => `    ${label}${indented(literal(each, column + 4)).trimStart()},`);
    return [open, ...lines, close].join("\n");
}

/** Room for the name of a field. */
const KEY_WIDTH = 8;

function name(key: string): string {
    return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key).replace(UNPRINTABLE, escape);
}

/** What a reader of the program would not see, or that ends a line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A comment in lines that fit; what is not printable, and so could end it, is written as an escape. */
function comment(text: string): string[] {
    const lines: string[] = [];
    for (const word of text.replace(UNPRINTABLE, escape).split(" ")) {
        const last = lines.at(-1);
        if (last !== undefined && `// ${last} ${word}`.length <= WIDTH) {
            lines[lines.length - 1] = `${last} ${word}`;
        } else {
            lines.push(word);
        }
    }
    return lines.map((line) => `// ${line}`);
}

function escape(character: string): string {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function indented(text: string): string {
    return text.replace(/^(?=.)/gm, "    ");
}

/** A name for the VM's variable: `web-2` is `web2`. */
function variable(name: string): string {
    const camel = name.replace(/[^A-Za-z0-9]+(.)?/g, (_match, next: string | undefined) => (next ?? "").toUpperCase());
    return /^[A-Za-z]/.test(camel) && !RESERVED.has(camel)
        ? camel
        : `vm${camel.charAt(0).toUpperCase()}${camel.slice(1)}`;
}

/** Reserved words (ECMA-262, 12.7.2) that a VM may be called by. */
const RESERVED = new Set(
    (
        "await break case catch class const continue debugger default delete do else enum export extends false finally for " +
        "function if import in instanceof new null return super switch this throw true try typeof var void while with yield " +
        "let static implements interface package private protected public"
    ).split(" "),
);
