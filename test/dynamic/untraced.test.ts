import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { untraced, UntracedResource } from "../../dynamic/shim";

const PROVIDER = { create: () => Promise.resolve({ id: "id" }) };

describe("a resource whose promises note no stack traces", () => {
    const limit = Error.stackTraceLimit;
    const { prepareStackTrace } = Error as { prepareStackTrace?: (error: Error, frames: NodeJS.CallSite[]) => unknown };

    before(async () => {
        await pulumi.runtime.setMocks({
            newResource: ({ name, inputs }) => ({ id: name, state: inputs as Record<string, unknown> }),
            call: () => ({}),
        });
    });

    afterEach(() => {
        Error.stackTraceLimit = limit;
        Object.assign(Error, { prepareStackTrace });
    });

    /** How many stack traces with frames are made, apart from the one that tells where the resource stands. */
    function tracesOf(make: (props: Record<string, number>) => object): number {
        const props = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`property${index}`, index]));
        let traces = 0;
        Error.prepareStackTrace = (error, frames) => {
            traces += frames.length > 0 ? 1 : 0;
            return error.name;
        };
        make(props);
        Object.assign(Error, { prepareStackTrace });
        return traces;
    }

    it("costs less of them than it has properties, where another costs more", () => {
        class Traced extends pulumi.dynamic.Resource {}
        assert.ok(tracesOf((props) => new Traced(PROVIDER, "some", props)) > 20);
        assert.ok(tracesOf((props) => new UntracedResource(PROVIDER, "some", props)) < 20);
        assert.ok(tracesOf((props) => untraced(() => new Traced(PROVIDER, "some", props))) < 20);
    });

    it("leaves the traces of everything else as they were, also where it is refused", () => {
        Error.stackTraceLimit = 7;
        new UntracedResource(PROVIDER, "fine", {});
        assert.equal(Error.stackTraceLimit, 7);
        assert.throws(() => new UntracedResource(PROVIDER, "refused", { __provider: "of its own" }));
        assert.equal(Error.stackTraceLimit, 7);
        assert.throws(
            () =>
                untraced(() => {
                    throw new RangeError("refused");
                }),
            RangeError,
        );
        assert.equal(Error.stackTraceLimit, 7);
    });
});
