import { normalizeMac } from "../mac";
import { qualifiedNad, type NicType } from "../nic";
import { condition, type Condition, type InterfaceStatus } from "../kubevirt-objects";
import type { InterfaceEntry, NetworkEntry } from "../vm-networks";

/** A VirtualMachine, as far as it is imported. */
export interface ImportableVm {
    readonly metadata: {
        readonly name: string;
        readonly namespace?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
        readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
        readonly deletionTimestamp?: string;
    };
    readonly spec?: Readonly<Record<string, unknown>> & {
        readonly runStrategy?: string;
        readonly running?: boolean;
        readonly template?: ImportableTemplate;
    };
    readonly status?: { readonly conditions?: readonly Condition[] };
}

interface ImportableTemplate {
    readonly metadata?: Readonly<Record<string, unknown>>;
    readonly spec?: Readonly<Record<string, unknown>> & {
        readonly networks?: readonly NetworkEntry[];
        readonly domain?: Readonly<Record<string, unknown>> & {
            readonly devices?: Readonly<Record<string, unknown>> & {
                readonly interfaces?: readonly InterfaceEntry[];
            };
        };
        readonly volumes?: readonly (Readonly<Record<string, unknown>> & { readonly name?: string })[];
    };
}

/** What is read beside the VM. */
export interface ImportContext {
    /** `status.interfaces` of the running instance; undefined where none runs. */
    readonly interfaces?: readonly InterfaceStatus[];
    /** CNI types of the NetworkAttachmentDefinitions by `namespace/name`; `undefined` for one whose type is not known. */
    readonly nads: Readonly<Record<string, string | undefined>>;
    /** The annotation's value that names the stack of the VM. */
    readonly manager?: string;
}

/** A NIC as the program declares it; the order of the fields is that of the program. */
export interface ImportedNic {
    readonly name: string;
    readonly type: NicType;
    readonly nadName?: string;
    readonly primary?: true;
    readonly macAddress?: string;
    readonly model?: string;
    readonly linkState?: "down";
}

/** What a program has to declare to take a VM over, and what it does not say of it. */
export interface ImportedMachine {
    readonly namespace: string;
    readonly vmName: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly runStrategy: string;
    /** `spec.template` without networks and interfaces. */
    readonly template: object;
    readonly networks: readonly ImportedNic[];
    /** Addresses that the guest reports, by NIC. */
    readonly reported: Readonly<Record<string, readonly string[]>>;
    /** What stays as it is, beside the program, as sentences. */
    readonly besides: readonly string[];
    /** What has to be done before the program can take the VM over, as sentences. */
    readonly obstacles: readonly string[];
}

/** Fields of an interface that a NIC of a program has; others stay in the VM as they are. */
const EXPRESSED = ["name", "masquerade", "bridge", "sriov", "macAddress", "model", "state"];

/** Reads a VM for a program that takes it over. */
export function importMachine(vm: ImportableVm, context: ImportContext): ImportedMachine {
    const { name: vmName, namespace = "default", labels } = vm.metadata;
    const besides: string[] = [];
    const obstacles = vmObstacles(vm, context.manager);
    const networks = importNics(vm, context, besides, obstacles);
    besides.push(...vmBesides(vm));
    return {
        ...{ namespace, vmName },
        ...(labels && Object.keys(labels).length > 0 && { labels }),
        runStrategy: vm.spec?.runStrategy ?? (vm.spec?.running === true ? "Always" : "Halted"),
        template: templateOf(vm.spec?.template),
        networks,
        reported: reportedAddresses(context.interfaces ?? []),
        ...{ besides, obstacles },
    };
}

