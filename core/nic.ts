import { defaultRouteNic } from "./guest-network";
import { overlaps, parseInterfaceAddress, type Subnet } from "./ip";
import { type IpConfig, validateIpConfig } from "./ip-config";
import { macFor, normalizeMac } from "./mac";
import { type Place, type Problem } from "./problem";

export { primaryOf } from "./primary";

/** What a NIC is connected to. */
export type NicType = "pod" | "bridge" | "macvlan" | "sriov" | "ovs";
/** KubeVirt's binding: how the guest's NIC is joined to the pod's. */
export type NicBinding = "masquerade" | "bridge" | "sriov";
export type LinkState = "up" | "down";

export const NIC_TYPES: readonly NicType[] = ["pod", "bridge", "macvlan", "sriov", "ovs"];
/** NIC models KubeVirt admits (pkg/network/admitter). */
export const NIC_MODELS: readonly string[] = ["virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139"];

/** A namespace is a DNS label, a name a DNS subdomain (Kubernetes, "Object Names and IDs"). */
const NAD_NAME = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?\/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/** A NIC with everything decided: what the VM's two lists are written from. */
export interface NicSpec {
    /** Logical name, equal in `networks` and `interfaces`. */
    readonly name: string;
    readonly type: NicType;
    readonly binding: NicBinding;
    /** `namespace/name` of the NetworkAttachmentDefinition; undefined for the pod network only. */
    readonly nadName?: string;
    /** Canonical, lower case. */
    readonly macAddress: string;
    readonly model: string;
    readonly linkState: LinkState;
}

/** A NIC as a program declares it. */
export interface NicDeclaration {
    readonly name: string;
    readonly type: NicType;
    /** `namespace/name`, or a name in the VM's namespace; none on a pod NIC. */
    readonly nadName?: string;
    readonly primary?: boolean;
    readonly macAddress?: string;
    /** @default "virtio" */
    readonly model?: string;
    /** @default "up" */
    readonly linkState?: LinkState;
    readonly ipConfig?: IpConfig;
}

/** KubeVirt's binding for a type of NIC. */
export function bindingOf(type: NicType): NicBinding {
    switch (type) {
        case "pod":
            return "masquerade";
        case "sriov":
            return "sriov";
        default:
            return "bridge";
    }
}

/** `namespace/name` of a network that may be named without its namespace. */
export function qualifiedNad(namespace: string, nadName: string): string {
    return nadName.includes("/") ? nadName : `${namespace}/${nadName}`;
}

/** A NIC of a valid declaration with MAC, model and binding filled in. */
export function resolveNic(namespace: string, vm: string, nic: NicDeclaration): NicSpec {
    const mac = nic.macAddress === undefined ? undefined : normalizeMac(nic.macAddress);
    return {
        name: nic.name,
        type: nic.type,
        binding: bindingOf(nic.type),
        ...(nic.nadName === undefined ? {} : { nadName: qualifiedNad(namespace, nic.nadName) }),
        macAddress: mac?.ok === true ? mac.value : macFor(namespace, vm, nic.name),
        model: nic.model ?? "virtio",
        linkState: nic.linkState ?? "up",
    };
}

/** The NICs of a valid declaration, in the declared order. */
export function resolveNics(namespace: string, vm: string, nics: readonly NicDeclaration[]): NicSpec[] {
    return nics.map((nic) => resolveNic(namespace, vm, nic));
}

/** Everything wrong with the NICs of one VM (`namespace/name` or name), each alone and among each other. */
export function validateNics(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    return [
        ...nics.flatMap((nic) => nicProblems(vm, nic)),
        ...duplicateNames(vm, nics),
        ...duplicateMacs(vm, nics),
        ...soleProblems(vm, nics),
        ...unusedGateways(vm, nics),
        ...overlappingSubnets(vm, nics),
    ];
}

function nicProblems(vm: string, nic: NicDeclaration): Problem[] {
    const problems: Problem[] = [];
    const at = (field: string): Place => ({ vm, nic: nic.name, field });
    if (nic.name.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(nic.name)) {
        problems.push({
            ...at("name"),
            value: nic.name,
            rule: "the name of a NIC is a DNS label (RFC 1123): lower-case letters, digits and -, at most 63 characters",
            remedy: "choose a name such as eth1 or storage",
        });
    }
    if (!NIC_TYPES.includes(nic.type)) {
        problems.push({
            ...at("type"),
            value: nic.type,
            rule: `a NIC is of type ${NIC_TYPES.join(", ")}`,
            remedy: "choose one of them",
        });
    }
    if (nic.type === "pod" && nic.nadName !== undefined) {
        problems.push({
            ...at("nadName"),
            value: nic.nadName,
            rule: "a pod NIC is on the cluster's pod network and has no NetworkAttachmentDefinition",
            remedy: "leave nadName out, or choose another type",
        });
    }
    if (nic.nadName !== undefined && !NAD_NAME.test(nic.nadName)) {
        problems.push({
            ...at("nadName"),
            value: nic.nadName,
            rule: "a NetworkAttachmentDefinition is named by its name, or by its namespace, a slash and its name (RFC 1123)",
            remedy: "write it as lan or prod/lan",
        });
    }
    if (nic.macAddress !== undefined) {
        const mac = normalizeMac(nic.macAddress);
        if (!mac.ok) {
            problems.push({ ...at("macAddress"), value: nic.macAddress, rule: mac.rule, remedy: mac.remedy });
        }
    }
    if (nic.model !== undefined && !NIC_MODELS.includes(nic.model)) {
        problems.push({
            ...at("model"),
            value: nic.model,
            rule: `KubeVirt knows the models ${NIC_MODELS.join(", ")}`,
            remedy: "choose one of them; only virtio can be attached to a running VM",
        });
    }
    problems.push(...linkStateProblems(nic, at("linkState")));
    if (nic.ipConfig !== undefined) {
        problems.push(...validateIpConfig(vm, nic.name, nic.type, nic.ipConfig));
    }
    return problems;
}

