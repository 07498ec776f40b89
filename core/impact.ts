import { type LinkState, type NicSpec } from "./nic";
import { isAtLeast } from "./version";

/** What a change costs the VM, from nothing to what cannot be had. */
export type Impact = "none" | "boot" | "live" | "live-migration" | "restart" | "first-boot-only" | "refused";

/** A change to one NIC. */
export type NicChange =
    | { readonly kind: "attach" | "detach"; readonly nic: NicSpec }
    | { readonly kind: "link"; readonly nic: NicSpec; readonly to: LinkState }
    /** The NIC's network (NetworkAttachmentDefinition), MAC address, model or binding. */
    | { readonly kind: "nad" | "mac" | "model" | "binding"; readonly nic: NicSpec }
    /** Address, gateway or another setting of the NIC that the guest reads from its network configuration. */
    | { readonly kind: "address"; readonly nic: NicSpec };

/** What is known about the VM and its cluster; undefined means not checked, and the reason then says so. */
export interface ImpactFacts {
    readonly vm: "absent" | "stopped" | "starting" | "running";
    /** The NIC is the VM's primary one. */
    readonly isPrimary: boolean;
    /** `1.6.0` or `v1.6.0`. */
    readonly kubevirtVersion?: string;
    /** `spec.workloadUpdateStrategy.workloadUpdateMethods` of the KubeVirt object; empty when it has none. */
    readonly workloadUpdateMethods?: readonly string[];
    /** `spec.configuration.developerConfiguration.disabledFeatureGates` of the KubeVirt object; empty when it has none. */
    readonly disabledFeatureGates?: readonly string[];
    /** The instance's condition LiveMigratable. */
    readonly liveMigratable?: { readonly status: boolean; readonly reason?: string; readonly message?: string };
    /** Whether another node than the VM's takes VMs. */
    readonly hasMigrationTarget?: boolean;
    /** Whether multus-dynamic-networks-controller runs in the cluster. */
    readonly dynamicNetworksController?: boolean;
    /** Whether the launcher pod's secondary NICs have hashed names (`pod<hash>`), not `net1`, ... */
    readonly podUsesHashedNames?: boolean;
    /** See `freeHotplugPorts`. */
    readonly freeHotplugPorts?: number;
    readonly migrationInFlight?: boolean;
    /** The update asks for a migration that is needed, and does not leave that to KubeVirt. */
    readonly requestsMigration?: boolean;
}

export interface ImpactVerdict {
    readonly impact: Impact;
    /** A clause saying why, and what was not checked. */
    readonly reason: string;
}

/** From the lightest to the heaviest. */
export const IMPACTS: readonly Impact[] = [
    "none",
    "boot",
    "first-boot-only",
    "live",
    "live-migration",
    "restart",
    "refused",
];

/**
 * What several changes to a NIC cost together: the heaviest impact; `none` for no change. The reason of the heaviest comes
 * first; what is lighter is still part of the truth, such as an address that the guest is not told.
 */
export function combined(verdicts: readonly ImpactVerdict[]): ImpactVerdict {
    const weight = (impact: Impact): number => IMPACTS.indexOf(impact);
    const impact = verdicts.reduce<Impact>((a, b) => (weight(b.impact) > weight(a) ? b.impact : a), "none");
    const heavy = verdicts.filter((each) => each.impact === impact).map((each) => each.reason);
    const light = verdicts.filter((each) => each.impact !== impact && each.impact !== "none");
    const reasons = [...heavy, ...light.map((each) => `${each.impact}: ${each.reason}`)];
    return verdict(impact, [...new Set(reasons)].join("; ") || "nothing changes");
}

/** What a change will cost, by KubeVirt's rules; the cluster is not asked, `facts` says what is known of it. */
export function classifyChange(change: NicChange, facts: ImpactFacts): ImpactVerdict {
    if (change.kind === "detach" && facts.isPrimary) {
        return refuse("it is the VM's primary NIC; make another NIC primary first, or delete the VM");
    }
    if (change.kind === "link" && change.nic.binding === "sriov") {
        return refuse("KubeVirt has no link state for SR-IOV NICs");
    }
    if (facts.vm === "absent") {
        return verdict("boot", "the VM is made with it");
    }
    if (change.kind === "address") {
        return verdict("first-boot-only", "cloud-init reads the guest's network configuration at the first boot only");
    }
    if (facts.vm === "stopped") {
        return verdict("boot", "the VM is off; the change takes effect at its next start");
    }
    return whenOn(change, facts);
}

