import { runtime } from "@pulumi/pulumi";
import { PulumiCommand } from "@pulumi/pulumi/automation";

/** `GOGC` of the CLI, which ends before its garbage would matter: collecting it takes a third of its start. */
export const LITTLE_COLLECTING = "400";

let found: Promise<PulumiCommand> | undefined;

/** The CLI on PATH, which is asked for its version once, and not for each stack. */
export async function pulumiCommand(): Promise<PulumiCommand> {
    connectAnew();
    found ??= PulumiCommand.get();
    return found;
}

/**
 * Has the SDK make a connection of its own to each engine. In one process grpc shares them by address, and an address that
 * failed is not tried again for a while: an engine at the port of one that has gone was not reached then ("No connection
 * established. Last error: null"), and the program ended as if all were well.
 */
function connectAnew(): void {
    const { grpcClientOptions } = runtime as unknown as { grpcClientOptions: Record<string, number> };
    grpcClientOptions["grpc.use_local_subchannel_pool"] = 1;
}
