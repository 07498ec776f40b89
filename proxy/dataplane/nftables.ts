import { randomInt } from "node:crypto";
import type { Family } from "../../core/ip";
import { FrontendClaims } from "../../core/service-proxy/frontend-claims";
import type { ProxyPort, ProxyState } from "../../core/service-proxy/model";
import { familyWord, layoutOf, STAMP_SET, TABLE } from "../../core/service-proxy/nftables/layout";
import { servedPorts } from "../../core/service-proxy/nftables/read-back";
import type { Item } from "../../core/service-proxy/nftables/port-rules";
import { type Change, Ruleset } from "../../core/service-proxy/nftables/ruleset";
import {
    changeText,
    cleanupText,
    explanation,
    fullText,
    learnedMaps,
    listText,
    mapsText,
    removalText,
    stampIn,
    stampText,
    unusedOf,
} from "../../core/service-proxy/nftables/transaction";
import type { Applied, Dataplane } from "../dataplane";
import { run } from "./command";
import { UdpFlows } from "./conntrack";
import { NftMonitor } from "./nft-monitor";
import { partByFamily } from "./served-families";

/** Stamps count up from a random number, so that two agents in one network namespace do not take each other for themselves. */
const STAMPS = 2 ** 31;

/**
 * The rules as elements of a few maps of a table of our own, in each IP family: a Service or endpoint that comes or goes is
 * a handful of elements, whatever their number.
 */
export class NftablesDataplane implements Dataplane {
    private readonly claims = new FrontendClaims();
    private ruleset = new Ruleset();
    private readonly flows = new UdpFlows();
    private readonly monitor = new NftMonitor();
    private stamp = randomInt(1, STAMPS);
    /** Of the transaction that wrote all rules: as long as the kernel has one since, nobody has taken our table away. */
    private firstStamp = this.stamp;
    /** The kernel has what `ruleset` says. */
    private isWritten = false;
    private isTakenOver = false;
    /** Chains and maps that nothing leads to any more and the kernel still has. */
    private readonly unused = new Map<string, readonly [Family, Item]>();

    private constructor(private readonly families: readonly Family[]) {}

    /**
     * @throws Error where `nft` or `conntrack` is not there, or the kernel or nft lacks what the rules are made of
     */
    public static async create(): Promise<NftablesDataplane> {
        const [hasIPv6] = await Promise.all([
            run("nft", ["--check", "--file", "-"], layoutOf(6)).then(
                () => true,
                () => false, // a kernel that was started without IPv6
            ),
            run("nft", ["--check", "--file", "-"], layoutOf(4)),
            run("conntrack", ["--version"]),
        ]);
        return new NftablesDataplane(hasIPv6 ? [4, 6] : [4]);
    }

    public async apply({ ports: all }: ProxyState): Promise<Applied> {
        const { served, unserved } = partByFamily(all, this.families, "nftables");
        const { ports, unserved: lost } = this.claims.decide({ ports: served });
        await this.takeOver();
        const isFull = !this.isWritten || this.monitor.hasChange;
        const changes = this.ruleset.update({ ports });
        this.isWritten = false;
        if (isFull) {
            await this.writeAll();
        } else if (changes.length > 0) {
            await this.write(changeText(changes, this.nextStamp()));
        }
        this.isWritten = true;
        await this.sweep(isFull ? [] : changes);
        const { flowsRemoved, unsettled } = await this.flows.settleWritten({ ports });
        const kind = isFull ? "full" : changes.length > 0 ? "partial" : "none";
        return { kind, flowsRemoved, unserved: [...unserved, ...lost, ...unsettled] };
    }

    /**
     * Where the monitor cannot tell, the tables are looked for, and all rules written anew when the monitor is to be started
     * again: a table that is there may still lack an element.
     */
    public async isIntact(): Promise<boolean> {
        if (!this.isWritten) {
            return false;
        }
        const { firstStamp } = this;
        const watch = await this.monitor.watch();
        const isIntact = watch === "unchanged" || (watch === "unknown" && (await this.hasTables()));
        if (this.firstStamp !== firstStamp) {
            return true; // all was written meanwhile
        }
        this.isWritten &&= isIntact;
        return isIntact;
    }

