import * as pulumi from "@pulumi/pulumi";

/** Whether a value is known as the program runs, and not only later. */
export function isPlain<T>(value: pulumi.Input<T>): value is T {
    return !pulumi.Output.isInstance(value) && !(value instanceof Promise);
}

/**
 * What is made of values: at once where all of them are plain. An Output, which everything could be, costs the program three
 * promises each time it is made and again each time it is handed to a resource.
 */
export function derived<T extends readonly unknown[], U>(
    values: readonly [...{ [K in keyof T]: pulumi.Input<T[K]> }],
    make: (values: T) => U,
): pulumi.Input<U> {
    return values.every(isPlain)
        ? make(values as unknown as T)
        : pulumi.all([...values]).apply((known) => make(known as unknown as T));
}
