import assert from "node:assert/strict";
import { Network, VirtualMachine, type CommonVirtualMachineArgs, type NetworkInterfaceArgs } from "../../index";
import type { NicPhase } from "../../core/nic-phase";
import { DenyInstances } from "../cluster/deny-instances";
import { listedNics } from "../support/cluster-view";
import { done, seen, until } from "../support/embedded-cluster";
import { useStack } from "../support/use-stack";

/** A VM of the program: NICs, and modes of its node side. */
interface Machine extends Partial<CommonVirtualMachineArgs> {
    readonly networks: NetworkInterfaceArgs[];
    readonly modes?: Readonly<Record<string, string>>;
    readonly node?: string;
}

const MODE = "embedded.vm.novasphere.dev/";
const WITHOUT_CONTROLLER = { "dynamic-networks-controller": "off" };

const eth0: NetworkInterfaceArgs = { name: "eth0", type: "bridge" };
const eth1: NetworkInterfaceArgs = { name: "eth1", type: "bridge" };
const alone: NetworkInterfaceArgs = { name: "eth1", type: "bridge", nadName: "by-hand" };
const refused: NetworkInterfaceArgs = { name: "refused", type: "bridge" };
const fast: NetworkInterfaceArgs = { name: "fast", type: "sriov" };
const mgmt: NetworkInterfaceArgs = { name: "mgmt", type: "pod" };

/** How long a NIC may take that is not going to come, or go. */
const SHORT = { timeoutSeconds: 5 };

/** All phases but `starting`: nothing is written into a VM that starts. */
const TABLE: readonly Exclude<NicPhase, "starting">[] = [
    "staged",
    "syncing",
    "failed-controller",
    "restart-required-silent",
    "restart-required",
    "waiting-for-pod-nic",
    "pending-migration",
    "migrating",
    "blocked",
    "attaching",
    "failed-attach",
    "attached",
    "guest-visible",
    "detaching",
    "guest-detached",
    "gone",
];

