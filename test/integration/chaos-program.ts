/** What a NIC is on: a network that others share, or one of its own. */
export type Attachment = "red" | "blue" | "ovs" | "own bridge" | "own macvlan";

/** A NIC of a VM beside eth0, which is on the pod network. */
export interface ChaosNic {
    readonly name: string;
    readonly on: Attachment;
    /** One of the pool, the one that the program names, or none. */
    readonly address: "chosen" | "named" | "none";
    readonly linkState: "up" | "down";
    /** Whether the program names its MAC address. */
    readonly hasOwnMac: boolean;
}

export interface ChaosVm {
    readonly index: number;
    /** The link of eth0. */
    readonly linkState: "up" | "down";
    readonly nics: readonly ChaosNic[];
}

export type ChaosProgram = readonly ChaosVm[];

export const vmName = ({ index }: ChaosVm): string => `vm${String(index)}-vm`;

const NAMES = ["eth1", "eth2", "eth3", "eth4", "eth5"];

/** So many NICs a VM has at most, eth0 among them. */
const MOST = 5;

/** The number of a NIC's name tells its addresses from those of the VM's others. */
const numberOf = (nic: string): string => nic.slice("eth".length);

/** The address that the program names for a NIC. */
export const namedAddress = (vm: ChaosVm, nic: string): string => `10.60.${numberOf(nic)}.${String(vm.index + 1)}`;

/** The MAC address that the program names for a NIC. */
export const namedMac = (vm: ChaosVm, nic: string): string => `02:60:00:00:0${String(vm.index)}:0${numberOf(nic)}`;

/** Reads VMs as they are above, as JSON, with the namespace and what the VMs' owner agrees to. */
export const SOURCE = `
const { IPPool, Network, VirtualMachine } = require("pulumi-wukong");
const { namespace, consent, vms } = JSON.parse(process.env.PROGRAM);
const pools = [1, 2, 3, 4, 5].map((number) => {
    const cidr = "10.60." + number + ".0/24";
    return new IPPool("eth" + number + "-" + namespace, { cidr, staticBand: 16 });
});
const poolOf = (nic) => pools[Number(nic.slice("eth".length)) - 1];
const network = (name, type) => new Network(name, { type, namespace, bridge: "br-" + name });
const networks = { red: network("red", "bridge"), blue: network("blue", "bridge"), ovs: network("ovs", "ovs") };
const attachment = (on, vm, nic) =>
    on === "own macvlan" ? { type: "macvlan", master: "up" + vm + nic } :
    on === "own bridge" ? { type: "bridge", bridge: "br-own" } :
    { type: on === "ovs" ? "ovs" : "bridge", network: networks[on] };
for (const vm of vms) {
    new VirtualMachine("vm" + vm.index, {
        namespace,
        cpu: 1,
        memory: "4Gi",
        timeoutSeconds: 60,
        ...consent,
        networks: [
            { name: "eth0", type: "pod", linkState: vm.linkState },
            ...vm.nics.map(({ name, on, linkState, address, mac }) => ({
                name,
                ...attachment(on, vm.index, name),
                linkState,
                ...(mac && { macAddress: mac }),
                ...(address !== "none" && {
                    ipConfig: { mode: "static", ipPool: poolOf(name), ...(address !== "chosen" && { address }) },
                }),
            })),
        ],
    });
}
`;

/** What SOURCE reads. */
export function inputOf(program: ChaosProgram, namespace: string, consent: object): object {
    const vms = program.map((vm) => ({
        ...vm,
        nics: vm.nics.map(({ name, on, linkState, address, hasOwnMac }) => ({
            name,
            on,
            linkState,
            address: address === "named" ? namedAddress(vm, name) : address,
            ...(hasOwnMac && { mac: namedMac(vm, name) }),
        })),
    }));
    return { namespace, consent, vms };
}

/** Numbers from 0 up to 1. */
export type Random = () => number;

export function oneOf<T>(random: Random, choices: readonly T[]): T {
    const chosen = choices[Math.floor(random() * choices.length)];
    if (chosen === undefined) {
        throw new Error("There is nothing to choose from.");
    }
    return chosen;
}

/** Five VMs that start with two to five NICs; on networks which a node need not have a resource for. */
export function firstProgram(random: Random): ChaosProgram {
    return [2, 3, 4, 5, 3].map((count, index) => ({
        index,
        linkState: "up",
        nics: NAMES.slice(0, count - 1).map((name) =>
            anyNic(random, name, ["red", "blue", "own bridge", "own macvlan"]),
        ),
    }));
}

