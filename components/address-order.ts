import * as pulumi from "@pulumi/pulumi";
import type { EarlierRequest } from "../dynamic/ip-reservation/inputs";

/** A request for an address, as the program makes it. */
export interface AddressRequest {
    readonly owner: pulumi.Input<string>;
    readonly requested?: pulumi.Input<string>;
    readonly family?: "IPv4" | "IPv6";
}

/** The requests of a program for addresses of a pool, in the order in which it makes them. */
const requests = new WeakMap<object, Map<unknown, pulumi.Output<EarlierRequest>[]>>();
const noStack = {};

/**
 * Takes note of a request, and gives those of its pool that came before. Of two that want the same address the same one
 * gets it in a preview and in the update that follows, however the requests reach the engine.
 */
export function earlierRequests(pool: unknown, request: AddressRequest): pulumi.Output<EarlierRequest[]> {
    const stack = pulumi.runtime.getStackResource() ?? noStack;
    const ofStack = requests.get(stack) ?? new Map<unknown, pulumi.Output<EarlierRequest>[]>();
    requests.set(stack, ofStack);
    const earlier = ofStack.get(pool) ?? [];
    const { family } = request;
    const noted = pulumi.all([request.owner, request.requested]).apply(([owner, requested]) => ({
        owner,
        ...(requested !== undefined && { requested }),
        ...(family !== undefined && { family }),
    }));
    ofStack.set(pool, [...earlier, noted]);
    return pulumi.all(earlier);
}
