import * as pulumi from "@pulumi/pulumi";

/** A resource's place among those that take addresses of one pool. */
export interface Turn {
    /** The value, once all are planned that the program made before. */
    readonly hold: <T>(value: pulumi.Input<T>) => pulumi.Output<T>;
    /** Lets the next one go on when this resource is planned. */
    readonly pass: (resource: pulumi.Resource) => void;
}

/** The end of the last turn, by stack and pool. */
const last = new WeakMap<object, Map<unknown, Promise<void>>>();
const noStack = {};

/** Who takes no address of a pool waits for nobody. */
const AT_ONCE: Turn = { hold: (value) => pulumi.output(value) as pulumi.Output<never>, pass: () => undefined };

/**
 * Takes a turn at a pool, if there is one. Of two resources that want the same address the same one gets it in a preview and in the
 * update that follows, however their requests reach the engine. They do not depend on each other otherwise.
 */
export function turnAt(pool: unknown): Turn {
    if (pool === undefined) {
        return AT_ONCE;
    }
    const stack = pulumi.runtime.getStackResource() ?? noStack;
    const turns = last.get(stack) ?? new Map<unknown, Promise<void>>();
    last.set(stack, turns);
    const before = turns.get(pool) ?? Promise.resolve();
    let end: () => void;
    turns.set(pool, new Promise((resolve) => (end = resolve)));
    return {
        hold: <T>(value: pulumi.Input<T>) => pulumi.output(before.then(() => value)) as pulumi.Output<T>,
        pass: (resource) => {
            resource.urn.apply(() => {
                end();
            });
        },
    };
}
