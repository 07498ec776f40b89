import {
    type Address,
    type AddressRange,
    broadcastAddress,
    contains,
    type Family,
    familyName,
    formatRange,
    networkAddress,
    overlaps,
    parseAddress,
    parseRange,
    parseSubnet,
    type Subnet,
} from "./ip";
import { IntervalSet } from "./interval-set";
import { type Parsed, type Place, type Problem } from "./problem";
import { parseSpace } from "./reservation";

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

/** The declaration of an address pool, as the IPPool object and the program's arguments carry it. */
export interface PoolSpec {
    /** Name of the IPPool object. */
    readonly name: string;
    /** Scope in which an address is unique (an L2 domain or VRF): a DNS label of at most 40 characters. */
    readonly space: string;
    /** 1 to 16 blocks that do not overlap. */
    readonly blocks: readonly PoolBlock[];
    /** Addresses of DNS servers, told to the guests. */
    readonly dnsServers?: readonly string[];
    /** Domains that names are looked up in, told to the guests. */
    readonly searchDomains?: readonly string[];
    /** 1 to 4094. */
    readonly vlanId?: number;
    /** Seconds an address rests after its release. @default 0 */
    readonly releaseGraceSeconds?: number;
    /** The lowest so many addresses of each family go to static requests only. @default 0 */
    readonly staticBand?: number;
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

const MAX_BLOCKS = 16;

/** Everything wrong with a pool, and as warnings what is only odd. */
export function validatePool(spec: PoolSpec): Problem[] {
    const subject = `IPPool "${spec.name}"`;
    const problems = scalarProblems(spec, subject);
    if (spec.blocks.length < 1 || spec.blocks.length > MAX_BLOCKS) {
        problems.push({
            subject,
            field: "blocks",
            value: spec.blocks.length,
            rule: `a pool has 1 to ${String(MAX_BLOCKS)} blocks`,
            remedy: "declare a cidr, or spread the blocks over several pools of the same space",
        });
    }
    const blocks = spec.blocks.map((block, index) =>
        readBlock(block, { subject, field: `blocks[${String(index)}]` }, problems),
    );
    for (const [index, { subnet }] of blocks.entries()) {
        for (const [earlier, other] of blocks.slice(0, index).entries()) {
            if (subnet !== undefined && other.subnet !== undefined && overlaps(subnet, other.subnet)) {
                problems.push({
                    subject,
                    field: `blocks[${String(index)}].cidr`,
                    value: subnet.text,
                    rule: `it overlaps blocks[${String(earlier)}].cidr ${other.subnet.text}`,
                    remedy: "make the blocks of a pool disjoint",
                });
            }
        }
    }
    return problems;
}

/** The same pool with every address in canonical form; call it on a pool without errors. */
export function canonicalPool(spec: PoolSpec): PoolSpec {
    const range = (text: string): string =>
        text.includes("/") ? canonical(parseSubnet(text), text) : formatted(parseRange(text), text);
    return {
        ...spec,
        blocks: spec.blocks.map((block) => ({
            ...block,
            cidr: canonical(parseSubnet(block.cidr), block.cidr),
            ...(block.ranges === undefined ? {} : { ranges: block.ranges.map(range) }),
            ...(block.exclude === undefined ? {} : { exclude: block.exclude.map(range) }),
            ...(block.gateway === undefined ? {} : { gateway: canonical(parseAddress(block.gateway), block.gateway) }),
        })),
        ...(spec.dnsServers === undefined
            ? {}
            : { dnsServers: spec.dnsServers.map((server) => canonical(parseAddress(server), server)) }),
    };
}

/** The parts of a block; what is unreadable or against a rule is left out and, if asked for, told in `problems`. */
export function readBlock(block: PoolBlock, place: Place, problems: Problem[] = []): BlockParts {
    const at = (field: string): Place => ({ ...place, field: `${place.field}.${field}` });
    const subnet = read(parseSubnet(block.cidr), at("cidr"), block.cidr, problems);
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
export function usableOf({ ranges, exclude, reserved, gateway }: BlockParts): IntervalSet {
    return IntervalSet.of(ranges)
        .subtract(IntervalSet.of(exclude))
        .subtract(IntervalSet.ofValues(reserved.map(({ value }) => value)))
        .subtract(IntervalSet.ofValues(gateway === undefined ? [] : [gateway.value]));
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
    const gateway = read(parseAddress(text), place, text, problems);
    if (gateway === undefined) {
        return undefined;
    }
    const rule =
        gateway.family !== subnet.family
            ? familyRule("gateway", gateway.family, subnet)
            : !contains(subnet, gateway)
              ? `the gateway is outside ${subnet.text}`
              : reserved.some(({ value }) => value === gateway.value)
                ? `it is the ${gateway.value === subnet.first ? "network" : "broadcast"} address of ${subnet.text}`
                : undefined;
    if (rule === undefined) {
        return gateway;
    }
    problems.push({ ...place, value: text, rule, remedy: `name a host address of ${subnet.text}` });
    return undefined;
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
        const range = read(parseRange(text, { cidr: excluding }), here, text, problems);
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

function scalarProblems(spec: PoolSpec, subject: string): Problem[] {
    const problems: Problem[] = [];
    if (spec.name.length > 63 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(spec.name)) {
        problems.push({
            subject,
            field: "name",
            value: spec.name,
            rule: "the name of a pool is made of lower-case letters, digits, - and ., at most 63 of them",
            remedy: "choose such a name",
        });
    }
    read(parseSpace(spec.space), { subject, field: "space" }, spec.space, problems);
    if (spec.vlanId !== undefined && !isWithin(spec.vlanId, 1, 4094)) {
        problems.push({
            subject,
            field: "vlanId",
            value: spec.vlanId,
            rule: "a VLAN id is an integer in 1-4094 (IEEE 802.1Q)",
            remedy: "leave it out for untagged traffic",
        });
    }
    for (const field of ["releaseGraceSeconds", "staticBand"] as const) {
        const value = spec[field];
        if (value !== undefined && !isWithin(value, 0, Number.MAX_SAFE_INTEGER)) {
            problems.push({
                subject,
                field,
                value,
                rule: "it must be a whole number from 0",
                remedy: "leave it out for 0",
            });
        }
    }
    for (const [index, server] of (spec.dnsServers ?? []).entries()) {
        read(parseAddress(server), { subject, field: `dnsServers[${String(index)}]` }, server, problems);
    }
    for (const [index, domain] of (spec.searchDomains ?? []).entries()) {
        if (!isDomain(domain)) {
            problems.push({
                subject,
                field: `searchDomains[${String(index)}]`,
                value: domain,
                rule: "it is not a domain name",
                remedy: "write it as corp.example",
            });
        }
    }
    return problems;
}

/** A DNS name of labels of at most 63 characters, 253 in all. */
export function isDomain(text: string): boolean {
    return (
        text.length <= 253 &&
        text.split(".").every((label) => label.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i.test(label))
    );
}

function read<T>(result: Parsed<T>, place: Place, value: string, problems: Problem[]): T | undefined {
    if (result.ok) {
        return result.value;
    }
    problems.push({ ...place, value, rule: result.rule, remedy: result.remedy });
    return undefined;
}

function familyRule(what: string, family: Family, subnet: Subnet): string {
    return `the ${what} is of another family (${familyName(family)}) than ${subnet.text}`;
}

function canonical(result: Parsed<{ text: string }>, otherwise: string): string {
    return result.ok ? result.value.text : otherwise;
}

function formatted(result: Parsed<AddressRange>, otherwise: string): string {
    return result.ok ? formatRange(result.value) : otherwise;
}

function isWithin(value: number, low: number, high: number): boolean {
    return Number.isInteger(value) && value >= low && value <= high;
}