function whenOn(change: Exclude<NicChange, { kind: "address" }>, facts: ImpactFacts): ImpactVerdict {
    const wait = [
        ...(facts.vm === "starting" ? ["it waits until the VM runs"] : []),
        ...(facts.migrationInFlight === true ? ["it waits until the present migration ends"] : []),
    ];
    const { impact, reason } = onRunning(change, facts);
    return verdict(impact, [reason, ...(impact === "live" || impact === "live-migration" ? wait : [])].join("; "));
}

function onRunning(change: Exclude<NicChange, { kind: "address" }>, facts: ImpactFacts): ImpactVerdict {
    switch (change.kind) {
        case "attach":
            return attach(change.nic, facts);
        case "detach":
            return detach(change.nic, facts);
        case "link":
            return link(facts);
        case "nad":
            return swapNetwork(facts);
        default:
            return verdict(
                "restart",
                `KubeVirt cannot change the ${FIELDS[change.kind]} of a plugged NIC; ` +
                    "a NIC under a new name beside it, and this one removed, would be live",
            );
    }
}

const FIELDS = { mac: "MAC address", model: "model", binding: "binding" } as const;

function attach(nic: NicSpec, facts: ImpactFacts): ImpactVerdict {
    if (nic.binding === "masquerade") {
        return verdict("restart", "KubeVirt attaches NICs with bridge or SR-IOV binding only to a running VM");
    }
    if (nic.binding === "sriov") {
        return byMigration(facts, "KubeVirt attaches SR-IOV NICs by live migration");
    }
    if (nic.model !== "virtio") {
        return verdict("restart", `only virtio NICs can be attached to a running VM, this one is ${nic.model}`);
    }
    if (facts.freeHotplugPorts !== undefined && facts.freeHotplugPorts <= 0) {
        return verdict("restart", "the running VM has no free PCI port for another NIC; a restart makes room");
    }
    const ports = facts.freeHotplugPorts === undefined ? ["the VM's free PCI ports"] : [];
    return inPlace(facts, "attached to the running VM", ports);
}

function detach(nic: NicSpec, facts: ImpactFacts): ImpactVerdict {
    if (nic.binding !== "bridge") {
        return verdict(
            "restart",
            `KubeVirt unplugs only NICs with bridge binding from a running VM, this one has ${nic.binding}`,
        );
    }
    if (facts.podUsesHashedNames === false) {
        return verdict(
            "restart",
            "the VM's pod was made by an old KubeVirt, which names its NICs net1, net2, ...; it has to be restarted (or " +
                "migrated, from KubeVirt 1.8 on) before a NIC can be unplugged",
        );
    }
    const names = facts.podUsesHashedNames === undefined ? ["the names of the NICs in the VM's pod"] : [];
    return inPlace(facts, "unplugged from the running VM", names);
}

function link(facts: ImpactFacts): ImpactVerdict {
    const since15 = facts.kubevirtVersion === undefined ? undefined : isAtLeast(facts.kubevirtVersion, 1, 5);
    return since15 === false
        ? refuse(`KubeVirt has a link state since 1.5, the cluster has ${facts.kubevirtVersion ?? ""}`)
        : verdict(
              "live",
              `the link is switched in the running VM${notChecked(since15 === undefined ? ["KubeVirt's version"] : [])}`,
          );
}

const LIVE_NAD_GATE = "LiveUpdateNADRef";

