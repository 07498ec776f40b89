import { type Command, InvalidArgumentError } from "commander";
import { lookup, type TenancyState } from "../../cluster/ipam";
import { addClusterOptions, type ClusterOptions, type CommandContext } from "../context";
import { EXIT } from "../exit-code";
import { age } from "../output/age";
import { sinceOf, spaceOption, TENANCY_COLUMNS, TENANCY_FIELDS, vmOption } from "./tenancy";

interface ListOptions extends ClusterOptions {
    readonly space?: string;
    readonly pool?: string;
    readonly vm?: string;
    readonly state?: TenancyState;
}

const STATES: readonly TenancyState[] = ["Active", "Retained", "Quarantined", "Reusable"];

const EXAMPLES = [
    "wukong ipam list",
    "wukong ipam list --space lan-100 --state retained",
    "wukong ipam list --vm prod/web-vm -o json",
];

/** Adds `wukong ipam list`: the addresses that are held. */
export function addList(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("list")
        .description("Lists the addresses that are held; SINCE is how long they have been in their state.")
        .option("--space <space>", "only those of an address space", spaceOption)
        .option("--pool <name>", "only those taken from an IPPool")
        .option("--vm <namespace/name>", "only those of a virtual machine", vmOption)
        .option("--state <state>", `only those in a state: ${STATES.join(", ")}`, stateOption);
    addClusterOptions(command, { examples: EXAMPLES, fields: TENANCY_FIELDS }).action((options: ListOptions) =>
        context.ask(options, async (client) => {
            const { space, pool, vm, state } = options;
            const held = await lookup(client, { space, pool, vm });
            const now = client.serverNow();
            context.list(
                held.filter((tenancy) => state === undefined || tenancy.state === state),
                options,
                [...TENANCY_COLUMNS, { header: "SINCE", value: (tenancy) => age(sinceOf(tenancy), now) }],
                "No such address is held.",
            );
            return EXIT.ok;
        }),
    );
}

function stateOption(text: string): TenancyState {
    const state = STATES.find((each) => each.toLowerCase() === text.toLowerCase());
    if (state === undefined) {
        throw new InvalidArgumentError(`The states are ${STATES.join(", ")}`);
    }
    return state;
}
