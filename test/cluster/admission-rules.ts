/**
 * What KubeVirt's admission refuses about networks, run strategies and migrations, with its words: pkg/network/admitter,
 * vmi-create-admitter.go, vms-admitter.go and migration-create-admitter.go at v1.6.0 and v1.9.0.
 */
export const admissionRules = {
    "pod networks": "more than one interface is connected to a pod network in spec.template.spec.interfaces",
    "Multus defaults": "Multus CNI should only have one default network",
    "pod and Multus default": "Pod network cannot be defined when Multus default network is defined",
    "no network type": "should have a network type",
    "two network types": "should have only one network type",
    "network name": "CNI delegating plugin must have a networkName",
    state: "logical red interface state value is unsupported: sideways",
    "state of SR-IOV": `"red" interface's state "down" is not supported for SR-IOV NICs`,
    "absent binding": `interface's state "absent" is supported only for bridge binding`,
    "absent default": `"default" interface's state "absent" is not supported on default networks`,
    binding: "interface must have exactly one binding method or binding plugin",
    "masquerade network": "Masquerade interface only implemented with pod network",
    "masquerade MAC": "The requested MAC address is reserved for the in-pod bridge. Please choose another one.",
    "bridge on pod": "Bridge on pod network configuration is not enabled under kubevirt-config",
    "passt gate": "PasstBinding feature gate is not enabled",
    "passt network": "PasstBinding interface only implemented with pod network",
    "unique network": `Network with name "red" already exists, every network must have a unique name`,
    "network without interface": "spec.template.spec.networks[1].name 'red' not found.",
    "unique interface": "Only one interface can be connected to one specific network",
    "interface without network": "spec.template.spec.domain.devices.interfaces[1].name 'red' not found.",
    "interface name":
        "Network interface name can only contain alphabetical characters, numbers, dashes (-) or underscores (_)",
    model: "interface spec.template.spec.domain.devices.interfaces[1].name uses model rtl that is not supported.",
    "malformed MAC":
        "interface spec.template.spec.domain.devices.interfaces[1].name has malformed MAC address (zz:00).",
    "long MAC":
        "interface spec.template.spec.domain.devices.interfaces[1].name has too long MAC address (02:00:00:00:00:00:00:01).",
    "PCI address": "has malformed PCI address",
    "port duplicate": "Duplicate name of the port: x",
    "port name": "Invalid name of the port: x",
    "port protocol": "Unknown protocol, only TCP or UDP allowed",
    "port range": "Port field must be in range 0 < x < 65536.",
    "port zero": "Port field is mandatory.",
    "portRanges gate": "portRanges is specified on interface but the PortRangesSpec feature gate is not enabled",
    "portRanges and ports": "Cannot define both ports and portRanges on interface",
    "portRanges binding": "portRanges are only supported on masquerade interfaces",
    "portRanges count": "No more than 10 portRanges are allowed",
    "portRanges start": "Start must be a valid port number, 0 < x < 65536",
    "portRanges end": "End must be a valid port number, 0 < x < 65536",
    "portRanges order": "Start must be less than or equal to end",
    "portRanges overlap": "TCP portRanges [1-3] and [2-4] overlap",
    "DHCP duplicate": "Found Duplicates: you have provided duplicate DHCPPrivateOptions",
    "DHCP range": "provided DHCPPrivateOptions are out of range, must be in range 224 to 254",
    "DHCP NTP": "NTP servers must be a list of valid IPv4 addresses.",
    "boot order taken":
        "Boot order for spec.template.spec.domain.devices.disks[1].bootOrder already set for a different device.",
    "boot order zero": "spec.template.spec.domain.devices.disks[2] must have a boot order > 0, if supplied",
    probe: "spec.template.spec.readinessProbe.tcpSocket is only allowed if the Pod Network is attached",
    "DRA gate": "vmi.spec.networks contains DRA networks but NetworkDevicesWithDRA feature gate is not enabled",
    "DRA and Multus": "mixing Multus and DRA resourceClaim networks in the same VMI is not supported",
    "DRA binding": `DRA network "red" requires an SR-IOV or binding plugin interface`,
    "DRA claim name": "claimName is required for DRA network",
    "DRA request name": "requestName is required for DRA network",
    "DRA claim": `network references resourceClaim "c" which is not defined in spec.resourceClaims`,
    "DRA duplicate": `duplicate claimName/requestName combination "c/r"`,
    slirp: "Slirp interface support has been discontinued since v1.3",
    passt: "Passt network binding has been discontinued since v1.3",
    macvtap: "Macvtap network binding has been discontinued since v1.3",
    "no run strategy": "RunStrategy must be specified",
    "running and run strategy": "Running and RunStrategy are mutually exclusive.",
    "run strategy": "Invalid RunStrategy (Sometimes)",
    "immobile VM": "Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: cannot migrate VMI: ",
    "migration in flight": "is currently already in progress for VMI pinned.",
    "migration of the ended": "Cannot migrate VMI in finalized state.",
} as const;

export type AdmissionRule = keyof typeof admissionRules;

const MULTUS_DEFAULT = "No NIC is made the pod's default network: there is no field for it.";
const SOURCE = "The type of a NIC decides on its one network source.";
const BINDING = "The type of a NIC decides on its one binding: masquerade, bridge or SR-IOV.";
const BOTH_LISTS = "Both entries of a NIC are written together, and taken out together.";
const INTERFACES = "A NIC has no such field, and interfaces in a template are refused.";

/** The rules that no program can break, and why. */
export const beyondPrograms: Readonly<Partial<Record<AdmissionRule, string>>> = {
    "Multus defaults": MULTUS_DEFAULT,
    "pod and Multus default": MULTUS_DEFAULT,
    "no network type": SOURCE,
    "two network types": SOURCE,
    binding: BINDING,
    "bridge on pod": BINDING,
    "passt gate": BINDING,
    "passt network": BINDING,
    slirp: BINDING,
    passt: BINDING,
    macvtap: BINDING,
    "network without interface": BOTH_LISTS,
    "interface without network": BOTH_LISTS,
    "PCI address": INTERFACES,
    "port duplicate": INTERFACES,
    "port name": INTERFACES,
    "port protocol": INTERFACES,
    "port range": INTERFACES,
    "port zero": INTERFACES,
    "portRanges gate": INTERFACES,
    "portRanges and ports": INTERFACES,
    "portRanges binding": INTERFACES,
    "portRanges count": INTERFACES,
    "portRanges start": INTERFACES,
    "portRanges end": INTERFACES,
    "portRanges order": INTERFACES,
    "portRanges overlap": INTERFACES,
    "DHCP duplicate": INTERFACES,
    "DHCP range": INTERFACES,
    "DHCP NTP": INTERFACES,
    "DRA gate": SOURCE,
    "DRA and Multus": SOURCE,
    "DRA binding": SOURCE,
    "DRA claim name": SOURCE,
    "DRA request name": SOURCE,
    "DRA claim": SOURCE,
    "DRA duplicate": SOURCE,
    "no run strategy": "A VM is made with one, and keeps one.",
    "running and run strategy": "`running` of a VM that was made by others goes as its run strategy is written.",
};

/** A template that breaks these rules, which the dry run of a preview has KubeVirt itself refuse. */
export const refusedInDryRun = {
    rules: ["boot order taken", "boot order zero"] as const satisfies readonly AdmissionRule[],
    disks: [1, 1, 0].map((bootOrder, index) => ({ name: `disk${index}`, disk: { bus: "virtio" }, bootOrder })),
};
