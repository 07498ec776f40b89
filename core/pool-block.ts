import {
    type Address,
    type AddressRange,
    broadcastAddress,
    contains,
    type Family,
    familyName,
    networkAddress,
    overlaps,
    parseAddress,
    parseRange,
    parseSubnet,
    type Subnet,
} from "./ip";
import { IntervalSet } from "./interval-set";
import { type Parsed, type Place, type Problem } from "./problem";

/** A contiguous part of a pool. */
export interface PoolBlock {
    /** Network in CIDR notation, without host bits. */
    readonly cidr: string;
    /** What may be given out: `first-last` or single addresses. @default all of `cidr` */
    readonly ranges?: readonly string[];
    /** What may not: `first-last`, single addresses or CIDRs. */
    readonly exclude?: readonly string[];
    /** The guests' gateway; never given out, inside `cidr`. */
    readonly gateway?: string;
    /** Give out the network and broadcast address too (IPv6: the subnet-router anycast address). @default false */
    readonly allocateReserved?: boolean;
}

/** The readable parts of a block; `subnet` is undefined when the CIDR is not readable. */
export interface BlockParts {
    readonly subnet: Subnet | undefined;
    readonly gateway: Address | undefined;
    /** What the block may give out before exclusions; the whole subnet without `ranges`. */
    readonly ranges: readonly AddressRange[];
    readonly exclude: readonly AddressRange[];
    /** Network, broadcast and anycast addresses that are kept back. */
    readonly reserved: readonly Address[];
}

/** The parts of a block; what is unreadable or against a rule is left out and, if asked for, told in `problems`. */
export function readBlock(block: PoolBlock, place: Place, problems: Problem[] = []): BlockParts {
    const at = (field: string): Place => ({ ...place, field: `${place.field}.${field}` });
    const subnet = valueOf(parseSubnet(block.cidr), at("cidr"), block.cidr, problems);
    if (subnet === undefined) {
        return { subnet, gateway: undefined, ranges: [], exclude: [], reserved: [] };
    }
    if (subnet.text !== block.cidr) {
        problems.push({
            ...at("cidr"),
            value: block.cidr,
            rule: "it is not in canonical form",
            remedy: `${subnet.text} is stored; write that`,
            severity: "warning",
        });
    }
    const reserved =
        block.allocateReserved === true
            ? []
            : [networkAddress(subnet), broadcastAddress(subnet)].filter((address) => address !== undefined);
    const gateway = readGateway(block.gateway, subnet, reserved, at("gateway"), problems);
    const ranges = readRanges(block.ranges ?? [], subnet, at("ranges"), problems, false);
    const exclude = readRanges(block.exclude ?? [], subnet, at("exclude"), problems, true);
    const parts = { subnet, gateway, ranges: block.ranges === undefined ? [subnet] : ranges, exclude, reserved };
    if (usableOf(parts).size === 0n && !problems.some((problem) => problem.severity !== "warning")) {
        problems.push({
            ...place,
            value: block.cidr,
            rule: "the block has 0 usable addresses: ranges, exclude, gateway and reserved addresses leave none",
            remedy: "widen its ranges or exclude less",
        });
    }
    return parts;
}

/** What a block may give out. */
export function usableOf({ ranges, exclude, reserved, gateway }: Omit<BlockParts, "subnet">): IntervalSet {
    return IntervalSet.of(ranges)
        .subtract(IntervalSet.of(exclude))
        .subtract(IntervalSet.ofValues(reserved.map(({ value }) => value)))
        .subtract(IntervalSet.ofValues(gateway === undefined ? [] : [gateway.value]));
}

/** What was parsed; or undefined, with the reason told in `problems`. */
export function valueOf<T>(result: Parsed<T>, place: Place, text: string, problems: Problem[]): T | undefined {
    if (result.ok) {
        return result.value;
    }
    problems.push({ ...place, value: text, rule: result.rule, remedy: result.remedy });
    return undefined;
}

function readGateway(
    text: string | undefined,
    subnet: Subnet,
    reserved: readonly Address[],
    place: Place,
    problems: Problem[],
): Address | undefined {
    if (text === undefined) {
        return undefined;
    }
    const gateway = valueOf(parseAddress(text), place, text, problems);
    if (gateway === undefined) {
        return undefined;
    }
    const rule =
        gateway.family !== subnet.family
            ? familyRule("gateway", gateway.family, subnet)
            : !contains(subnet, gateway)
              ? `the gateway is outside ${subnet.text}`
              : reserved.some(({ value }) => value === gateway.value)
                ? `it is the ${specialName(subnet, gateway)} of ${subnet.text}`
                : undefined;
    if (rule === undefined) {
        return gateway;
    }
    problems.push({ ...place, value: text, rule, remedy: `name a host address of ${subnet.text}` });
    return undefined;
}

/** What the network, broadcast or anycast address of a subnet is called. */
export function specialName(subnet: Subnet, { value }: Address): string {
    if (value !== subnet.first) {
        return "broadcast address";
    }
    return subnet.family === 4 ? "network address" : "subnet-router anycast address";
}

function readRanges(
    texts: readonly string[],
    subnet: Subnet,
    place: Place,
    problems: Problem[],
    excluding: boolean,
): AddressRange[] {
    const ranges: AddressRange[] = [];
    for (const [index, text] of texts.entries()) {
        const here = { ...place, field: `${place.field}[${String(index)}]` };
        const range = valueOf(parseRange(text, { cidr: excluding }), here, text, problems);
        if (range === undefined) {
            continue;
        }
        if (range.family !== subnet.family) {
            problems.push({
                ...here,
                value: text,
                rule: familyRule("range", range.family, subnet),
                remedy: `write ${familyName(subnet.family)} addresses here`,
            });
        } else if (!contains(subnet, range)) {
            problems.push({
                ...here,
                value: text,
                rule: `it lies ${overlaps(subnet, range) ? "partly " : ""}outside ${subnet.text}`,
                remedy: excluding ? "it may be left out" : `keep it inside ${subnet.text}, or add a block for the rest`,
                ...(excluding ? { severity: "warning" as const } : {}),
            });
            if (excluding) {
                ranges.push(range);
            }
        } else {
            ranges.push(range);
        }
    }
    return ranges;
}

function familyRule(what: string, family: Family, subnet: Subnet): string {
    return `the ${what} is of another family (${familyName(family)}) than ${subnet.text}`;
}
