import * as pulumi from "@pulumi/pulumi";
import type { EarlierRequest } from "../dynamic/ip-reservation/inputs";

/** A request for an address, as the program makes it. */
export interface AddressRequest {
    readonly owner: pulumi.Input<string>;
    readonly requested?: pulumi.Input<string>;
    readonly family?: "IPv4" | "IPv6";
}

/** The requests of a program for addresses of a pool, in the order in which it makes them: the inside of a JSON array. */
const requests = new WeakMap<object, Map<unknown, pulumi.Output<string>>>();
const noStack = {};

/**
 * Takes note of a request, and gives those of its pool that came before, as `EarlierRequest[]` in JSON: a program may make
 * hundreds, and to the engine a list of objects is far more work than a text. Of two that want the same address the same
 * one gets it in a preview and in the update that follows, however the requests reach the engine.
 */
export function earlierRequests(pool: unknown, request: AddressRequest): pulumi.Output<string> {
    const stack = pulumi.runtime.getStackResource() ?? noStack;
    const ofStack = requests.get(stack) ?? new Map<unknown, pulumi.Output<string>>();
    requests.set(stack, ofStack);
    const earlier = ofStack.get(pool) ?? pulumi.output("");
    const { family } = request;
    const list = pulumi.all([earlier, request.owner, request.requested]).apply(([before, owner, requested]) => {
        const noted: EarlierRequest = {
            owner,
            ...(requested !== undefined && { requested }),
            ...(family !== undefined && { family }),
        };
        return `${before === "" ? "" : `${before},`}${JSON.stringify(noted)}`;
    });
    ofStack.set(pool, list);
    return earlier.apply((inside) => `[${inside}]`);
}
