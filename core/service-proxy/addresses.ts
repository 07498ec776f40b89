import { parseAddress, parseSubnet, type Family } from "../ip";
import type { ServiceProblems } from "./problems";

/** An address or a subnet, in canonical form. */
export interface FamilyText {
    readonly family: Family;
    readonly text: string;
}

/** None where it is no address: the API server lets others pass (`None`, leading zeros). */
export function canonicalAddress(text: string): FamilyText[] {
    const result = parseAddress(text);
    return result.ok ? [result.value] : [];
}

/** None, and a problem, where it is no CIDR. */
export function canonicalSubnet(text: string, field: string, problems: ServiceProblems): FamilyText[] {
    const result = parseSubnet(text);
    if (!result.ok) {
        problems.add(field, text, result.rule, "it has no effect");
    }
    return result.ok ? [result.value] : [];
}

/** The entries of an annotation's list. */
export function commaSeparated(text: string): string[] {
    return text
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== "");
}

/** Each once, by their texts. */
export function sorted(values: readonly FamilyText[]): FamilyText[] {
    return [...new Map(values.map((each) => [each.text, each])).values()].sort((a, b) => compare(a.text, b.text));
}

/** By code units, as every sort here. */
export function compare(a: string, b: string): number {
    return a < b ? -1 : Number(a > b);
}
