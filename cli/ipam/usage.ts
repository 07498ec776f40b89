import type { Command } from "commander";
import { type PoolUsage, usage } from "../../cluster/ipam";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import type { Column } from "../output/table";

/** A pool's use as JSON can carry it: IPv6 counts are beyond the numbers of most programs. */
type UsageRow = { readonly [K in keyof PoolUsage]: PoolUsage[K] extends bigint ? string : PoolUsage[K] };

const EXAMPLES = ["wukong ipam usage", "wukong ipam usage web", "wukong ipam usage -o json"];

const FIELDS = `  pool         the IPPool
  space        the scope in which its addresses are unique
  family       IPv4 or IPv6
  total        addresses that may be given out (this and other counts: decimal strings)
  active       of total, in use
  retained     of total, released and kept for their owners
  quarantined  of total, released and at rest until another may have them
  free         of total, nobody's
  staticOnly   of free, given only to those who ask for them by name
  outside      beside total: taken from the pool before it was changed, and still held
  disabled     whether nothing is chosen from the pool at present`;

const COLUMNS: readonly Column<UsageRow>[] = [
    { header: "POOL", value: ({ pool, disabled }) => (disabled ? `${pool} (disabled)` : pool), shrinks: true },
    { header: "SPACE", value: ({ space }) => space, shrinks: true },
    { header: "FAMILY", value: ({ family }) => family },
    { header: "TOTAL", value: ({ total }) => total, align: "right" },
    { header: "ACTIVE", value: ({ active }) => active, align: "right" },
    { header: "RETAINED", value: ({ retained }) => retained, align: "right" },
    { header: "QUARANTINED", value: ({ quarantined }) => quarantined, align: "right" },
    { header: "OUTSIDE", value: ({ outside }) => outside, align: "right" },
    { header: "FREE", value: ({ free }) => free, align: "right" },
    { header: "STATIC-ONLY", value: ({ staticOnly }) => staticOnly, align: "right" },
];

/** Adds `wukong ipam usage`: how far the pools are used. */
export function addUsage(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("usage")
        .description(
            "Counts the addresses of the pools: TOTAL is ACTIVE, RETAINED, QUARANTINED and FREE together. Of the free ones " +
                "STATIC-ONLY go to those only who name them. OUTSIDE ones are held beside, since before the pool was changed.",
        )
        .argument("[pool]", "only this IPPool");
    addClusterOptions(command, { examples: EXAMPLES, fields: FIELDS }).action(
        (pool: string | undefined, options: ClusterOptions) =>
            context.ask(options, async (client) => {
                const invalid: string[] = [];
                const rows = await usage(client, pool, (_name, problem) => invalid.push(problem));
                if (rows.length > 0 || invalid.length === 0 || options.output !== "table") {
                    context.list(rows.map(rowOf), options, COLUMNS, "There is no IPPool.");
                }
                invalid.forEach((problem) => {
                    context.note(problem);
                });
                return invalid.length === 0 ? EXIT.ok : EXIT.failed;
            }),
    );
}

function rowOf(pool: PoolUsage): UsageRow {
    return {
        ...pool,
        total: String(pool.total),
        active: String(pool.active),
        retained: String(pool.retained),
        quarantined: String(pool.quarantined),
        free: String(pool.free),
        staticOnly: String(pool.staticOnly),
        outside: String(pool.outside),
    };
}
