import { hash } from "node:crypto";
import type { Family } from "../../core/ip";
import type { Chains, Table } from "../../core/service-proxy/iptables/port-chains";
import { servedPorts } from "../../core/service-proxy/iptables/read-back";
import {
    COMMENT,
    cleanupTexts,
    missingJumps,
    portions,
    type Present,
    presentIn,
    restoreText,
} from "../../core/service-proxy/iptables/restore";
import { ChainSet, explanation, type TableChange } from "../../core/service-proxy/iptables/ruleset";
import { FrontendClaims } from "../../core/service-proxy/frontend-claims";
import type { ProxyPort, ProxyState } from "../../core/service-proxy/model";
import type { Applied, Dataplane } from "../dataplane";
import { run } from "./command";
import { UdpFlows } from "./conntrack";

export interface IptablesOptions {
    /**
     * What the names of our chains begin with: one to seven capitals and digits. `KUBE` only where there is no kube-proxy.
     * @default "WUKONG"
     */
    readonly prefix?: string;
    /**
     * Which of the two programs of the name: it has to be the one that the node's other users have.
     * @default what `iptables` on the PATH is
     */
    readonly flavour?: "nft" | "legacy";
}

const FAMILIES = [4, 6] as const;
const TABLES = ["nat", "filter"] as const;

/**
 * How many rules go to iptables-restore in one input. That of nftables sorts the chains of its input by inserting each where
 * it belongs (1.8.9): it takes 50 s for ten thousand Services at once, and 4 s in portions. The legacy one reads and writes the
 * whole table at each call.
 */
const RULES_OF_A_PORTION = { nft: 2000, legacy: Infinity } as const;

/** The share of time that is spent on looking whether the rules are still there. */
const LOOKING_SHARE = 0.05;

/** The rules in the classic layout of kube-proxy: chains of iptables, from an address to the endpoints. */
export class IptablesDataplane implements Dataplane {
    private readonly claims = new FrontendClaims();
    private chains: ChainSet;
    private readonly flows = new UdpFlows();
    private isWritten = false;
    private isTakenOver = false;
    /** Of all our rules, as the kernel had them when they were looked at first after the last change. */
    private digest: string | undefined;
    private lookAgainAt = 0;
    private isDamaged = false;
    /** Counts what was applied: what is looked at meanwhile says nothing. */
    private revision = 0;

    private constructor(
        private readonly prefix: string,
        /** Between `iptables` and what the program does, in its name. */
        private readonly infix: string,
        /** Which iptables the node agent works with. */
        public readonly flavour: "nft" | "legacy",
    ) {
        this.chains = new ChainSet(prefix);
    }

    /**
     * @throws Error where a program is not there, the prefix is none, or it is that of a kube-proxy which works here
     */
    public static async create({ prefix = "WUKONG", flavour }: IptablesOptions = {}): Promise<IptablesDataplane> {
        if (!/^[A-Z0-9]{1,7}$/.test(prefix)) {
            throw new Error(
                `The prefix ${JSON.stringify(prefix)} of the chains is refused: with it, a name has to stay within the 28 ` +
                    `characters of the kernel. Take one to seven capitals and digits.`,
            );
        }
        const infix = flavour === undefined ? "" : `-${flavour}`;
        const programs = ["iptables", "ip6tables"].flatMap((name) =>
            ["-restore", "-save"].map((verb) => name + infix + verb),
        );
        const [version] = await Promise.all(
            [`iptables${infix}`, ...programs, "conntrack"].map(async (program) => run(program, ["--version"])),
        );
        const dataplane = new IptablesDataplane(
            prefix,
            infix,
            version?.includes("nf_tables") === true ? "nft" : "legacy",
        );
        if (prefix === "KUBE") {
            await dataplane.refuseBesideKubeProxy();
        }
        return dataplane;
    }

    public async apply(all: ProxyState): Promise<Applied> {
        const isFull = !this.isWritten;
        const { unserved, ...state } = this.claims.decide(all);
        const changes = this.chains.update(state);
        this.revision += 1;
        this.isWritten = false;
        if (isFull) {
            await this.writeAll(state);
        } else {
            for (const change of changes) {
                await this.write(change);
            }
        }
        if (isFull || changes.length > 0) {
            this.digest = undefined;
            this.isDamaged = false;
        }
        this.isWritten = true;
        const flowsRemoved = await this.flows.settle(state);
        return { kind: isFull ? "full" : changes.length > 0 ? "partial" : "none", flowsRemoved, unserved };
    }