function linkStateProblems(nic: NicDeclaration, place: Place): Problem[] {
    const state: string | undefined = nic.linkState;
    if (state !== undefined && state !== "up" && state !== "down") {
        return [{ ...place, value: state, rule: "a link is up or down", remedy: "choose one of the two" }];
    }
    return state === "down" && nic.type === "sriov"
        ? [
              {
                  ...place,
                  value: state,
                  rule: "KubeVirt has no link state for SR-IOV NICs, whose cable is always in",
                  remedy: "leave linkState out",
              },
          ]
        : [];
}

function duplicateNames(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    return nics.flatMap((nic, index) =>
        nics.findIndex(({ name }) => name === nic.name) === index
            ? []
            : [
                  {
                      vm,
                      nic: nic.name,
                      field: `networks[${String(index)}].name`,
                      value: nic.name,
                      rule: "another NIC of the VM has the same name",
                      holder: `networks[${String(nics.findIndex(({ name }) => name === nic.name))}]`,
                      remedy: "give each NIC a name of its own",
                  },
              ],
    );
}

function duplicateMacs(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    const holders = new Map<string, string>();
    return nics.flatMap((nic) => {
        const mac = nic.macAddress === undefined ? undefined : normalizeMac(nic.macAddress);
        if (mac?.ok !== true) {
            return [];
        }
        const holder = holders.get(mac.value);
        holders.set(mac.value, holder ?? nic.name);
        return holder === undefined
            ? []
            : [
                  {
                      vm,
                      nic: nic.name,
                      field: "macAddress",
                      value: nic.macAddress as string,
                      rule: "a MAC address belongs to one NIC",
                      holder: `NIC "${holder}" of the same VM`,
                      remedy: "change one of the two, or leave macAddress out to get a stable one",
                  },
              ];
    });
}

/** What a VM has at most once: a pod NIC, a primary NIC, a default route. */
function soleProblems(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    const rules: [string, (nic: NicDeclaration) => boolean, string, string][] = [
        [
            "type",
            (nic) => nic.type === "pod",
            "a VM has at most one NIC on the pod network",
            "use type bridge for the other",
        ],
        ["primary", (nic) => nic.primary === true, "a VM has one primary NIC", "keep primary: true on one NIC"],
        [
            "ipConfig.defaultRoute",
            (nic) => nic.ipConfig?.defaultRoute === true,
            "a guest has one default route",
            "keep defaultRoute: true on one NIC",
        ],
    ];
    return rules.flatMap(([field, has, rule, remedy]) => {
        const [first, ...others] = nics.filter(has);
        return others.map(({ name }) => ({ vm, nic: name, field, rule, holder: `NIC "${first?.name ?? ""}"`, remedy }));
    });
}

/** A guest has one default route; the gateways of its other NICs lead nowhere, which may not be what was meant. */
function unusedGateways(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    if (nics.some((nic) => nic.ipConfig?.defaultRoute === true)) {
        return [];
    }
    const carrier = defaultRouteNic(
        nics.map(({ name, type, primary, ipConfig }) => ({
            name,
            mode: type === "pod" ? "dhcp" : (ipConfig?.mode ?? "none"),
            gateways: [ipConfig?.gateway ?? ipConfig?.ipPool].filter((each) => each !== undefined),
            primary,
        })),
    )?.name;
    return nics
        .filter((nic) => nic.ipConfig?.gateway !== undefined && nic.name !== carrier)
        .map((nic) => ({
            vm,
            nic: nic.name,
            field: "ipConfig.gateway",
            value: nic.ipConfig?.gateway as string,
            rule: `the guest's default route leads through NIC "${carrier ?? ""}", so this gateway is not used`,
            remedy: "set defaultRoute: true on the NIC that is to carry it, and write routes for what is behind this gateway",
            severity: "warning" as const,
        }));
}

/** Two NICs in one subnet answer for each other (ARP flux), and the guest sends by only one of them. */
function overlappingSubnets(vm: string, nics: readonly NicDeclaration[]): Problem[] {
    const earlier: { name: string; subnet: Subnet }[] = [];
    return nics.flatMap((nic) => {
        const address = nic.ipConfig?.address;
        const parsed = address === undefined ? undefined : parseInterfaceAddress(address);
        if (parsed?.ok !== true) {
            return [];
        }
        const { subnet } = parsed.value;
        const other = earlier.find((candidate) => overlaps(candidate.subnet, subnet));
        earlier.push({ name: nic.name, subnet });
        return other === undefined
            ? []
            : [
                  {
                      vm,
                      nic: nic.name,
                      field: "ipConfig.address",
                      value: address as string,
                      rule: `its subnet ${subnet.text} overlaps ${other.subnet.text}; a guest routes a subnet by one NIC only`,
                      holder: `NIC "${other.name}" of the same VM`,
                      remedy: "use disjoint subnets",
                  },
              ];
    });
}
