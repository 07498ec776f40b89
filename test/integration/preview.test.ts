import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { IPPool, IPReservation, Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { listedNics, type ClusterView } from "../support/cluster-view";
import { assertSays, refusalOf } from "../support/refusal";
import { TestStack, type Run } from "../support/stack";
import { useStack } from "../support/use-stack";

/** VMs, each with these NICs; those named `auto<n>` get an address of the pool that this name has: four are in each. */
function program(namespace: string, vms: Record<string, string[]>) {
    return async () => {
        const lan = new Network("lan", { type: "bridge", namespace, bridge: "br0" });
        const pools = ["auto0", "auto1"].map((nic, index): [string, IPPool] => {
            const network = `10.30.${String(index)}`;
            const block = { cidr: `${network}.0/28`, ranges: [`${network}.5-${network}.8`] };
            return [nic, new IPPool(`${nic}-${namespace}`, block)];
        });
        const poolOf = new Map(pools);
        for (const [name, nics] of Object.entries(vms)) {
            const networks = nics.map((nic): NetworkInterfaceArgs => {
                const ipPool = poolOf.get(nic);
                const ipConfig = ipPool && { ipConfig: { mode: "static", ipPool } as const };
                return { name: nic, type: "bridge", network: lan, primary: nic === "auto0", ...ipConfig };
            });
            new VirtualMachine(name, { namespace, cpu: 1, memory: "64Mi", runStrategy: "Halted", networks });
        }
        return Promise.resolve();
    };
}

interface ShownNic {
    mac: unknown;
    addresses: unknown;
}

/** MAC and addresses of each NIC, as a run of the engine showed them. */
function shownNics(run: Run): Record<string, ShownNic> {
    const steps = run.steps.filter(({ type, op }) => type.endsWith("NetworkInterface") && !op.startsWith("delete"));
    return Object.fromEntries(
        steps.map(({ name, outputs, inputs }) => [
            name,
            { mac: outputs.macAddress ?? inputs.macAddress, addresses: outputs.addresses ?? inputs.addresses },
        ]),
    );
}

describe("what a preview shows", () => {
    const suite = useStack("preview");
    const { namespace } = suite;
    const all = { one: ["auto0", "eth1"], two: ["auto0", "auto1"], three: ["auto0"], four: ["auto0"] };
    let first: Record<string, ShownNic>;

    /** The MAC addresses and IP addresses that the cluster has for the NICs. */
    async function inCluster(): Promise<Record<string, ShownNic>> {
        const reservations = await suite.view.reservations();
        const found: Record<string, ShownNic> = {};
        for (const vm of ["one-vm", "two-vm", "three-vm", "four-vm"]) {
            for (const [nic, { mac }] of Object.entries(listedNics(await suite.view.vm(vm)))) {
                const key = `${namespace.name}/${vm}/${nic}`;
                const held = reservations.filter(({ spec }) => spec.owner.key === key);
                found[`${vm}-${nic}`] = { mac, addresses: held.map(({ spec }) => `${spec.address}/28`) };
            }
        }
        return found;
    }

    it("are the MAC addresses and the different addresses that `up` brings", async () => {
        first = shownNics(await suite.stack.preview(program(namespace.name, all)));
        const names = [
            "four-vm-auto0",
            "one-vm-auto0",
            "one-vm-eth1",
            "three-vm-auto0",
            "two-vm-auto0",
            "two-vm-auto1",
        ];
        assert.deepEqual(Object.keys(first).sort(), names);
        assert.deepEqual(await suite.view.everything(), {}, "a preview writes nothing");
        for (const [name, { mac, addresses }] of Object.entries(first)) {
            assert.match(String(mac), /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/, `${name} has a local unicast MAC address`);
            assert.equal((addresses as string[]).length, name.includes("auto") ? 1 : 0);
        }
        await suite.stack.up(program(namespace.name, all));
        assert.deepEqual(await inCluster(), first);
        assert.equal(new Set(Object.values(first).map(({ mac }) => mac)).size, 6);
        const addresses = (await suite.view.reservations()).map(({ spec }) => spec.address);
        assert.equal(new Set(addresses).size, 5, `five addresses: ${addresses.join(", ")}`);
    });

    it("is no change where only the order of the NICs is another", async () => {
        const reordered = { four: ["auto0"], two: ["auto1", "auto0"], one: ["eth1", "auto0"], three: ["auto0"] };
        const run = await suite.stack.preview(program(namespace.name, reordered));
        assert.deepEqual(
            run.steps.filter(({ op }) => op !== "same"),
            [],
        );
    });

    it("are the same for the other NICs where one is renamed and one is added, and `up` keeps them", async () => {
        const renamed = program(namespace.name, { ...all, one: ["auto0", "lan1"], three: ["auto0", "auto1"] });
        const planned = shownNics(await suite.stack.preview(renamed));
        const { "one-vm-eth1": _old, ...rest } = first;
        const { "one-vm-lan1": fresh, "three-vm-auto1": added, ...kept } = planned;
        assert.deepEqual(kept, rest);
        assert.ok(fresh && added);
        await suite.stack.up(renamed);
        assert.deepEqual(await inCluster(), planned);
    });
});

describe("a preview, and an address that another writer takes", () => {
    const suite = useStack("preview-race");
    const { namespace } = suite;

    it("ends in the next address, with a warning that names the winner", async () => {
        const poolName = `pool-${namespace.name}`;
        /** Between the two reservations, which are planned from one reading of the cluster, `meanwhile` happens. */
        const racing = (meanwhile: () => Promise<void>) => async () => {
            const pool = new IPPool(poolName, { cidr: "10.31.0.0/28" });
            // Static: where a pool has chosen, others are followed for a while, and `late` would be planned around the rival.
            const early = new IPReservation("early", { pool, address: "10.31.0.1", owner: `${namespace.name}-early` });
            await new Promise((resolve) => early.address.apply(resolve));
            await meanwhile();
            const late = new IPReservation("late", { pool, owner: `${namespace.name}-late` });
            return { early: early.address, late: late.address };
        };
        const planOf = async (): Promise<string> => {
            const { steps } = await suite.stack.preview(racing(() => Promise.resolve()));
            return String(steps.find(({ name }) => name === "late")?.inputs.address);
        };
        const plan = await planOf();
        assert.match(plan, /^10\.31\.0\.\d+$/);
        const owner = { key: "rack-7/printer", manager: "other/project/stack" };
        const run = await suite.stack.up(racing(() => suite.view.makeReservation(poolName, plan, owner)));
        const { early, late } = run.outputs;
        assert.equal(new Set([early, late, plan]).size, 3, `${String(early)}, ${String(late)} and ${plan} differ`);
        const warning = run.text.split("\n").find((line) => line.includes(`The address ${plan}`));
        assert.match(
            warning ?? run.text,
            /went to rack-7\/printer of stack other\/project\/stack since \S+Z; it gets 10\.31\.0\.\d+/,
        );
        assert.ok(warning?.includes(String(late)), `${String(warning)} names ${String(late)}`);
        const held = await suite.view.reservations();
        const holders = Object.fromEntries(held.map(({ spec }) => [spec.address, spec.owner.key]));
        assert.deepEqual(holders, {
            [plan]: "rack-7/printer",
            [String(early)]: `owner:${namespace.name}-early`,
            [String(late)]: `owner:${namespace.name}-late`,
        });
        assert.equal(await planOf(), late, "what it got is what it is planned to have from then on");
        const refusal = await refusalOf(suite.stack.destroy());
        assertSays(refusal, poolName, "1 active", `${plan} of rack-7/printer`);
        const left = await orderedAddresses(suite.view, poolName);
        assert.deepEqual(left, [plan], "the other writer's address stays, and so does its pool");
        await suite.view.deleteReservation(poolName, plan);
    });
});

async function orderedAddresses(view: ClusterView, space: string): Promise<string[]> {
    return (await view.reservationsOfSpace(space)).map(({ spec }) => spec.address).sort();
}

/** A value that nobody knows before `up`. */
class Later extends pulumi.dynamic.Resource {
    declare readonly value: pulumi.Output<string>;

    constructor(name: string, value: string) {
        const provider: pulumi.dynamic.ResourceProvider = {
            create: (inputs: { later: string }) => Promise.resolve({ id: "later", outs: { value: inputs.later } }),
        };
        super(provider, name, { later: value, value: undefined });
    }
}

describe("a preview with values that are known only later", () => {
    const suite = useStack("preview-later", { handmade: ["NetworkAttachmentDefinition there"] });
    const { namespace } = suite;

    before("make a network by hand", async () => {
        await suite.view.makeNad("there");
    });

    const withNic = (nad: string, mac: string) => async () => {
        const nadName = new Later("nad", nad).value;
        const macAddress = new Later("mac", mac).value;
        const networks: NetworkInterfaceArgs[] = [{ name: "eth0", type: "bridge", nadName, macAddress }];
        const options = { namespace: namespace.name, cpu: 1, memory: "64Mi", runStrategy: "Halted" } as const;
        new VirtualMachine("later", { ...options, networks });
        return Promise.resolve();
    };

    it("passes, and `up` refuses what turns out to be wrong, and goes on when it is mended", async () => {
        const planned = await suite.stack.preview(withNic("there", "02:00:00:00:0a"));
        assert.ok(planned.steps.some(({ name, op }) => name === "later-vm-eth0" && op === "create"));
        await assert.rejects(suite.stack.up(withNic("there", "02:00:00:00:0a")), (error: Error) => {
            assert.match(error.message, /eth0.*02:00:00:00:0a/);
            assert.doesNotMatch(error.message, /\bat .*\.js:\d+/, "no stack trace");
            return true;
        });
        assert.deepEqual(listedNics(await suite.view.vm("later-vm")), {}, "the NIC was not written");
        // The stack's own dynamic resource has no diff: another name makes another.
        await suite.stack.destroy();
        await suite.stack.up(withNic("there", "02:00:00:00:00:0A"));
        assert.deepEqual(listedNics(await suite.view.vm("later-vm")), {
            eth0: { mac: "02:00:00:00:00:0a", network: `${namespace.name}/there`, state: "" },
        });
    });
});

describe("a preview without the cluster", () => {
    let directory: string;
    let stack: TestStack;

    before("make the stack, with a kubeconfig for a port where nobody listens", async () => {
        directory = mkdtempSync(path.join(tmpdir(), "wukong-nowhere-"));
        const kubeconfig = path.join(directory, "kubeconfig");
        const server = `https://127.0.0.1:${String(await closedPort())}`;
        const config = {
            apiVersion: "v1",
            kind: "Config",
            "current-context": "nowhere",
            clusters: [{ name: "nowhere", cluster: { server } }],
            users: [{ name: "nobody", user: { token: "none" } }],
            contexts: [{ name: "nowhere", context: { cluster: "nowhere", user: "nobody" } }],
        };
        writeFileSync(kubeconfig, JSON.stringify(config));
        stack = await TestStack.create({ kubeconfig });
    });

    after("dispose of the stack", async () => {
        await stack.dispose();
        rmSync(directory, { recursive: true });
    });

    it("passes with a warning, while `up` fails with a sentence", async () => {
        const planned = await stack.preview(program("default", { one: ["auto0", "eth1"] }));
        assert.match(planned.text, /warning: The cluster at https:\/\/127\.0\.0\.1:\d+ did not answer/);
        const nics = shownNics(planned);
        assert.deepEqual(Object.keys(nics).sort(), ["one-vm-auto0", "one-vm-eth1"]);
        assert.equal((nics["one-vm-auto0"]?.addresses as string[]).length, 1, "the pool's plan needs no cluster");
        await assert.rejects(stack.up(program("default", { one: ["auto0", "eth1"] })), (error: Error) => {
            assert.match(error.message, /unreachable|did not answer/);
            assert.doesNotMatch(error.message, /\bat .*\.js:\d+/, "no stack trace");
            return true;
        });
    });
});

async function closedPort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
}
