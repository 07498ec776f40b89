/**
 * Questions about addresses, for programs beside Pulumi: who has an address, who had it, how far the pools are used, and
 * whether all that is as the cluster has it.
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
export { FINDING_CLASSES, type Finding, type FindingClass } from "../../core/audit-view";
export { type ClusterClient, clientFor } from "../client";
export type { ConnectionArgs } from "../connection";
export { ClusterError, type ClusterErrorReason } from "../errors";
export { audit, type AuditOptions } from "./audit";
export { type AuditChange, watchAudit, type WatchOptions } from "./audit-watch";
export { type GivenUp, giveUp } from "./give-up";
export { HISTORY_DAYS, history, type HistoryFilter, prune } from "./history";
export { lookup, type Tenancy, type TenancyFilter, type TenancyState } from "./query";
export { type PoolUsage, usage } from "./usage";
