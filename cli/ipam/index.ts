import type { Command } from "commander";
import type { CommandContext } from "../context";
import { addAudit } from "./audit";
import { addHistory } from "./history";
import { addList } from "./list";
import { addRelease } from "./release";
import { addShow } from "./show";
import { addUsage } from "./usage";

/** Adds `wukong ipam` and its commands. */
export function addIpam(program: Command, context: CommandContext): void {
    const ipam = program.command("ipam").description("Who has which IP address, who had it, and what is free.");
    for (const add of [addList, addShow, addHistory, addUsage, addAudit, addRelease]) {
        add(ipam, context);
    }
}
