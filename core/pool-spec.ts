import { type AddressRange, formatRange, overlaps, parseAddress, parseRange, parseSubnet } from "./ip";
import { type BlockParts, readBlock, valueOf, type PoolBlock } from "./pool-block";
import { conflictProblems, type PoolConflicts } from "./pool-conflicts";
import { type Parsed, type Problem } from "./problem";
import { parseSpace } from "./reservation";

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
    /** Nothing more is chosen from the pool; addresses asked for by name, and those reserved, stay. @default false */
    readonly disabled?: boolean;
    /** How the pool keeps clear of addresses that others use. @default policy `Warn`, all sources */
    readonly conflicts?: PoolConflicts;
}

/** So many entries a list may have, as the IPPool's schema says. */
const MAX_ENTRIES = { blocks: 16, ranges: 64, exclude: 10_000, dnsServers: 8, searchDomains: 16 } as const;

/** A DNS subdomain (RFC 1123), as the API server has it. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Everything wrong with a pool, and as warnings what is only odd. */
export function validatePool(spec: PoolSpec): Problem[] {
    return readPool(spec).problems;
}

/** The blocks of a pool as far as they are readable, with everything wrong with the pool. */
export function readPool(spec: PoolSpec): { blocks: BlockParts[]; problems: Problem[] } {
    const subject = `IPPool "${spec.name}"`;
    const problems = scalarProblems(spec, subject);
    if (spec.blocks.length < 1) {
        const rule = "a pool has at least one block";
        problems.push({ subject, field: "blocks", value: 0, rule, remedy: "declare a cidr" });
    }
    problems.push(...lengthProblems(spec, subject));
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
    return { blocks, problems };
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

function lengthProblems(spec: PoolSpec, subject: string): Problem[] {
    const { blocks, dnsServers, searchDomains } = spec;
    const lists = [
        ...Object.entries({ blocks, dnsServers, searchDomains }),
        ...blocks.flatMap(({ ranges, exclude }, index) =>
            Object.entries({ ranges, exclude }).map(
                ([field, list]) => [`blocks[${String(index)}].${field}`, list] as const,
            ),
        ),
    ];
    return lists.flatMap(([field, list]): Problem[] => {
        const most = MAX_ENTRIES[field.replace(/^.*\./, "") as keyof typeof MAX_ENTRIES];
        return list === undefined || list.length <= most
            ? []
            : [
                  {
                      subject,
                      field,
                      value: `${String(list.length)} entries`,
                      rule: `it has at most ${String(most)}`,
                      remedy: "spread them over several pools of the same space",
                  },
              ];
    });
}

function scalarProblems(spec: PoolSpec, subject: string): Problem[] {
    const problems: Problem[] = [];
    if (spec.name.length > 63 || !NAME.test(spec.name)) {
        problems.push({
            subject,
            field: "name",
            value: spec.name,
            rule: "the name of a pool is made of lower-case letters, digits, - and ., at most 63 of them",
            remedy: "choose such a name",
        });
    }
    valueOf(parseSpace(spec.space), { subject, field: "space" }, spec.space, problems);
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
    // Typed otherwise, but a program may have it from anywhere.
    const disabled = spec.disabled as string | boolean | undefined;
    if (disabled !== undefined && typeof disabled !== "boolean") {
        problems.push({
            subject,
            field: "disabled",
            value: disabled,
            rule: "it must be true or false",
            remedy: "leave it out for false",
        });
    }
    problems.push(...conflictProblems(spec.conflicts ?? {}, subject));
    for (const [index, server] of (spec.dnsServers ?? []).entries()) {
        valueOf(parseAddress(server), { subject, field: `dnsServers[${String(index)}]` }, server, problems);
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

function canonical(result: Parsed<{ text: string }>, otherwise: string): string {
    return result.ok ? result.value.text : otherwise;
}

function formatted(result: Parsed<AddressRange>, otherwise: string): string {
    return result.ok ? formatRange(result.value) : otherwise;
}

function isWithin(value: number, low: number, high: number): boolean {
    return Number.isInteger(value) && value >= low && value <= high;
}
