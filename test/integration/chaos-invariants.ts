import assert from "node:assert/strict";
import { type ClusterView, listedNics, type Vm, type Vmi } from "../support/cluster-view";
import { done, kubeVirtRelease, seen, until } from "../support/embedded-cluster";
import { namedAddress, namedMac, vmName, type ChaosProgram, type ChaosVm } from "./chaos-program";

/** NICs that somebody else has put into VMs, by VM: the entries of both lists as they were written. */
export type ForeignNics = ReadonlyMap<string, string>;

/** The name of such a NIC, and the network it is on. */
export const FOREIGN = { nic: "theirs", network: "their-network" };

/** A network that was made for one NIC. */
export const LEFT_BEHIND = /^NetworkAttachmentDefinition vm\d-vm-eth\d$/;

interface Nic {
    readonly network: string;
    readonly mac: string | undefined;
    readonly link: string;
}

/** What has to be so whenever an update has ended well, seen from outside the package. */
export class Invariants {
    /** MAC addresses of NICs for which the program names none, as they were first seen. */
    private readonly macs = new Map<string, string | undefined>();
    /** What a restart would change, by VM, as it was first seen. */
    private readonly lives = new Map<string, object>();

    constructor(private readonly view: ClusterView) {}

    /** @throws AssertionError where the cluster is not what the program says, together with what others put there */
    async hold(program: ChaosProgram, foreign: ForeignNics): Promise<void> {
        await this.learn(program);
        await this.reservationsAreRight(program);
        await this.objectsAreRight(program);
        for (const vm of program) {
            await this.isAsDeclared(vm, foreign.get(vmName(vm)));
        }
    }

    /** Learns the MAC addresses of NICs that are there for the first time: they are to stay for ever. */
    private async learn(program: ChaosProgram): Promise<void> {
        for (const vm of program) {
            const listed = listedNics(await this.view.vm(vmName(vm)));
            const own = ["eth0", ...vm.nics.filter(({ hasOwnMac }) => !hasOwnMac).map(({ name }) => name)];
            for (const nic of own) {
                const key = `${vmName(vm)}/${nic}`;
                const mac = listed[nic]?.mac;
                assert.ok(mac !== undefined, `${key} has a MAC address`);
                assert.ok(this.macs.get(key) !== undefined || ![...this.macs.values()].includes(mac), `${key}: ${mac}`);
                this.macs.set(key, this.macs.get(key) ?? mac);
            }
        }
    }

    private async isAsDeclared(vm: ChaosVm, foreign: string | undefined): Promise<void> {
        const name = vmName(vm);
        const [object, instance] = await Promise.all([this.view.vm(name), this.view.vmi(name)]);
        const expected = this.expectedNics(vm);
        assert.deepEqual(nicsOf(object, foreign), expected, `the NICs of ${name}`);
        assert.deepEqual(nicsOf(instance, foreign), expected, `the NICs of the instance of ${name}`);
        const plugged = await this.view.plugged(name);
        const inGuest = Object.fromEntries(
            Object.entries(expected).map(([nic, { mac, link }]) => [nic, { mac, link }]),
        );
        if (foreign !== undefined) {
            assert.equal(foreignEntries(object), foreign, `the NIC that another put into ${name}`);
            assert.ok(FOREIGN.nic in plugged, `the NIC that another put into ${name} is in its guest`);
            delete plugged[FOREIGN.nic];
        }
        assert.deepEqual(plugged, inGuest, `the NICs of the guest of ${name}`);
        await this.podIsOn(name, [
            ...Object.values(expected).flatMap(({ network }) => (network === "pod" ? [] : [network])),
            ...(foreign === undefined ? [] : [`${this.view.namespace}/${FOREIGN.network}`]),
        ]);
        const restart = object.status?.conditions?.find(({ type }) => type === "RestartRequired");
        assert.notEqual(restart?.status, "True", `${name} does not ask for a restart`);
        await this.livesOn(name);
    }

    private expectedNics(vm: ChaosVm): Record<string, Nic> {
        const { namespace } = this.view;
        const name = vmName(vm);
        const nics = vm.nics.map(({ name: nic, on, linkState, hasOwnMac }): [string, Nic] => [
            nic,
            {
                network: `${namespace}/${on.startsWith("own ") ? `${name}-${nic}` : on}`,
                mac: hasOwnMac ? namedMac(vm, nic) : this.macs.get(`${name}/${nic}`),
                link: linkState,
            },
        ]);
        const first = { network: "pod", mac: this.macs.get(`${name}/eth0`), link: vm.linkState };
        return Object.fromEntries([["eth0", first], ...nics]);
    }

