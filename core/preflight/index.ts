import { bindingOf, type NicSpec, type NicType } from "../nic";
import { classifyChange, combined, type ImpactFacts, type ImpactVerdict, type NicChange } from "../impact";
import { networkSwap } from "../network-swap";
import { missing, ok, type PreflightFinding, type PreflightStatus, warning } from "./finding";
import { kubevirtFindings } from "./kubevirt";
import { multusFindings, nodeFindings } from "./networks";
import { schedulableNodes, type ClusterSurvey, type PermissionSurvey, valueOf } from "./survey";

export type { PreflightArea, PreflightFinding, PreflightStatus } from "./finding";
export type { ClusterSurvey } from "./survey";

/** What a cluster has of what is needed, what is missing, and what a change to a running VM will cost there. */
export function judgeSurvey(survey: ClusterSurvey): PreflightFinding[] {
    return [
        ...kubevirtFindings(survey),
        ...multusFindings(survey),
        ...nodeFindings(survey),
        ...survey.kinds.map(kindFinding),
        ...survey.permissions.map(permissionFinding),
        ...changeFindings(survey),
    ];
}

function kindFinding({ name, served }: ClusterSurvey["kinds"][number]): PreflightFinding {
    const verdict = served
        ? ok("installed")
        : missing(
              "the cluster does not know it; no address can be reserved",
              "Install it: kubectl apply -f node_modules/pulumi-wukong/crds/ (beside your program).",
          );
    return { area: "Addresses", check: name, ...verdict };
}

function permissionFinding({ kind, namespace, verbs, denied, without }: PermissionSurvey): PreflightFinding {
    const where = namespace === undefined ? "in the whole cluster" : `in namespace ${namespace}`;
    const grant = `Grant ${denied.join(", ")} on ${kind} ${where}.`;
    const verdict =
        denied.length === 0
            ? ok(`${verbs.join(", ")} ${where}`)
            : without === undefined
              ? missing(`the user may not ${denied.join(", ")} ${where}`, grant)
              : warning(`the user may not ${denied.join(", ")} ${where}; ${without}`, grant);
    return { area: "Permissions", check: kind, ...verdict };
}

/** Changes to a running VM that can migrate, has virtio NICs and a free PCI port. */
const CHANGES: readonly [string, NicChange][] = [
    ["attach a bridge NIC", { kind: "attach", nic: nicOf("bridge") }],
    ["detach a bridge NIC", { kind: "detach", nic: nicOf("bridge") }],
    ["link up or down", { kind: "link", nic: nicOf("bridge"), to: "down" }],
    ["attach an SR-IOV NIC", { kind: "attach", nic: nicOf("sriov") }],
    ["attach a pod NIC", { kind: "attach", nic: nicOf("pod") }],
    ["another address", { kind: "address", nic: nicOf("bridge") }],
];

function nicOf(type: NicType): NicSpec {
    return {
        name: "",
        type,
        binding: bindingOf(type),
        ...(type !== "pod" && { nadName: "" }),
        macAddress: "",
        model: "virtio",
        linkState: "up",
    };
}

/** The rules that a preview goes by, for a VM without peculiarities. */
function changeFindings(survey: ClusterSurvey): PreflightFinding[] {
    const kubevirt = valueOf(survey.kubevirt);
    if (kubevirt === undefined && survey.kubevirt.state !== "forbidden") {
        return [];
    }
    const nodes = schedulableNodes(survey);
    const controllers = valueOf(survey.dynamicNetworks);
    const facts: ImpactFacts = {
        vm: "running",
        isPrimary: false,
        ...(kubevirt && {
            workloadUpdateMethods: kubevirt.workloadUpdateMethods,
            disabledFeatureGates: kubevirt.disabledFeatureGates.filter((gate) => !kubevirt.featureGates.includes(gate)),
        }),
        ...(kubevirt?.version !== undefined && { kubevirtVersion: kubevirt.version }),
        ...(controllers && { dynamicNetworksController: controllers.some(({ ready }) => ready > 0) }),
        ...(nodes && { liveMigratable: { status: true }, hasMigrationTarget: nodes.length >= 2 }),
        podUsesHashedNames: true,
        freeHotplugPorts: 1,
    };
    const verdicts = CHANGES.map(([check, change]) => [check, classifyChange(change, facts)] as const);
    const bridge = nicOf("bridge");
    const anotherNetwork = networkSwap(bridge, facts, "wait") ?? replugged(bridge, facts);
    return [...verdicts, ["another network for a plugged NIC", anotherNetwork] as const].map(
        ([check, { impact, reason }]) => ({
            area: "Changes",
            check,
            status: impact as PreflightStatus,
            found: reason,
        }),
    );
}

/** Taken off, and attached anew. */
function replugged(nic: NicSpec, facts: ImpactFacts): ImpactVerdict {
    return combined((["detach", "attach"] as const).map((kind) => classifyChange({ kind, nic }, facts)));
}
