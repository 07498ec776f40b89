import type { PoolSpec } from "../../core/pool";
import type { CommonInputs } from "../connection";

/** What stands between a pool and what would take addresses from under their owners. */
export interface PoolGuardInputs extends CommonInputs {
    /** The pool as the program declares it. */
    pool: PoolSpec;
}