    private async podIsOn(vm: string, networks: readonly string[]): Promise<void> {
        const { nodeName } = (await this.view.vmi(vm)).status ?? {};
        await until(`the pod of ${vm} to be on its networks`, async () => {
            const found = (await this.view.podNetworks(vm, nodeName)).sort();
            return JSON.stringify(found) === JSON.stringify([...networks].sort())
                ? done(true)
                : seen({ found, networks });
        });
    }

    private async livesOn(name: string): Promise<void> {
        const life: { pods?: unknown } = await this.view.life(name);
        if (kubeVirtRelease !== "1.6") {
            // A NIC comes to another network by a live migration, to another pod.
            delete life.pods;
        }
        assert.deepEqual(life, this.lives.get(name) ?? life, `${name} has not been restarted`);
        this.lives.set(name, life);
    }

    /** One reservation for each NIC with an address, none for anybody else, and no address twice. */
    private async reservationsAreRight(program: ChaosProgram): Promise<void> {
        const wanted = program.flatMap((vm) =>
            vm.nics
                .filter(({ address }) => address !== "none")
                .map(({ name, address }): [string, string | undefined] => [
                    `${this.view.namespace}/${vmName(vm)}/${name}`,
                    address === "named" ? namedAddress(vm, name) : undefined,
                ]),
        );
        const held = await this.view.reservations();
        assert.deepEqual(
            held.map(({ spec }) => `${spec.owner.key} ${spec.state}`).sort(),
            wanted.map(([owner]) => `${owner} Active`).sort(),
            "who has an address",
        );
        assert.equal(new Set(held.map(({ spec }) => spec.address)).size, held.length, "each address is given once");
        for (const [owner, address] of wanted) {
            const spec = held.find((each) => each.spec.owner.key === owner)?.spec;
            assert.equal(spec?.address, address ?? spec?.address, `the address of ${owner}`);
            const [, vm = "", nic = ""] = owner.split("/");
            assert.equal(spec?.macAddress, listedNics(await this.view.vm(vm))[nic]?.mac, `the MAC address of ${owner}`);
        }
    }

    /**
     * All networks and VMs of the program are there and no others, but for networks of NICs: one that a killed update has
     * made, and that the next program does not have, the engine knows nothing of.
     */
    private async objectsAreRight(program: ChaosProgram): Promise<void> {
        const names = Object.keys(await this.view.everything());
        const own = program.flatMap((vm) =>
            vm.nics.flatMap(({ name, on }) => (on.startsWith("own ") ? [`${vmName(vm)}-${name}`] : [])),
        );
        const expected = [
            ...["red", "blue", "ovs", FOREIGN.network, ...own].map((name) => `NetworkAttachmentDefinition ${name}`),
            ...program.map((vm) => `VirtualMachine ${vmName(vm)}`),
        ];
        const found = names
            .filter((name) => /^(NetworkAttachmentDefinition|VirtualMachine) /.test(name))
            .filter((name) => expected.includes(name) || !LEFT_BEHIND.test(name));
        assert.deepEqual(found.sort(), expected.sort(), "networks and VMs");
        const pods = names.filter((name) => name.startsWith("Pod ")).length;
        assert.ok(
            pods === program.length || kubeVirtRelease !== "1.6",
            `each VM has one pod, not ${String(pods)} in all`,
        );
    }
}

/** The NICs of both lists, without that of another. */
function nicsOf(object: Vm | Vmi, foreign: string | undefined): Record<string, Nic> {
    const listed = Object.entries(listedNics(object)).filter(([name]) => name !== FOREIGN.nic || foreign === undefined);
    return Object.fromEntries(
        // KubeVirt takes no state for `up`.
        listed.map(([name, { mac, network, state }]) => [name, { network, mac, link: state === "" ? "up" : state }]),
    );
}

/** The entries of the NIC of another, to the byte. */
export function foreignEntries({ spec }: Vm): string {
    const { networks = [], domain } = spec.template.spec;
    const interfaces = domain.devices.interfaces ?? [];
    return JSON.stringify([networks, interfaces].map((list) => list.filter(({ name }) => name === FOREIGN.nic)));
}
