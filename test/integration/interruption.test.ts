import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterView, listedNics } from "../support/cluster-view";
import { done, seen, until, useNamespace } from "../support/embedded-cluster";
import { CliStack, type PulumiProcess } from "../support/pulumi-process";

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

describe("`pulumi up`, killed", () => {
    const namespace = useNamespace("interruption");
    let stack: CliStack;
    let view: ClusterView;

    beforeEach("make the stack", async () => {
        view = new ClusterView(namespace.clients, namespace.name);
        stack = await CliStack.create(PROGRAM);
    });

    afterEach("dispose of the stack", async () => {
        await stack.dispose();
    });

    const up = (...nics: string[]): PulumiProcess => stack.up({ namespace: namespace.name, nics });

    /** Kills a run as soon as the cluster is as the moment says. */
    async function killedWhen(run: PulumiProcess, what: string, isThen: () => Promise<boolean>): Promise<void> {
        await until(what, async () => {
            const then = await isThen();
            if (!then && !run.running) {
                throw new Error(`The run ended before ${what}: ${(await run.ended).text}`);
            }
            return then ? done(true) : seen("not yet");
        });
        await run.kill();
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

    const vmIs = async (probe: (vm: Awaited<ReturnType<ClusterView["vm"]>>) => boolean): Promise<boolean> => {
        const vm = await view.findVm(VM);
        return vm !== undefined && probe(vm);
    };

    const moments: [string, () => Promise<boolean>][] = [
        ["an address is reserved", async () => (await view.reservations()).length > 0],
        ["the VM exists", () => vmIs(() => true)],
        ["the NICs are in the VM", () => vmIs((vm) => Object.keys(listedNics(vm)).length > 0)],
        ["the VM is started", () => vmIs((vm) => vm.spec.runStrategy === "Always")],
    ];

    for (const [moment, isThen] of moments) {
        it(`when ${moment}, ends well the next time, and \`destroy\` leaves nothing`, async () => {
            await killedWhen(up("eth1", "eth2"), moment, isThen);
            const before = await view.findVm(VM);
            const reserved = (await view.reservations()).map(({ spec }) => spec.address);
            await converges("eth1", "eth2");
            const vm = await view.vm(VM);
            assert.equal(vm.metadata?.uid, before?.metadata?.uid ?? vm.metadata?.uid, "the VM is adopted");
            const kept = (await view.reservations()).map(({ spec }) => spec.address);
            assert.deepEqual(
                reserved.filter((address) => !kept.includes(address)),
                [],
                "what was reserved is taken up again",
            );
            await leavesNothing();
        });
    }

    it("while it changes the NICs of a running VM, ends well the next time, without a restart", async () => {
        await stack.succeed(up("eth1"));
        const life = await view.life(VM);
        const listed = (nic: string) => vmIs((vm) => nic in listedNics(vm));

        const reservedFor = async (nic: string): Promise<boolean> =>
            (await view.reservations()).some(({ spec }) => spec.owner.key.endsWith(`/${nic}`));
        await killedWhen(up("eth1", "eth2"), "an address for the NIC is reserved", () => reservedFor("eth2"));
        await converges("eth1", "eth2");
        assert.deepEqual(await view.life(VM), life);

        await killedWhen(up("eth1", "eth2", "eth3", "eth4"), "the NICs are in the VM", () => listed("eth3"));
        await converges("eth1", "eth2", "eth3", "eth4");
        assert.deepEqual(await view.life(VM), life);

        await killedWhen(up("eth1", "eth2"), "NICs are being detached", () =>
            vmIs((vm) => !("eth3" in listedNics(vm)) || listedNics(vm).eth3?.state === "absent"),
        );
        await converges("eth1", "eth2");
        assert.deepEqual(await view.life(VM), life);

        // The detach is under way, and the program wants the NIC after all.
        await killedWhen(up("eth1"), "a NIC is being detached", () =>
            vmIs((vm) => !("eth2" in listedNics(vm)) || listedNics(vm).eth2?.state === "absent"),
        );
        await converges("eth1", "eth2");
        assert.deepEqual(await view.life(VM), life);
        await killedWhen(stack.destroy(), "the VM goes", async () => {
            const vm = await view.findVm(VM);
            return vm?.metadata?.deletionTimestamp !== undefined || vm === undefined;
        });
        await leavesNothing();
    });

    it("alone, while its providers go on for a while, ends well the next time", async () => {
        await stack.succeed(up("eth1"));
        const life = await view.life(VM);
        const run = up("eth1", "eth2");
        await until("the NIC to be in the VM", async () =>
            (await vmIs((vm) => "eth2" in listedNics(vm))) ? done(true) : seen((await view.vm(VM)).spec),
        );
        await run.killAlone();
        await stack.cancel();
        await converges("eth1", "eth2");
        assert.deepEqual(await view.life(VM), life);
        await leavesNothing();
    });

    it("at any moment, six times over, ends well the next time", async () => {
        const seed = Number(process.env.WUKONG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
        console.log(`        WUKONG_TEST_SEED=${String(seed)}`);
        const random = randomNumbers(seed);
        const begun = Date.now();
        await stack.succeed(up("eth1"));
        const usual = Date.now() - begun;
        const life = await view.life(VM);
        for (let time = 1; time <= 6; time += 1) {
            const nics = ["eth1", "eth2", "eth3", "eth4"].filter((nic) => nic === "eth1" || random() < 0.5);
            const run = up(...nics);
            await Promise.race([run.ended, sleep(random() * usual)]);
            await run.kill();
            await stack.cancel();
            const held = (await view.reservations()).map(({ spec }) => spec.address);
            assert.equal(new Set(held).size, held.length, `after kill ${String(time)} of seed ${String(seed)}`);
        }
        await converges("eth1", "eth2");
        assert.deepEqual(await view.life(VM), life);
        await leavesNothing();
    });
});

/** Numbers in [0, 1) that a seed determines (mulberry32). */
function randomNumbers(seed: number): () => number {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}
