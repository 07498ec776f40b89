import { tmpdir } from "node:os";
import { command } from "../support/command";

/** Tells, loudly, why the tests of this suite or this test are left out, and leaves them out: they are counted as skipped. */
export function leaveOut(context: Mocha.Context, reason: string): never {
    console.warn(`      LEFT OUT: ${reason}`);
    context.skip();
}

/** Why network namespaces cannot be made here; undefined where they can. */
export async function namespaceObstacle(): Promise<string | undefined> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        return "network namespaces are made by root on Linux";
    }
    const name = `wukong-${String(process.pid)}-try`;
    const made = await attempt("ip", "netns", "add", name);
    await attempt("ip", "netns", "delete", name);
    return made === undefined ? undefined : `\`ip netns add\` fails: ${made}`;
}

/** Why a namespace of a stand has no bridge with VLAN filtering; undefined where it can. */
export async function vlanObstacle(): Promise<string | undefined> {
    const name = `wukong-${String(process.pid)}-vlan`;
    await attempt("ip", "netns", "add", name);
    const failure = await attempt(
        ..."ip -n NAME link add br0 type bridge vlan_filtering 1".replace("NAME", name).split(" "),
    );
    await attempt("ip", "netns", "delete", name);
    return failure === undefined
        ? undefined
        : `this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING): ${failure}`;
}

/** Why frames cannot be checked for their source MAC; undefined where they can. */
export async function nftObstacle(): Promise<string | undefined> {
    const failure = await attempt("nft", "list", "tables");
    return failure === undefined ? undefined : `the CNI plugin needs nft on the node: ${failure}`;
}

/** What a program said where it failed, or could not be started. */
async function attempt(...[program = "", ...args]: string[]): Promise<string | undefined> {
    try {
        const { code, text } = await command(program, args, { cwd: tmpdir() });
        return code === 0 ? undefined : text.trim();
    } catch (error) {
        return (error as Error).message.split("\n")[0];
    }
}