function anyNic(random: Random, name: string, attachments: readonly Attachment[]): ChaosNic {
    return {
        name,
        on: oneOf(random, attachments),
        address: oneOf(random, ["chosen", "chosen", "named", "none"]),
        linkState: random() < 0.8 ? "up" : "down",
        hasOwnMac: random() < 0.2,
    };
}

/** An edit that is possible, and what it does. */
interface Edit {
    readonly what: string;
    readonly vm: ChaosVm;
}

/**
 * A program that differs from this one by one to five edits.
 * @param attachments what NICs may be on
 */
export function edited(
    program: ChaosProgram,
    random: Random,
    attachments: readonly Attachment[],
): { program: ChaosProgram; edits: string[] } {
    let now = program;
    const edits: string[] = [];
    for (let left = 1 + Math.floor(random() * 5); left > 0; left -= 1) {
        const vm = oneOf(random, now);
        const { what, vm: after } = oneOf(
            random,
            EDITS.flatMap((edit) => edit(vm, random, attachments) ?? []),
        );
        now = now.map((each) => (each.index === vm.index ? after : each));
        edits.push(`${vmName(vm)}: ${what}`);
    }
    return { program: now, edits };
}

type MakeEdit = (vm: ChaosVm, random: Random, attachments: readonly Attachment[]) => Edit | undefined;

const EDITS: readonly MakeEdit[] = [
    function add(vm, random, attachments) {
        const [name] = freeNames(vm, random);
        if (name === undefined || vm.nics.length + 1 >= MOST) {
            return undefined;
        }
        const nic = anyNic(random, name, attachments);
        return { what: `add ${name} on ${nic.on}`, vm: { ...vm, nics: [...vm.nics, nic] } };
    },
    function remove(vm, random) {
        return ofNic(vm, random, (nic) => [`remove ${nic.name}`, []]);
    },
    function rename(vm, random) {
        const [name] = freeNames(vm, random);
        return name === undefined
            ? undefined
            : ofNic(vm, random, (nic) => [`rename ${nic.name} to ${name}`, [{ ...nic, name }]]);
    },
    function retype(vm, random, attachments) {
        return ofNic(vm, random, (nic) => {
            const on = oneOf(
                random,
                attachments.filter((each) => each !== nic.on),
            );
            return [`put ${nic.name} from ${nic.on} on ${on}`, [{ ...nic, on }]];
        });
    },
    function readdress(vm, random) {
        return ofNic(vm, random, (nic) => {
            const others = (["chosen", "named", "none"] as const).filter((each) => each !== nic.address);
            const address = oneOf(random, others);
            return [`address of ${nic.name} from ${nic.address} to ${address}`, [{ ...nic, address }]];
        });
    },
    function relink(vm, random) {
        return ofNic(vm, random, (nic) => {
            const linkState = other(nic.linkState);
            return [`link of ${nic.name} ${linkState}`, [{ ...nic, linkState }]];
        });
    },
    function relinkFirst(vm) {
        const linkState = other(vm.linkState);
        return { what: `link of eth0 ${linkState}`, vm: { ...vm, linkState } };
    },
    function remac(vm, random) {
        return ofNic(vm, random, (nic) => [`MAC of ${nic.name}`, [{ ...nic, hasOwnMac: !nic.hasOwnMac }]]);
    },
    function reorder(vm) {
        return vm.nics.length < 2 ? undefined : { what: "reorder", vm: { ...vm, nics: vm.nics.toReversed() } };
    },
];

function ofNic(vm: ChaosVm, random: Random, change: (nic: ChaosNic) => [string, ChaosNic[]]): Edit | undefined {
    if (vm.nics.length === 0) {
        return undefined;
    }
    const nic = oneOf(random, vm.nics);
    const [what, instead] = change(nic);
    return { what, vm: { ...vm, nics: vm.nics.flatMap((each) => (each === nic ? instead : [each])) } };
}

function freeNames({ nics }: ChaosVm, random: Random): string[] {
    const free = NAMES.filter((name) => !nics.some((nic) => nic.name === name));
    return free.length === 0 ? [] : [oneOf(random, free)];
}

const other = (linkState: "up" | "down"): "up" | "down" => (linkState === "up" ? "down" : "up");
