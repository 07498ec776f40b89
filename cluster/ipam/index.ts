/**
 * Questions about addresses, for programs beside Pulumi: who has an address, who had it, and how far the pools are used.
 *
 * ```ts
 * import { clientFor, lookup } from "pulumi-wukong/ipam";
 *
 * const [tenancy] = await lookup(clientFor({}), { address: "10.0.0.5" });
 * console.log(tenancy?.owner);
 * ```
 *
 * @module
 */
export { type ClusterClient, clientFor } from "../client";
export type { ConnectionArgs } from "../connection";
export { ClusterError, type ClusterErrorReason } from "../errors";
export { HISTORY_DAYS, history, type HistoryFilter, prune } from "./history";
export { lookup, type Tenancy, type TenancyFilter, type TenancyState } from "./query";
export { type PoolUsage, usage } from "./usage";