function vmObstacles({ metadata }: ImportableVm, manager: string | undefined): string[] {
    const owners = (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${name}`);
    return [
        ...(metadata.deletionTimestamp === undefined ? [] : ["The VM is being deleted."]),
        ...(manager === undefined
            ? []
            : [`The stack ${manager} manages the VM already: import it into that one, or take it out of it first.`]),
        ...(owners.length === 0
            ? []
            : [
                  `${owners.join(", ")} made the VM and undoes changes to it: change it there, or take the VM out of it.`,
              ]),
    ];
}

function importNics(vm: ImportableVm, context: ImportContext, besides: string[], obstacles: string[]): ImportedNic[] {
    const { namespace = "default" } = vm.metadata;
    const spec = vm.spec?.template?.spec;
    const entries = spec?.domain?.devices?.interfaces ?? [];
    const imported = entries.flatMap((entry, index) => {
        const network = (spec?.networks ?? []).find(({ name }) => name === entry.name);
        const type = typeOf(entry, network, context, namespace);
        if (entry.state === "absent") {
            besides.push(`NIC ${entry.name} is being unplugged and is left out.`);
            return [];
        }
        if (typeof type !== "string") {
            besides.push(`NIC ${entry.name} stays as it is and is left out: ${type.reason}.`);
            return [];
        }
        return [nicOf(vm, { entry, network, type, index }, context, besides, obstacles)];
    });
    // The pod's NIC is the VM's first one, wherever it is listed.
    const primary = imported.findIndex(({ type }) => type === "pod");
    return imported.map((nic, index) => (index === primary && primary > 0 ? withPrimary(nic) : nic));
}

function withPrimary({ name, type, ...rest }: ImportedNic): ImportedNic {
    return { name, type, primary: true, ...rest };
}

interface FoundNic {
    readonly entry: InterfaceEntry;
    readonly network: NetworkEntry | undefined;
    readonly type: NicType;
    readonly index: number;
}

function nicOf(
    vm: ImportableVm,
    { entry, network, type, index }: FoundNic,
    { nads, interfaces }: ImportContext,
    besides: string[],
    obstacles: string[],
): ImportedNic {
    const { name, namespace = "default" } = vm.metadata;
    const observed = interfaces?.find((each) => each.name === entry.name)?.mac;
    const given = normalizeMac(entry.macAddress ?? observed ?? "");
    if (entry.macAddress === undefined) {
        const path = `/spec/template/spec/domain/devices/interfaces/${String(index)}/macAddress`;
        const patch = JSON.stringify([{ op: "add", path, value: given.ok ? given.value : "<MAC address>" }]);
        obstacles.push(
            `NIC ${entry.name} has no MAC address of its own in the VM, and gets another one at each start. Give it the ` +
                `one that it has: kubectl patch vm ${name} -n ${namespace} --type=json -p '${patch}'. The VM goes on as ` +
                "it is; KubeVirt says RestartRequired until its next start.",
        );
    }
    const further = Object.keys(entry).filter((field) => !EXPRESSED.includes(field));
    if (further.length > 0) {
        besides.push(
            `NIC ${entry.name} keeps ${further.join(", ")}, as long as it is not detached: a program has no such field.`,
        );
    }
    const nad = network?.multus && qualifiedNad(namespace, network.multus.networkName);
    if (nad !== undefined && !(nad in nads)) {
        obstacles.push(`NIC ${entry.name} is on ${nad}, a NetworkAttachmentDefinition that is not there.`);
    }
    return {
        name: entry.name,
        type,
        ...(nad !== undefined && { nadName: nad }),
        ...(given.ok && { macAddress: given.value }),
        ...(entry.model !== undefined && entry.model !== "virtio" && { model: entry.model }),
        ...(entry.state === "down" && { linkState: "down" }),
    };
}

/** The type of a NIC of a program, or why there is none for it. */
function typeOf(
    entry: InterfaceEntry,
    network: NetworkEntry | undefined,
    { nads }: ImportContext,
    namespace: string,
): NicType | { reason: string } {
    if (network?.pod) {
        return entry.masquerade ? "pod" : { reason: "on the pod network only masquerade can be declared" };
    }
    if (!network?.multus) {
        return { reason: "it is neither on the pod network nor on one of Multus" };
    }
    if (network.multus.default === true) {
        return { reason: "it is the pod's default network by Multus, which cannot be declared" };
    }
    if (entry.sriov) {
        return "sriov";
    }
    if (!entry.bridge) {
        return { reason: "on a network of Multus only the bindings bridge and sriov can be declared" };
    }
    const cni = nads[qualifiedNad(namespace, network.multus.networkName)];
    return cni === "macvlan" || cni === "ovs" ? cni : "bridge";
}

/** The template without what NICs are written to, and without what the API server adds. */
function templateOf(template: ImportableTemplate = {}): object {
    const { metadata = {}, spec = {} } = template;
    const { creationTimestamp: _creationTimestamp, ...kept } = metadata;
    const { networks: _networks, domain = {}, ...rest } = spec;
    const { devices = {}, ...domainRest } = domain;
    const { interfaces: _interfaces, ...devicesRest } = devices;
    return {
        ...(Object.keys(kept).length > 0 && { metadata: kept }),
        spec: { domain: { ...domainRest, devices: devicesRest }, ...rest },
    };
}

/** What of the VM is in no program. */
function vmBesides({ metadata, spec = {}, status }: ImportableVm): string[] {
    const known = ["runStrategy", "running", "template"];
    const fields = Object.keys(spec).filter((field) => !known.includes(field));
    const restart = condition(status?.conditions, "RestartRequired");
    const annotations = Object.keys(metadata.annotations ?? {}).filter(
        (key) => !/(^|\.)(kubectl|kubevirt)\./.test(key),
    );
    const inline = (spec.template?.spec?.volumes ?? []).flatMap((volume) => {
        const source = (volume["cloudInitNoCloud"] ?? volume["cloudInitConfigDrive"]) as
            Record<string, unknown> | undefined;
        const has = source && Object.keys(source).some((key) => /^(userData|networkData)/.test(key));
        return has === true ? [volume.name ?? ""] : [];
    });
    return [
        ...(fields.length > 0
            ? [`These fields of the VM stay as they are, beside the program: spec.${fields.join(", spec.")}.`]
            : []),
        ...(annotations.length > 0 ? [`These annotations of the VM stay: ${annotations.join(", ")}.`] : []),
        ...(restart?.status === "True"
            ? ["The VM waits for a restart already (RestartRequired): the program has it as it will be then."]
            : []),
        ...inline.map(
            (name) =>
                `Volume ${name} has its cloud-init data in the VM, and so in the program: keep passwords out of a repository.`,
        ),
    ];
}

function reportedAddresses(interfaces: readonly InterfaceStatus[]): Record<string, readonly string[]> {
    return Object.fromEntries(
        interfaces.flatMap(({ name, ipAddresses = [] }) => {
            const addresses = ipAddresses.filter((address) => address !== "" && !/^fe80:/i.test(address));
            return name === undefined || addresses.length === 0 ? [] : [[name, addresses]];
        }),
    );
}
