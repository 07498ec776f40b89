import assert from "node:assert/strict";
import { type PoolBlock, type PoolSpec } from "../../core/pool";
import { overlapWarnings } from "../../core/pool-overlap";
import { describe as sentence, errorsOf } from "../../core/problem";

function pool(name: string, block: PoolBlock, space = "lan"): PoolSpec {
    return { name, space, blocks: [block] };
}

function warnings(of: PoolSpec, ...others: PoolSpec[]): string[] {
    const problems = overlapWarnings(of, others);
    assert.deepEqual(errorsOf(problems), []);
    return problems.map(sentence);
}

describe("pool overlap", () => {
    it("is warned of with both pools and the common range [case 17]", () => {
        const [text = "", ...more] = warnings(
            pool("a", { cidr: "10.0.0.0/24", ranges: ["10.0.0.10-10.0.0.99"] }),
            pool("b", { cidr: "10.0.0.0/24", ranges: ["10.0.0.90-10.0.0.120"] }),
        );
        assert.deepEqual(more, []);
        assert.match(
            text,
            /^IPPool "a": blocks "10\.0\.0\.90-10\.0\.0\.99" is doubtful: IPPool "b" of the same space "lan"/,
        );
    });

    it("is found between networks of different size, and told for each pool [case 17]", () => {
        const wide = pool("wide", { cidr: "10.0.0.0/16" });
        const inside = pool("inside", { cidr: "10.0.5.0/24" });
        const beside = pool("beside", { cidr: "10.1.0.0/24" });
        const six = pool("six", { cidr: "::/0" });
        assert.deepEqual(
            warnings(wide, inside, beside, six).map((text) => /"(10[^"]*)".*IPPool "([a-z]+)"/.exec(text)?.slice(1)),
            [["10.0.5.1-10.0.5.254", "inside"]],
        );
        assert.match(warnings(six, pool("small", { cidr: "2001:db8::/126" }))[0] ?? "", /"2001:db8::1-2001:db8::3"/);
    });

    it("is that of what is given out, not of the networks", () => {
        const low = pool("low", { cidr: "10.0.0.0/24", ranges: ["10.0.0.1-10.0.0.99"] });
        assert.deepEqual(warnings(low, pool("high", { cidr: "10.0.0.0/24", ranges: ["10.0.0.100-10.0.0.254"] })), []);
        assert.deepEqual(warnings(low, pool("rest", { cidr: "10.0.0.0/24", exclude: ["10.0.0.0/25"] })), []);
    });

    it("is none between pools of different spaces [case 18]", () => {
        assert.deepEqual(
            warnings(pool("a", { cidr: "10.0.0.0/24" }, "blue"), pool("b", { cidr: "10.0.0.0/24" }, "green")),
            [],
        );
    });

    it("is none of a pool with itself, as the cluster has it", () => {
        assert.deepEqual(warnings(pool("a", { cidr: "10.0.0.0/24" }), pool("a", { cidr: "10.0.0.0/25" })), []);
    });

    it("is told in three ranges at most", () => {
        const scattered = Array.from({ length: 5 }, (_none, i) => `10.0.0.${String(10 * i + 10)}`);
        const [text = ""] = warnings(
            pool("a", { cidr: "10.0.0.0/24", ranges: scattered }),
            pool("b", { cidr: "10.0.0.0/24" }),
        );
        assert.match(text, /"10\.0\.0\.10, 10\.0\.0\.20, 10\.0\.0\.30 and 2 more"/);
    });

    it("is found as far as another's pool is readable", () => {
        assert.equal(
            warnings(pool("a", { cidr: "10.0.0.0/24" }), pool("b", { cidr: "10.0.0.0/24", ranges: ["x", "10.0.0.9"] }))
                .length,
            1,
        );
    });
});
