import assert from "node:assert/strict";
import { ClusterView, listedNics, type HeldAddress, type IsMoment, type Vm } from "../support/cluster-view";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { CliStack, type Ended, type PulumiProcess } from "../support/pulumi-process";

const VM = "web-vm";

/** The program: a VM with a NIC for each name, each with an address of a pool of its own. */
const PROGRAM = `
const { IPPool, Network, VirtualMachine } = require("pulumi-wukong");
const { namespace, nics } = JSON.parse(process.env.PROGRAM);
const lan = new Network("lan", { type: "bridge", namespace, bridge: "br0" });
const ipConfig = (nic) => {
    const cidr = "10.40." + nic.slice("eth".length) + ".0/28";
    return { mode: "static", ipPool: new IPPool(nic + "-" + namespace, { cidr }) };
};
new VirtualMachine("web", {
    namespace,
    cpu: 1,
    memory: "4Gi",
    networks: [
        { name: "eth0", type: "pod" },
        ...nics.map((name) => ({ name, type: "bridge", network: lan, ipConfig: ipConfig(name) })),
    ],
});
`;

/** An event in the cluster. */
interface Moment {
    readonly of: "virtualmachines" | "ipreservations";
    readonly is: IsMoment;
}

describe("`pulumi up`, killed", function () {
    // Several runs of the CLI each.
    this.timeout(300_000);
    const namespace = useNamespace("interruption");
    let stack: CliStack;
    let view: ClusterView;

    /** A stack for the tests of a suite, which follow one upon the other. */
    function useCliStack(): void {
        before("make the stack", async () => {
            view = new ClusterView(namespace.clients, namespace.name);
            stack = await CliStack.create(PROGRAM);
        });
        after("dispose of the stack", async () => {
            await stack.dispose();
            await view.removeClusterScoped();
        });
    }

    const up = (...nics: string[]): PulumiProcess => stack.up({ namespace: namespace.name, nics });

    /** Kills a run at the event that is the moment: no time passes in which the engine could record what was done. */
    async function killedWhen(start: () => PulumiProcess, { of, is }: Moment): Promise<void> {
        // It takes its time until it writes anything.
        const run = start();
        let killed: Promise<Ended> | undefined;
        const watch = await view.onEvent(of, is, () => {
            killed = run.kill();
        });
        const { text } = await run.ended;
        watch.abort();
        assert.ok(killed, `The run ended before the moment came: ${text}`);
        await killed;
        await stack.cancel();
    }

    /** The next `up` ends well, and what there is then is what the program says, once. */
    async function converges(...nics: string[]): Promise<void> {
        await stack.succeed(up(...nics));
        const expected = ["eth0", ...nics].sort();
        const vm = await view.vm(VM);
        assert.deepEqual(Object.keys(listedNics(vm)).sort(), expected, "the NICs of the VM");
        assert.deepEqual(Object.keys(await view.plugged(VM)).sort(), expected, "the NICs of the guest");
        assert.deepEqual(
            Object.values(listedNics(vm)).filter(({ state }) => state === "absent"),
            [],
        );
        await addressesAreRight(nics);
    }

    /** One reservation for each NIC, none for anybody else, no address twice, and each for the NIC's own MAC address. */
    async function addressesAreRight(nics: string[]): Promise<void> {
        const held = await view.reservations();
        const owners = held.map(({ spec }) => spec.owner.key).sort();
        assert.deepEqual(owners, nics.map((nic) => `${namespace.name}/${VM}/${nic}`).sort(), "who has an address");
        assert.equal(new Set(held.map(({ spec }) => spec.address)).size, nics.length, "each address is given once");
        const macs = listedNics(await view.vm(VM));
        for (const { spec } of held) {
            assert.equal(spec.macAddress, macs[spec.owner.key.split("/")[2] ?? ""]?.mac);
        }
    }

    async function leavesNothing(): Promise<void> {
        await stack.succeed(stack.destroy());
        assert.deepEqual(Object.keys(await view.everything()), []);
    }

    const vmIs = (probe: (vm: Vm) => boolean): Moment => ({
        of: "virtualmachines",
        is: (type, object) => type !== "DELETED" && probe(object as Vm),
    });
    const reserved = (nic: string): Moment => ({
        of: "ipreservations",
        is: (_type, object) => (object as HeldAddress).spec.owner.key === `${namespace.name}/${VM}/${nic}`,
    });
    const listed = (nic: string): Moment => vmIs((vm) => nic in listedNics(vm));
    const detaching = (nic: string): Moment => vmIs((vm) => listedNics(vm)[nic]?.state === "absent");

    const moments: [string, Moment][] = [
        ["an address is reserved", reserved("eth1")],
        ["the VM exists", vmIs(() => true)],
        ["the NICs are in the VM", listed("eth1")],
        ["the VM is started", vmIs((vm) => vm.spec.runStrategy === "Always")],
    ];

    describe("while it makes a VM", () => {
        useCliStack();

        it("at one moment after the other, ends well in the end, and `destroy` leaves nothing", async () => {
            let uid: string | undefined;
            let taken: string[] = [];
            const goesOn = async (when: string): Promise<void> => {
                const vm = await view.findVm(VM);
                assert.equal(vm?.metadata?.uid, uid ?? vm?.metadata?.uid, `the VM is adopted, when ${when}`);
                uid = vm?.metadata?.uid;
                const held = (await view.reservations()).map(({ spec }) => spec.address);
                const lost = taken.filter((address) => !held.includes(address));
                assert.deepEqual(lost, [], `what was reserved is taken up again, when ${when}`);
                taken = held;
            };
            for (const [name, moment] of moments) {
                await killedWhen(() => up("eth1", "eth2"), moment);
                await goesOn(name);
            }
            await converges("eth1", "eth2");
            await goesOn("it has ended");
            await leavesNothing();
        });

        it("with a NIC that the next program does not have, leaves neither the NIC nor its address", async () => {
            await killedWhen(() => up("eth1", "eth2"), listed("eth2"));
            await converges("eth1");
            await leavesNothing();
        });
    });

    describe("while it changes the NICs of a running VM", () => {
        useCliStack();
        let life: Awaited<ReturnType<ClusterView["life"]>>;

        before("make the VM", async () => {
            await stack.succeed(up("eth1"));
            life = await view.life(VM);
        });

        it("leaves neither a NIC that the next program does not have, nor its address", async () => {
            for (const moment of [reserved("eth2"), listed("eth2")]) {
                await killedWhen(() => up("eth1", "eth2"), moment);
                await converges("eth1");
            }
            assert.deepEqual(await view.life(VM), life);
        });

        it("ends well the next time, without a restart", async () => {
            await killedWhen(() => up("eth1", "eth2"), reserved("eth2"));
            await converges("eth1", "eth2");
            assert.deepEqual(await view.life(VM), life);

            await killedWhen(() => up("eth1", "eth2", "eth3", "eth4"), listed("eth3"));
            await converges("eth1", "eth2", "eth3", "eth4");
            assert.deepEqual(await view.life(VM), life);

            await killedWhen(() => up("eth1", "eth2"), detaching("eth3"));
            await converges("eth1", "eth2");
            assert.deepEqual(await view.life(VM), life);

            // The detach is under way, and the program wants the NIC after all.
            await killedWhen(() => up("eth1"), detaching("eth2"));
            await converges("eth1", "eth2");
            assert.deepEqual(await view.life(VM), life);
        });

        it("alone, ends well the next time, and its providers do not go on for ever", async () => {
            const run = up("eth1", "eth2", "eth3");
            await until(
                "the NIC to be in the VM",
                async () => {
                    const nics = listedNics(await view.vm(VM));
                    return "eth3" in nics ? done(true) : seen(nics);
                },
                120_000,
            );
            await run.killAlone();
            await stack.cancel();
            await converges("eth1", "eth2", "eth3");
            await run.providersGone();
            assert.deepEqual(await view.life(VM), life);
        });

        it("or takes it away, leaves nothing the next time", async () => {
            const goes = vmIs((vm) => vm.metadata?.deletionTimestamp !== undefined);
            await killedWhen(() => stack.destroy(), goes);
            await leavesNothing();
        });
    });
});
