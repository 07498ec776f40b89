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
    const failure = await attemptInNamespace("ip link add eth1 type veth peer name eth0");
    return failure === undefined ? undefined : `network namespaces with veth devices cannot be made: ${failure}`;
}

/** Why a namespace of a stand has no bridge with VLAN filtering; undefined where it can. */
export async function vlanObstacle(): Promise<string | undefined> {
    const failure = await attemptInNamespace("ip link add br0 type bridge vlan_filtering 1");
    return failure === undefined
        ? undefined
        : `this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING): ${failure}`;
}

/** Why a namespace of a stand has no macvlan; undefined where it can. */
export async function macvlanObstacle(): Promise<string | undefined> {
    const failure = await attemptInNamespace(
        "ip link add eth1 type veth peer name eth0",
        "ip link add link eth1 name try type macvlan mode passthru",
    );
    return failure === undefined ? undefined : `this kernel has no macvlan (CONFIG_MACVLAN): ${failure}`;
}

/** Why frames cannot be checked for their source MAC; undefined where they can. */
export async function nftObstacle(): Promise<string | undefined> {
    const failure = await attemptInNamespace("nft add table bridge try");
    return failure === undefined ? undefined : `the CNI plugin needs nft with tables of bridges: ${failure}`;
}

/** Which of some programs is not on this machine; undefined where all are. */
export async function programObstacle(...programs: string[]): Promise<string | undefined> {
    for (const program of programs) {
        if ((await attempt(program, "--version")) !== undefined) {
            return `there is no ${program} on this machine`;
        }
    }
    return undefined;
}

/** What the first command that failed in a namespace of its own said; none where all did what they were to. */
async function attemptInNamespace(...commandLines: string[]): Promise<string | undefined> {
    const name = `wukong-${String(process.pid)}-try`;
    let failure = await attempt("ip", "netns", "add", name);
    for (const commandLine of commandLines) {
        failure ??= await attempt("ip", "netns", "exec", name, ...commandLine.split(" "));
    }
    await attempt("ip", "netns", "delete", name);
    return failure;
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
