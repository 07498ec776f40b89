import fc from "fast-check";
import { type HeldAddress, type PoolBlock, type PoolSpec, validatePool } from "../../core/pool";
import { errorsOf } from "../../core/problem";

/** A pool with one block. */
export function poolOf(block: PoolBlock, rest: Partial<PoolSpec> = {}): PoolSpec {
    return { name: "lan", space: "lan", blocks: [block], ...rest };
}

/** An address of 10.0.0.0/27. */
export const host = fc.nat(31).map((n) => `10.0.0.${String(n)}`);

/** Some of those, in use in one way or another. */
export const heldAddress: fc.Arbitrary<HeldAddress> = fc.record(
    {
        address: host,
        use: fc.constantFrom("active", "retained", "quarantined", "foreign"),
        owner: fc.constantFrom("prod/web/eth1", "prod/web/eth1#1", "prod/db/eth1", "owner:vip"),
        reusableAt: fc.constantFrom("2026-11-21T15:00:00Z", "2026-11-21T15:00:00.5Z"),
    },
    { requiredKeys: ["address", "use"] },
);

const range = fc
    .tuple(fc.nat(31), fc.nat(31))
    .map(([a, b]) => `10.0.0.${String(Math.min(a, b))}-10.0.0.${String(Math.max(a, b))}`);

/** Valid pools in 10.0.0.0/27, with some ranges and exclusions. */
export const smallPool = fc
    .record({
        ranges: fc.option(fc.array(range, { minLength: 1, maxLength: 3 }), { nil: undefined }),
        exclude: fc.array(fc.oneof(host, range), { maxLength: 3 }),
        gateway: fc.option(host, { nil: undefined }),
        allocateReserved: fc.boolean(),
        staticBand: fc.nat(4),
        dnsServers: fc.array(host, { maxLength: 2 }),
    })
    .map(({ ranges, exclude, gateway, allocateReserved, staticBand, dnsServers }) =>
        poolOf(
            {
                cidr: "10.0.0.0/27",
                exclude,
                allocateReserved,
                ...(ranges === undefined ? {} : { ranges }),
                ...(gateway === undefined ? {} : { gateway }),
            },
            { staticBand, dnsServers },
        ),
    )
    .filter((spec) => errorsOf(validatePool(spec)).length === 0);

/** What of a small pool may be given out, by walking its 32 addresses. */
export function modelOf(spec: PoolSpec): { usable: string[]; automatic: string[] } {
    const [block] = spec.blocks as [PoolBlock];
    const within = (text: string, n: number): boolean => {
        const [first = "", last = first] = text.split("-").map((part) => part.replace("10.0.0.", ""));
        return n >= Number(first) && n <= Number(last);
    };
    const usable: string[] = [];
    for (let n = 0; n < 32; n++) {
        const kept = block.allocateReserved !== true && (n === 0 || n === 31);
        const ranged = block.ranges === undefined || block.ranges.some((text) => within(text, n));
        const excluded = (block.exclude ?? []).some((text) => within(text, n));
        if (!kept && ranged && !excluded && block.gateway !== `10.0.0.${String(n)}`) {
            usable.push(`10.0.0.${String(n)}`);
        }
    }
    const automatic = usable.slice(spec.staticBand ?? 0).filter((text) => spec.dnsServers?.includes(text) !== true);
    return { usable, automatic };
}
