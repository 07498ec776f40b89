import type { PoolSpec } from "../../core/pool";
import { IP_HISTORY, IP_POOL, IP_RESERVATION } from "../kinds";
import type { Need } from "../preflight";

/** What an address needs over its life: what is done to it, and the kinds of the objects that the program makes for it. */
export function allocationNeeds(pool: PoolSpec | string | undefined): [Need[], Omit<Need, "verbs">[]] {
    const needs: Need[] = [
        { kind: IP_RESERVATION, verbs: ["get", "list", "create", "patch", "delete"] },
        { kind: IP_HISTORY, verbs: ["create"] },
        ...(pool === undefined ? [] : [{ kind: IP_POOL, verbs: ["get", "list"] } as const]),
    ];
    return [needs, typeof pool === "object" ? [{ kind: IP_POOL }] : []];
}
