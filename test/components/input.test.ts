import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { derived, isPlain } from "../../components/input";

describe("what is made of a program's values", () => {
    const joined = (a: pulumi.Input<string>, b: pulumi.Input<string>): pulumi.Input<string> =>
        derived<[string, string], string>([a, b], ([left, right]) => `${left}/${right}`);

    it("is plain where all of them are", () => {
        assert.equal(joined("prod", "web"), "prod/web");
    });

    for (const [what, value] of [
        ["an Output", pulumi.output("web")],
        ["a promise", Promise.resolve("web")],
    ] as const) {
        it(`is an Output where one is ${what}`, async () => {
            const result = joined("prod", value);
            assert.ok(pulumi.Output.isInstance(result));
            assert.equal(isPlain(result), false);
            const known = await new Promise((resolve) => pulumi.output(result).apply(resolve));
            assert.equal(known, "prod/web");
        });
    }

    it("is secret where one of them is", async () => {
        assert.equal(await pulumi.isSecret(pulumi.output(joined("prod", pulumi.secret("web")))), true);
        assert.equal(await pulumi.isSecret(pulumi.output(joined("prod", "web"))), false);
    });
});
