import assert from "node:assert/strict";
import { seeded, seedOf } from "../ipam/support/random";
import { startCluster, type EmbeddedCluster } from "../../scripts/embedded-cluster/cluster";
import { ClusterView } from "../support/cluster-view";
import { clientsOf, done, kubeVirtRelease, seen, until } from "../support/embedded-cluster";
import { CliStack } from "../support/pulumi-process";
import { anyFault, anyMoment, Bystander, describeMoment, FAULTS, struck, type Fault } from "./chaos-faults";
import { FOREIGN, foreignEntries, Invariants, LEFT_BEHIND } from "./chaos-invariants";
import {
    edited,
    firstProgram,
    inputOf,
    oneOf,
    SOURCE,
    vmName,
    type Attachment,
    type ChaosProgram,
} from "./chaos-program";

const ROUNDS = Number(process.env.WUKONG_CHAOS_ROUNDS ?? 2);

/** Of so many rounds one tries whether a preview of the same program finds nothing to do. */
const ROUNDS_OF_A_PREVIEW = 4;

const NAMESPACE = "chaos";

/** Where KubeVirt moves a NIC by a live migration, the update asks for it, which saves KubeVirt's own delay. */
const CONSENT = kubeVirtRelease === "1.6" ? {} : { onMigrationRequired: "request" };

/** A pod that is made anew, by a live migration, would need a node that reports the bridge of Open vSwitch. */
const ATTACHMENTS: readonly Attachment[] = [
    "red",
    "blue",
    "own bridge",
    "own macvlan",
    ...(kubeVirtRelease === "1.6" ? (["ovs"] as const) : []),
];

describe("five VMs whose NICs are edited at random, with updates that are killed at random", function () {
    this.timeout(300_000 + ROUNDS * 120_000);
    let cluster: EmbeddedCluster;
    let view: ClusterView;
    let stack: CliStack;
    let bystander: Bystander;
    const cleanups: (() => Promise<void>)[] = [];

    before("start a cluster of one's own, as its API server is killed", async () => {
        cluster = await startCluster({ kubeVirt: kubeVirtRelease });
        cleanups.push(async () => cluster.stop());
        view = new ClusterView(clientsOf(cluster.kubeconfig), NAMESPACE);
        await view.clients.core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
        await view.makeNad(FOREIGN.network);
        bystander = await Bystander.start(view.clients);
        stack = await CliStack.create(SOURCE, { kubeconfig: cluster.kubeconfig });
        cleanups.push(async () => stack.dispose());
    });

    after("stop the cluster", async () => {
        for (const cleanUp of cleanups.reverse()) {
            await cleanUp();
        }
    });

    it(`are as the program says after each of ${String(ROUNDS)} rounds, without a restart`, async () => {
        const seed = seedOf("WUKONG_TEST_SEED");
        console.log(`        WUKONG_TEST_SEED=${String(seed)} WUKONG_CHAOS_ROUNDS=${String(ROUNDS)}`);
        const random = seeded(seed);
        const invariants = new Invariants(view);
        const foreign = new Map<string, string>();
        const hits = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));
        const input = (program: ChaosProgram): object => inputOf(program, NAMESPACE, CONSENT);

        let program = firstProgram(random);
        const begun = Date.now();
        await stack.succeed(stack.up(input(program)));
        let usualMs = Date.now() - begun;
        foreign.set(vmName(program[0]!), await addForeign(vmName(program[0]!), 0));
        await invariants.hold(program, foreign);

        for (let round = 1; round <= ROUNDS; round += 1) {
            const fault = anyFault(random);
            const moment = anyMoment(random, usualMs);
            const next = edited(program, random, ATTACHMENTS);
            const last = oneOf(random, [
                () => next,
                () => ({ program, edits: ["back"] }),
                () => edited(next.program, random, ATTACHMENTS),
            ])();
            const others = program.map(vmName).filter((vm) => !foreign.has(vm));
            const visited = others.length > 0 && random() < 0.1 ? oneOf(random, others) : undefined;
            const edits = [...next.edits, ...(last === next ? [] : ["then", ...last.edits])].join("; ");
            const what = `round ${String(round)}: ${fault} ${describeMoment(moment)}; ${edits}`;
            const downMs = random() * 1_500;
            let said = "";
            try {
                const [{ hit, ended, clear }, entries] = await Promise.all([
                    struck(() => stack.up(input(next.program)), fault, { moment, view, cluster, bystander, downMs }),
                    visited === undefined ? undefined : addForeign(visited, round),
                ]);
                said = ended.text;
                hits.set(hit ? fault : "none", (hits.get(hit ? fault : "none") ?? 0) + 1);
                console.log(`        ${what}${hit ? "" : " (not hit)"}${visited ? `; ${visited} visited` : ""}`);
                assert.ok(hit || ended.code === 0, "an update that nothing happens to ends well");
                if (visited !== undefined && entries !== undefined) {
                    foreign.set(visited, entries);
                }
                if (hit && (fault === "run" || fault === "engine")) {
                    await stack.cancel();
                }
                program = last.program;
                if (hit || last !== next) {
                    const start = Date.now();
                    said += await stack.succeed(stack.up(input(program)));
                    usualMs = Date.now() - start;
                }
                await invariants.hold(program, foreign);
                await clear();
                if (round % ROUNDS_OF_A_PREVIEW === 0 || round === ROUNDS) {
                    const before = await view.written();
                    await stack.succeed(stack.previewNothing(input(program)));
                    assert.deepEqual(await view.written(), before, "a preview writes nothing");
                }
            } catch (cause) {
                throw new Error(`Seed ${String(seed)}, ${what}\n${String(cause)}\n${said}`, { cause });
            }
        }
        console.log(`        ${[...hits].map(([fault, times]) => `${fault}: ${String(times)}`).join(", ")}`);

        await stack.succeed(stack.destroy());
        const left = Object.keys(await view.everything()).filter((name) => !LEFT_BEHIND.test(name));
        assert.deepEqual(left, [`NetworkAttachmentDefinition ${FOREIGN.network}`], "nothing is left");
    });

    /** Attaches a NIC to a running VM by hand, as somebody else does. @returns its entries, as the cluster has them */
    async function addForeign(vm: string, round: number): Promise<string> {
        const network = { name: FOREIGN.nic, multus: { networkName: FOREIGN.network } };
        const macAddress = `02:99:00:00:${[Math.floor(round / 100), round % 100].map((n) => String(n).padStart(2, "0")).join(":")}`;
        const entry = { name: FOREIGN.nic, bridge: {}, model: "virtio", macAddress };
        return until(
            `the NIC of another to be in ${vm}`,
            async () => {
                try {
                    const found = await view.vm(vm);
                    if (foreignEntries(found) !== "[[],[]]") {
                        const plugged = await view.plugged(vm);
                        return FOREIGN.nic in plugged ? done(foreignEntries(found)) : seen(plugged);
                    }
                    const path = "/spec/template/spec";
                    await view.patchVm(vm, [
                        { op: "test", path: "/metadata/resourceVersion", value: found.metadata?.resourceVersion },
                        { op: "add", path: `${path}/networks/-`, value: network },
                        { op: "add", path: `${path}/domain/devices/interfaces/-`, value: entry },
                    ]);
                    return seen("the patch");
                } catch (error) {
                    // The API server may be down, or the VM changed meanwhile.
                    return seen(String(error));
                }
            },
            60_000,
        );
    }
});
