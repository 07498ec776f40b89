import * as pulumi from "@pulumi/pulumi";

/**
 * The provider of a noun, as it is handed to the engine, which stores its text with every resource, twice. The text
 * refers to nothing but the noun, so it is short and the same on every machine and in every version of the package;
 * `configure`, which the engine's host calls synchronously before anything else, brings in the methods (check, diff,
 * create, read, update, delete) of the package that is installed beside the program.
 *
 * State keeps this text for the life of a resource: `pulumi-wukong/dynamic/<noun>/provider` stays a path of the package.
 */
export function providerOf(noun: string): pulumi.dynamic.ResourceProvider {
    const shim: Pick<pulumi.dynamic.ResourceProvider, "configure"> = {
        configure(this: object) {
            Object.assign(this, require(`pulumi-wukong/dynamic/${noun}/provider`));
            return Promise.resolve();
        },
    };
    return shim as pulumi.dynamic.ResourceProvider;
}

/**
 * Makes resources whose promises do not note where they were made. Pulumi makes three for each property and notes a stack
 * trace for each, which takes most of the time that a program with many NICs runs; the trace is printed where
 * `PULUMI_DEBUG_PROMISE_LEAKS` is set, and only there. Where in the program a resource stands is told as before.
 */
export function untraced<T>(make: () => T): T {
    const resume = pauseTraces();
    try {
        return make();
    } finally {
        resume();
    }
}

/** A dynamic resource that is made `untraced`. */
export class UntracedResource extends pulumi.dynamic.Resource {
    constructor(...args: ConstructorParameters<typeof pulumi.dynamic.Resource>) {
        const resume = pauseTraces();
        try {
            super(...args);
        } finally {
            resume();
        }
    }
}

function pauseTraces(): () => void {
    const limit = Error.stackTraceLimit;
    if (!process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) {
        Error.stackTraceLimit = 0;
    }
    return () => {
        Error.stackTraceLimit = limit;
    };
}
