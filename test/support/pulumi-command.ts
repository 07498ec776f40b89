import { PulumiCommand } from "@pulumi/pulumi/automation";

let found: Promise<PulumiCommand> | undefined;

/** The CLI on PATH, which is asked for its version once, and not for each stack. */
export async function pulumiCommand(): Promise<PulumiCommand> {
    found ??= PulumiCommand.get();
    return found;
}