describe("where a NIC stands, by `pulumi up`", function () {
    this.timeout(180_000);
    let denials: DenyInstances | undefined;
    // Hooks run in the order they are registered in, and a VM that is held cannot be deleted.
    after("deny nothing any more", async () => {
        await denials?.remove();
    });
    const suite = useStack("phases", { handmade: ["NetworkAttachmentDefinition by-hand"] });
    const { namespace } = suite;
    const reached: string[] = [];

    before("deny one VM a NIC, and another the end of its migration", async () => {
        await suite.view.makeNad("by-hand");
        const { objects, custom } = namespace.clients;
        denials = new DenyInstances(namespace.name, refused.name, objects, "moving-vm");
        await denials.install(async (body) => {
            const instances = { group: "kubevirt.io", version: "v1", plural: "virtualmachineinstances" };
            const create = { ...instances, namespace: namespace.name, body, dryRun: "All" };
            await custom.createNamespacedCustomObject(create);
        });
    });

    const program = (machines: Record<string, Machine>) => async () => {
        const lan = new Network("lan", { type: "bridge", namespace: namespace.name });
        const vf = new Network("vf", { type: "sriov", namespace: namespace.name, resourceName: "example.com/vf" });
        const networkOf = { pod: {}, bridge: { network: lan }, sriov: { network: vf }, macvlan: {}, ovs: {} };
        for (const [name, { networks, modes = {}, node, ...more }] of Object.entries(machines)) {
            const annotations = Object.entries(modes).map(([mode, value]) => [MODE + mode, value]);
            const nodeSelector = node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } };
            const devices = { autoattachPodInterface: false };
            new VirtualMachine(name, {
                namespace: namespace.name,
                template: {
                    metadata: { annotations: Object.fromEntries(annotations) as Record<string, string> },
                    spec: { domain: { memory: { guest: "64Mi" }, devices }, ...nodeSelector },
                },
                networks: networks.map((nic) => ({ ...nic, ...(nic.nadName === undefined && networkOf[nic.type]) })),
                ...more,
            });
        }
        return Promise.resolve();
    };

    /** The phases of NICs, as the state has them. */
    async function phases(...nics: `${string}/${string}`[]): Promise<string[]> {
        const { resources } = (await suite.stack.state()).deployment as {
            resources: { urn: string; outputs?: { phase?: string } }[];
        };
        return nics.map((nic) => {
            const name = `::${nic.replace("/", "-vm-")}`;
            const phase = resources.find(({ urn }) => urn.endsWith(name))?.outputs?.phase ?? "none";
            reached.push(phase);
            return phase;
        });
    }

    /** The phases that NICs were last seen in by an update that waited for them in vain. */
    function lastSeen(text: string, ...nics: `${string}/${string}`[]): string[] {
        return nics.map((nic) => {
            const [vm, name] = nic.split("/");
            const where = `NIC "${name}"[^\\n]* VM "${namespace.name}/${vm}-vm"[^\\n]*`;
            const phase = new RegExp(`Waited 5 s for ${where}\\. Last seen: ([a-z-]+): `).exec(text)?.[1] ?? text;
            reached.push(phase);
            return phase;
        });
    }

    /** What an update of the machines with these changes ends with. */
    async function failureOf(changes: Record<string, Partial<Machine>>): Promise<string> {
        const changed = Object.entries(machines).map(([name, machine]) => [name, { ...machine, ...changes[name] }]);
        return suite.stack.up(program(Object.fromEntries(changed) as Record<string, Machine>), true).then(
            () => assert.fail("the update should fail"),
            (error: unknown) => String(error),
        );
    }

    const machines: Record<string, Machine> = {
        agentless: { networks: [eth0], modes: { "guest-agent": "off" } },
        restarted: { networks: [eth0, mgmt], onRestartRequired: "restart" },
        waiting: { networks: [mgmt], modes: { ...WITHOUT_CONTROLLER, "live-migratable": "false" } },
        pinned: { networks: [eth0], node: "node-1" },
        moving: { networks: [eth0], onMigrationRequired: "request" },
        full: { networks: [eth0], modes: { "hotplug-ports": "0" } },
        denied: { networks: [eth0] },
        again: { networks: [eth0, eth1], modes: { "guest-ejects": "false" } },
        keeping: { networks: [eth0, eth1], modes: { "guest-ejects": "false" } },
        stopping: { networks: [eth0, eth1], modes: { "guest-ejects": "false" } },
        half: { networks: [eth0, eth1], modes: WITHOUT_CONTROLLER },
    };

    it("is told of NICs that wait for the start of their VMs", async () => {
        await suite.stack.up(program(machines));
        assert.deepEqual(await phases("agentless/eth0", "restarted/mgmt"), ["staged", "staged"]);
    });

    /** Has KubeVirt unplug a VM's second NIC, as somebody else does. */
    async function unplugByHand(vm: string): Promise<void> {
        const path = "/spec/template/spec/domain/devices/interfaces/1";
        await suite.view.patchVm(vm, [
            { op: "test", path: `${path}/name`, value: "eth1" },
            { op: "add", path: `${path}/state`, value: "absent" },
        ]);
    }

    it("[F20 F27] is told of NICs that do not come, by the end of the update at the latest", async () => {
        await unplugByHand("again-vm");
        const text = await failureOf({
            agentless: { networks: [eth0, eth1, mgmt] },
            restarted: { networks: [eth0, eth1, { ...mgmt, macAddress: "02:00:00:00:00:07" }] },
            waiting: { networks: [mgmt, alone], ...SHORT },
            pinned: { networks: [eth0, fast], ...SHORT },
            moving: { networks: [eth0, fast], ...SHORT },
            full: { networks: [eth0, eth1], ...SHORT },
            denied: { networks: [eth0, refused], ...SHORT },
            again: SHORT,
            keeping: SHORT,
            half: SHORT,
        });
        assert.deepEqual(lastSeen(text, "waiting/eth1", "pinned/fast", "moving/fast", "full/eth1"), [
            "waiting-for-pod-nic",
            "pending-migration",
            "migrating",
            "attaching",
        ]);
        assert.match(
            text,
            /"refused" of VM "\S+\/denied-vm": KubeVirt could not change the running VM: .*no refused here/,
        );
        assert.match(text, /Waited 5 s for VM "\S+\/again-vm" to be ready for NIC "eth1"\. Last seen: detaching: /);
        assert.equal(listedNics(await suite.view.vmi("again-vm")).eth1?.state, "absent");
        assert.deepEqual(await phases("agentless/eth1", "agentless/mgmt", "restarted/eth1", "restarted/mgmt"), [
            "attached",
            "restart-required-silent",
            "guest-visible",
            "restart-required",
        ]);
        assert.deepEqual(await phases("denied/refused", "full/eth1"), ["failed-controller", "failed-attach"]);
    });

    it("[F22 F23] is told of NICs that do not go, and of one whose migration has become impossible", async () => {
        await denials?.remove();
        denials = undefined;
        const annotate = async (vm: string, mode: string, value: string): Promise<void> => {
            const path = `/metadata/annotations/${(MODE + mode).replaceAll("/", "~1")}`;
            await suite.view.patchVmi(vm, [{ op: "add", path, value }]);
        };
        await unplugByHand("stopping-vm");
        await annotate("pinned-vm", "live-migratable", "false");
        // It is looked at again when it changes.
        await annotate("moving-vm", "guest-agent", "on");
        await until("the migration to end", async () => {
            const plugged = await suite.view.plugged("moving-vm");
            return "fast" in plugged ? done(true) : seen(plugged);
        });
        const text = await failureOf({
            agentless: { networks: [eth0, mgmt] },
            restarted: { networks: [eth0, { ...mgmt, macAddress: "02:00:00:00:00:07" }] },
            waiting: SHORT,
            pinned: { networks: [eth0, fast], ...SHORT },
            moving: { networks: [eth0, fast], ...SHORT },
            again: SHORT,
            stopping: { networks: [eth0], runStrategy: "Halted" },
            keeping: { networks: [eth0], ...SHORT },
            half: { networks: [eth0], ...SHORT },
        });
        assert.match(text, /NIC "fast" of VM "\S+\/pinned-vm": .*needs a live migration, which is impossible: Disks/);
        assert.deepEqual(lastSeen(text, "keeping/eth1", "half/eth1", "waiting/eth1"), [
            "detaching",
            "guest-detached",
            "syncing",
        ]);
        assert.deepEqual(await phases("pinned/fast", "moving/fast"), ["blocked", "attached"]);
        for (const vm of ["restarted-vm", "full-vm", "denied-vm", "stopping-vm"]) {
            assert.ok(!("eth1" in listedNics(await suite.view.vm(vm))), `eth1 of ${vm} is gone`);
        }
        reached.push("gone");
    });

    it("is every phase of the table", () => {
        assert.deepEqual([...new Set(reached)].sort(), [...TABLE].sort());
    });
});
