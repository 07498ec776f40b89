import type * as pulumi from "@pulumi/pulumi";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { PoolGuardInputs } from "./inputs";

const provider = providerOf("pool-guard");

/**
 * Answers "may this pool change, or go?": refuses what would take addresses from under their owners. Depends on the pool,
 * and the reservations depend on it, so its own delete comes between theirs and the pool's.
 */
export class PoolGuard extends UntracedResource {
    constructor(name: string, args: InputsOf<PoolGuardInputs>, opts?: pulumi.CustomResourceOptions) {
        super(provider, name, { ...args }, opts, "wukong", "PoolGuard");
    }
}
