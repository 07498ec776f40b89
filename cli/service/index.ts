import type { Command } from "commander";
import type { CommandContext } from "../context";
import { addExplain } from "./explain";
import { addList } from "./list";
import { addShow } from "./show";

/** Adds `wukong service` and its commands. */
export function addService(program: Command, context: CommandContext): void {
    const service = program
        .command("service")
        .description("Which Services are in front of VMs on secondary networks, and how they are served.");
    for (const add of [addList, addShow, addExplain]) {
        add(service, context);
    }
}