    /**
     * Looks at all rules, but not so often that it takes more than a twentieth of the time: with ten thousand Services, the
     * iptables of nftables takes ten seconds for it.
     */
    public async isIntact(): Promise<boolean> {
        if (!this.isWritten || this.isDamaged) {
            return false;
        }
        if (this.digest === undefined || performance.now() >= this.lookAgainAt) {
            const start = performance.now();
            const revision = this.revision;
            const digest = await this.look();
            const end = performance.now();
            if (this.revision !== revision) {
                return true;
            }
            this.lookAgainAt = end + (end - start) / LOOKING_SHARE;
            this.isDamaged = this.digest !== undefined && this.digest !== digest;
            this.digest ??= digest;
            this.isWritten = !this.isDamaged;
        }
        return !this.isDamaged;
    }

    public async remove(): Promise<void> {
        for (const family of FAMILIES) {
            for (const table of TABLES) {
                const present = await this.takeOver(family, table);
                for (const text of cleanupTexts(this.prefix, table, present, RULES_OF_A_PORTION[this.flavour])) {
                    await this.restore(family, text);
                }
            }
        }
        this.chains = new ChainSet(this.prefix);
        this.isTakenOver = true;
        this.isWritten = false;
        await this.flows.settle({ ports: [] });
    }

    public explain(port: ProxyPort): string[] {
        const chains = this.chains.chainsOf(this.claims.served(port));
        return chains === undefined ? [] : explanation(this.prefix, chains);
    }

    /** Nothing watches the rules between calls: they stay. */
    public close(): void {
        this.digest = undefined;
    }

    private async writeAll({ ports }: ProxyState): Promise<void> {
        await Promise.all(
            FAMILIES.map(async (family) => {
                const found = await Promise.all(
                    TABLES.map(async (table) => ({ table, present: await this.takeOver(family, table) })),
                );
                for (const { table, present } of found) {
                    const written = this.chains.all(ports, family, table);
                    const removed = present.chains.filter((chain) => !written.has(chain));
                    await this.write({ family, table, written, removed }, missingJumps(this.prefix, table, present));
                }
            }),
        );
        this.isTakenOver = true;
    }

    /** Writes in portions; what goes and the jumps come with the last, which is when the new chains are led to. */
    private async write({ family, table, written, removed }: TableChange, jumps: string[] = []): Promise<void> {
        const parts: readonly Chains[] =
            written.size === 0 ? [new Map()] : portions(written, RULES_OF_A_PORTION[this.flavour]);
        for (const [index, part] of parts.entries()) {
            const last = index === parts.length - 1 ? { removed, jumps } : { removed: [] };
            await this.restore(family, restoreText(this.prefix, table, { written: part, ...last }));
        }
    }

    /** What the kernel has of ours; for the first time also which UDP flows an agent before this one has left. */
    private async takeOver(family: Family, table: Table): Promise<Present> {
        const save = await this.save(family, table);
        if (!this.isTakenOver && table === "nat") {
            this.flows.assume(servedPorts(family, save, this.prefix));
        }
        return presentIn(save, this.prefix);
    }

    private async look(): Promise<string> {
        const ours: string[] = [];
        for (const family of FAMILIES) {
            for (const table of TABLES) {
                const lines = (await this.save(family, table)).split("\n");
                ours.push(...lines.filter((line) => line.includes(`${this.prefix}-`)));
            }
        }
        return hash("sha256", ours.join("\n").replace(/\[\d+:\d+\]/g, ""), "hex");
    }

    private async refuseBesideKubeProxy(): Promise<void> {
        for (const table of TABLES) {
            const { chains, jumps } = presentIn(await this.save(4, table), this.prefix);
            if (chains.length > 0 && !jumps.some((jump) => jump.includes(COMMENT))) {
                throw new Error(
                    `The prefix "KUBE" of the chains is refused: a kube-proxy has its chains here (${this.prefix}-` +
                        `${chains[0] ?? ""} in the table ${table}), and removes those of others that are named so. ` +
                        `Leave the prefix out.`,
                );
            }
        }
    }

    private program(family: Family, suffix: string): string {
        return `${family === 4 ? "iptables" : "ip6tables"}${this.infix}${suffix}`;
    }

    private async save(family: Family, table: Table): Promise<string> {
        return run(this.program(family, "-save"), ["-t", table]);
    }

    private async restore(family: Family, text: string): Promise<void> {
        await run(this.program(family, "-restore"), ["--wait", "5", "--noflush"], text);
    }
}