function swapNetwork(facts: ImpactFacts): ImpactVerdict {
    const since18 = facts.kubevirtVersion === undefined ? undefined : isAtLeast(facts.kubevirtVersion, 1, 8);
    if (since18 !== true) {
        const unknown = since18 === undefined ? ["KubeVirt's version"] : [];
        return verdict("restart", `KubeVirt changes the network of a plugged NIC since 1.8 only${notChecked(unknown)}`);
    }
    // Beta in 1.8, so on unless disabled; without a gate since 1.9 (pkg/virt-config/featuregate).
    const isGated = isAtLeast(facts.kubevirtVersion as string, 1, 9) !== true;
    if (isGated && facts.disabledFeatureGates?.includes(LIVE_NAD_GATE) === true) {
        return verdict("restart", `KubeVirt's feature gate ${LIVE_NAD_GATE} is disabled`);
    }
    const unknown = isGated && facts.disabledFeatureGates === undefined ? [`feature gate ${LIVE_NAD_GATE}`] : [];
    return byMigration(facts, "KubeVirt moves a plugged NIC to another network by live migration", unknown);
}

/** A change that multus-dynamic-networks-controller makes in the running pod, and a migration where it is missing. */
function inPlace(facts: ImpactFacts, what: string, unknown: readonly string[]): ImpactVerdict {
    switch (facts.dynamicNetworksController) {
        case true:
            return verdict("live", `${what}${notChecked(unknown)}`);
        case false:
            return byMigration(
                facts,
                "the cluster has no multus-dynamic-networks-controller, so it takes a live migration",
                unknown,
            );
        default: {
            const otherwise = byMigration(facts, "");
            return otherwise.impact === "refused"
                ? byMigration(
                      facts,
                      "without multus-dynamic-networks-controller, which was not checked, it takes a live migration",
                  )
                : verdict(
                      "live",
                      `${what}${notChecked(["multus-dynamic-networks-controller, without which it takes a live migration", ...unknown])}`,
                  );
        }
    }
}

/**
 * A change that needs a migration. KubeVirt starts one by itself when `LiveMigrate` is among its workload update
 * methods and the VM can migrate; else, with `Evict` among them, it evicts the pod, which shuts the VM down
 * (pkg/virt-controller/watch/workload-updater).
 */
function byMigration(facts: ImpactFacts, why: string, unknown: readonly string[] = []): ImpactVerdict {
    const { liveMigratable, workloadUpdateMethods: methods } = facts;
    const cannot = liveMigratable?.status === false;
    const unasked = methods !== undefined && !methods.includes("LiveMigrate");
    if ((cannot || unasked) && methods?.includes("Evict") === true) {
        return refuse(
            `${why}, and KubeVirt would evict the VM, that is shut it down: its workloadUpdateMethods contain Evict and ` +
                (cannot ? `the VM cannot migrate${because(liveMigratable)}` : "not LiveMigrate"),
        );
    }
    if (cannot) {
        return verdict("restart", `${why}, and the VM cannot migrate${because(liveMigratable)}${notChecked(unknown)}`);
    }
    if (facts.hasMigrationTarget === false) {
        return verdict("restart", `${why}, and no other node takes VMs${notChecked(unknown)}`);
    }
    const automatic = facts.kubevirtVersion === undefined ? undefined : isAtLeast(facts.kubevirtVersion, 1, 6);
    const byHand =
        facts.requestsMigration === true
            ? "; the update asks for it"
            : unasked
              ? "; KubeVirt starts none by itself (its workloadUpdateMethods lack LiveMigrate): create a VirtualMachineInstanceMigration"
              : automatic === false
                ? "; KubeVirt before 1.6 starts none by itself: create a VirtualMachineInstanceMigration"
                : "";
    const missing = [
        ...(liveMigratable === undefined ? ["whether the VM can migrate"] : []),
        ...(methods === undefined ? ["KubeVirt's workloadUpdateMethods"] : []),
        ...unknown,
    ];
    return verdict("live-migration", `${why}${byHand}${notChecked(missing)}`);
}

function because(liveMigratable: ImpactFacts["liveMigratable"]): string {
    const why = [liveMigratable?.reason, liveMigratable?.message].filter((text) => text !== undefined && text !== "");
    return why.length === 0 ? "" : ` (${why.join(": ")})`;
}

function notChecked(what: readonly string[]): string {
    return what.length === 0 ? "" : ` (not checked: ${what.join(", ")})`;
}

function verdict(impact: Impact, reason: string): ImpactVerdict {
    return { impact, reason };
}

function refuse(reason: string): ImpactVerdict {
    return verdict("refused", reason);
}
