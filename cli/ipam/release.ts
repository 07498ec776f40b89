import type { Command } from "commander";
import { giveUp } from "../../cluster/ipam";
import { addConnectionOptions, type CommandContext, type ConnectionOptions } from "../context";
import { EXIT } from "../exit-code";
import { addressArgument, spaceOption } from "./tenancy";

interface ReleaseOptions extends ConnectionOptions {
    readonly space?: string;
}

const EXAMPLES = ["wukong ipam release 10.10.1.37", "wukong ipam release 10.10.1.37 --space lan"];

/** Adds `wukong ipam release`: gives up an address that is kept for an owner who is gone. */
export function addRelease(ipam: Command, context: CommandContext): void {
    const command = ipam
        .command("release")
        .description(
            "Gives up an address that is kept for its owner (reserved: true), when NIC and VM are gone for good. " +
                "An address in use is left alone: it is released by the program of its stack.",
        )
        .argument("<address>", "the address", addressArgument)
        .option("--space <space>", "its address space, where it is kept in several", spaceOption);
    addConnectionOptions(command, EXAMPLES).action((address: string, options: ReleaseOptions) =>
        context.ask(options, async (client) => {
            const { space } = options;
            const { tenancy, graceSeconds } = await giveUp(client, { address, ...(space !== undefined && { space }) });
            const rest = graceSeconds > 0 ? `rests for ${graceSeconds} s, and is free then` : "is free";
            context.note(
                `${tenancy.address} of space ${tenancy.space} is no longer kept for ${tenancy.owner}: it ${rest}.`,
            );
            return EXIT.ok;
        }),
    );
}