    public async remove(): Promise<void> {
        await this.takeOver();
        this.close();
        await run("nft", ["--file", "-"], cleanupText(this.families));
        this.ruleset = new Ruleset();
        this.unused.clear();
        this.isWritten = false;
        await this.flows.settle({ ports: [] });
    }

    public explain(port: ProxyPort): string[] {
        return explanation(port.family, this.ruleset.itemsOf(this.claims.served(port)));
    }

    /** Ends what watches the rules; they stay. */
    public close(): void {
        this.monitor.stop();
    }

    /** What UDP flows an agent before this one has left: its table is the only one that knows. */
    private async takeOver(): Promise<void> {
        if (this.isTakenOver) {
            return;
        }
        const served: ProxyPort[] = [];
        const tables = await run("nft", ["list", "tables"]);
        for (const family of this.families.filter((each) => tables.includes(`table ${familyWord(each)} ${TABLE}\n`))) {
            for (const map of ["endpoints", "node-endpoints"]) {
                served.push(...servedPorts(family, await this.list(family, map)));
            }
        }
        this.flows.assume(served);
        this.isTakenOver = true;
    }

    private async writeAll(): Promise<void> {
        this.monitor.stop();
        this.unused.clear();
        const learned = await this.readLearned().catch(() => ""); // where the table is of another version's making
        this.firstStamp = this.nextStamp();
        await this.write(fullText(this.ruleset, this.families, learned, this.firstStamp));
        const stamp = this.nextStamp();
        this.monitor.start(stamp, () => this.write(stampText(stamp)));
    }

    /** Whether the kernel has our tables with the stamp of one of our transactions; also where nft fails otherwise. */
    private async hasTables(): Promise<boolean> {
        try {
            const [tables, set] = await Promise.all([
                run("nft", ["list", "tables"]),
                run("nft", ["list", "set", familyWord(4), TABLE, STAMP_SET]),
            ]);
            const stamp = stampIn(set);
            const isOurs = stamp !== undefined && this.firstStamp <= stamp && stamp <= this.stamp;
            return isOurs && this.families.every((family) => tables.includes(`table ${familyWord(family)} ${TABLE}\n`));
        } catch (error) {
            return !/No such file or directory/.test((error as Error).message);
        }
    }

    /** What clients' connections have learned, as nft prints it. */
    private async readLearned(): Promise<string> {
        const maps = learnedMaps(this.ruleset, this.families);
        if (maps.length === 0) {
            return "";
        }
        await this.write(mapsText(maps));
        return run("nft", ["--file", "-"], listText(maps));
    }

    /** Removes chains and maps that are not used any more; what the kernel does not give away yet is left for the next time. */
    private async sweep(changes: readonly Change[]): Promise<void> {
        for (const change of changes) {
            for (const item of unusedOf(change)) {
                this.unused.set(`${String(change.family)} ${item.set} ${item.key}`, [change.family, item]);
            }
            for (const { set, key } of change.added) {
                this.unused.delete(`${String(change.family)} ${set} ${key}`);
            }
        }
        if (this.unused.size > 0) {
            await this.write(removalText([...this.unused.values()], this.nextStamp())).then(
                () => this.unused.clear(),
                () => undefined,
            );
        }
    }

    private nextStamp(): number {
        this.stamp += 1;
        this.monitor.expect(this.stamp);
        return this.stamp;
    }

    private async write(text: string): Promise<void> {
        await run("nft", ["--file", "-"], text);
    }

    /** A map of our table as JSON; nothing where there is none. */
    private async list(family: Family, map: string): Promise<string> {
        return run("nft", ["--json", "list", "map", familyWord(family), TABLE, map]).catch(() => "");
    }
}
