import { hash } from "node:crypto";
import type { Family } from "../../core/ip";
import type { Chains, Table } from "../../core/service-proxy/iptables/port-chains";
import { servedPorts } from "../../core/service-proxy/iptables/read-back";
import {
    cleanupTexts,
    isComplete,
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
import { partByFamily } from "./served-families";

export interface IptablesOptions {
    /**
     * What the names of our chains begin with: one to seven capitals and digits. `KUBE` only where there is no kube-proxy;
     * no other that somebody else's chains have.
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

/** What the kernel has of ours in a table. */
interface TableSave {
    readonly family: Family;
    readonly table: Table;
    readonly present: Present;
}

/** The share of time that is spent on looking whether the rules are still there. */
const LOOKING_SHARE = 0.05;

/** The rules in the classic layout of kube-proxy: chains of iptables, from an address to the endpoints. */
export class IptablesDataplane implements Dataplane {
    private readonly claims = new FrontendClaims();
    private chains: ChainSet;
    private readonly flows = new UdpFlows();
    private ports: readonly ProxyPort[] = [];
    private isWritten = false;
    private isTakenOver = false;
    /** Of all our rules, as the kernel had them when they were looked at first after the last change. */
    private digest: string | undefined;
    private lookAgainAt = 0;
    /** Counts what was written: what is looked at meanwhile says nothing. */
    private revision = 0;

    private constructor(
        private readonly prefix: string,
        /** Between `iptables` and what the program does, in its name. */
        private readonly infix: string,
        /** Which iptables the node agent works with. */
        public readonly flavour: "nft" | "legacy",
        /** Those for which the kernel has the tables. */
        private families: readonly Family[] = FAMILIES,
    ) {
        this.chains = new ChainSet(prefix);
    }

    /**
     * @throws Error where a program is not there, the prefix is none, or chains of somebody else have it
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
        const hasIPv6 = await dataplane.saveAll(6).then(
            () => true,
            () => false, // a kernel that was started without IPv6
        );
        dataplane.families = hasIPv6 ? FAMILIES : [4];
        await dataplane.refuseBesideOthers();
        return dataplane;
    }

    public async apply({ ports: all }: ProxyState): Promise<Applied> {
        const { served, unserved } = partByFamily(all, this.families, "iptables");
        const { ports, unserved: lost } = this.claims.decide({ ports: served });
        const isFull = !this.isWritten;
        const changes = this.chains.update({ ports }).filter(({ family }) => this.families.includes(family));
        this.ports = ports;
        if (isFull || changes.length > 0) {
            this.revision += 1;
            this.isWritten = false;
            await (isFull ? this.writeAll() : this.writeEach(changes));
            this.digest = undefined;
            this.isWritten = true;
        }
        const { flowsRemoved, unsettled } = await this.flows.settleWritten({ ports });
        const kind = isFull ? "full" : changes.length > 0 ? "partial" : "none";
        return { kind, flowsRemoved, unserved: [...unserved, ...lost, ...unsettled] };
    }

    /**
     * Looks at all rules, but not so often that it takes more than a twentieth of the time: with ten thousand Services, the
     * iptables of nftables takes ten seconds for it. The first look after a change is judged by what was written, as there may
     * have been damage before it; those after it by the first, as iptables prints rules in words of its own.
     */
    public async isIntact(): Promise<boolean> {
        if (!this.isWritten) {
            return false;
        }
        if (this.digest === undefined || performance.now() >= this.lookAgainAt) {
            const start = performance.now();
            const revision = this.revision;
            const saves = await this.look();
            const end = performance.now();
            if (this.revision !== revision) {
                return true;
            }
            this.lookAgainAt = end + (end - start) / LOOKING_SHARE;
            const digest = this.digestOf(saves);
            this.isWritten = this.digest === undefined ? this.isAllThere(saves) : this.digest === digest;
            this.digest = digest;
        }
        return this.isWritten;
    }

    public async remove(): Promise<void> {
        for (const family of this.families) {
            for (const table of TABLES) {
                const present = await this.takeOver(family, table);
                for (const text of cleanupTexts(this.prefix, table, present, RULES_OF_A_PORTION[this.flavour])) {
                    await this.restore(family, text);
                }
            }
        }
        this.chains = new ChainSet(this.prefix);
        this.ports = [];
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

    /** @throws Error only when nothing is written any more: what comes next would otherwise meet what is left of this. */
    private async writeAll(): Promise<void> {
        const written = await Promise.allSettled(
            this.families.map(async (family) => {
                const found = await Promise.all(
                    TABLES.map(async (table) => ({ table, present: await this.takeOver(family, table) })),
                );
                for (const { table, present } of found) {
                    const written = this.chains.all(this.ports, family, table);
                    const removed = present.chains.filter((chain) => !written.has(chain));
                    await this.write({ family, table, written, removed }, missingJumps(this.prefix, table, present));
                }
            }),
        );
        const failure = written.find((each) => each.status === "rejected");
        if (failure !== undefined) {
            throw failure.reason as Error;
        }
        this.isTakenOver = true;
    }

    private async writeEach(changes: readonly TableChange[]): Promise<void> {
        for (const change of changes) {
            await this.write(change);
        }
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

    private async look(): Promise<readonly TableSave[]> {
        const saves: TableSave[] = [];
        for (const family of this.families) {
            saves.push(...(await this.saveAll(family)));
        }
        return saves;
    }

    /** Whether the kernel has as many rules as were written. */
    private isAllThere(saves: readonly TableSave[]): boolean {
        return saves.every(({ family, table, present }) =>
            isComplete(this.prefix, table, this.chains.all(this.ports, family, table), present),
        );
    }

    private digestOf(saves: readonly TableSave[]): string {
        const ours = saves.flatMap(({ present: { chains, jumps, rules } }) => [...chains, ...jumps, ...rules]);
        return hash("sha256", ours.join("\n"), "hex");
    }

    private async refuseBesideOthers(): Promise<void> {
        for (const { table, present } of await this.look()) {
            const { chains, jumps, others } = present;
            if (this.prefix === "KUBE") {
                // The kubelet has chains of the prefix on every node, of other names than ours.
                if (chains.length > 0 && jumps.length === 0) {
                    throw new Error(
                        `The prefix "KUBE" of the chains is refused: a kube-proxy has its chains here (${this.prefix}-` +
                            `${chains[0] ?? ""} in the table ${table}), and removes those of others that are named so. ` +
                            `Leave the prefix out.`,
                    );
                }
            } else if (others.length > 0) {
                throw new Error(
                    `The prefix "${this.prefix}" of the chains is refused: somebody else has chains of it here (` +
                        `${this.prefix}-${others[0] ?? ""} in the table ${table}). Leave the prefix out, or take another.`,
                );
            }
        }
    }

    private async saveAll(family: Family): Promise<TableSave[]> {
        return Promise.all(
            TABLES.map(async (table) => ({
                family,
                table,
                present: presentIn(await this.save(family, table), this.prefix),
            })),
        );
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
