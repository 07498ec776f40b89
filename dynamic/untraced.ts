import * as pulumi from "@pulumi/pulumi";

/**
 * A dynamic resource whose promises do not note where they were made. Pulumi makes three for each property and notes a
 * stack trace for each, which takes most of the time that a program with many NICs runs; the trace is printed where
 * `PULUMI_DEBUG_PROMISE_LEAKS` is set, and only there. Where in the program the resource stands is told as before.
 */
export class UntracedResource extends pulumi.dynamic.Resource {
    constructor(...args: ConstructorParameters<typeof pulumi.dynamic.Resource>) {
        const limit = Error.stackTraceLimit;
        if (!process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) {
            Error.stackTraceLimit = 0;
        }
        try {
            super(...args);
        } finally {
            Error.stackTraceLimit = limit;
        }
    }
}
