import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { UntracedResource } from "../../dynamic/shim";

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
    function tracesOf(Resource: typeof UntracedResource): number {
        const props = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`property${index}`, index]));
        let traces = 0;
        Error.prepareStackTrace = (error, frames) => {
            traces += frames.length > 0 ? 1 : 0;
            return error.name;
        };
        new Resource(PROVIDER, "some", props);
        Object.assign(Error, { prepareStackTrace });
        return traces;
    }

    it("costs less of them than it has properties, where another costs more", () => {
        assert.ok(tracesOf(pulumi.dynamic.Resource as typeof UntracedResource) > 20);
        assert.ok(tracesOf(UntracedResource) < 20);
    });

    it("leaves the traces of everything else as they were, also where it is refused", () => {
        Error.stackTraceLimit = 7;
        new UntracedResource(PROVIDER, "fine", {});
        assert.equal(Error.stackTraceLimit, 7);
        assert.throws(() => new UntracedResource(PROVIDER, "refused", { __provider: "of its own" }));
        assert.equal(Error.stackTraceLimit, 7);
    });
});
