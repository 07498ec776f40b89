import { readNadConfig } from "../cni/nad-config";
import { type PreflightFinding, missing, ok, unknown, type Verdict, warning } from "./finding";
import { schedulableNodes, type ClusterSurvey, type NadSurvey, type NodeSurvey, valueOf } from "./survey";

/** Where multus-dynamic-networks-controller is had from. */
const CONTROLLER = "https://github.com/k8snetworkplumbingwg/multus-dynamic-networks-controller";

/** Multus, and what attaches NICs to pods that run. */
export function multusFindings(survey: ClusterSurvey): PreflightFinding[] {
    const area = "Multus" as const;
    const { nads, dynamicNetworks } = survey;
    const nadVerdict = (): Verdict => {
        switch (nads.state) {
            case "unserved":
                return missing(
                    "Multus is not installed; VMs have pod NICs only",
                    "Install Multus, the thick plugin: https://github.com/k8snetworkplumbingwg/multus-cni.",
                );
            case "forbidden":
                return unknown(nads.sentence, "Grant list on network-attachment-definitions.k8s.cni.cncf.io.");
            case "read":
                return ok(`${count(nads.value.length, "NetworkAttachmentDefinition")} in the cluster`);
        }
    };
    const controllerVerdict = (): Verdict => {
        if (dynamicNetworks.state !== "read") {
            const why =
                dynamicNetworks.state === "forbidden" ? dynamicNetworks.sentence : "the cluster serves no DaemonSets";
            return unknown(why, "Grant list on daemonsets.apps in all namespaces.");
        }
        const running = dynamicNetworks.value;
        const lame = running.filter(({ desired, ready }) => ready < desired || ready === 0);
        const listed = running.map(
            ({ name, ready, desired }) => `${name}, ${String(ready)} of ${String(desired)} ready`,
        );
        if (running.length === 0) {
            const remedy = `Install it: ${CONTROLLER}.`;
            return canMigrate(survey)
                ? warning("not found; bridge NICs are attached and detached by live migration", remedy)
                : missing("not found, and VMs cannot migrate either: bridge NICs change at a restart only", remedy);
        }
        return lame.length === 0
            ? ok(listed.join("; "))
            : warning(
                  `${listed.join("; ")}; on nodes without it NIC changes hang`,
                  "See what its pods say: kubectl logs.",
              );
    };
    return [
        { area, check: "NetworkAttachmentDefinitions", ...nadVerdict() },
        { area, check: "dynamic-networks-controller", ...controllerVerdict() },
    ];
}

/** Whether KubeVirt moves VMs by itself, as far as cluster and settings decide. */
export function canMigrate(survey: Pick<ClusterSurvey, "kubevirt" | "nodes">): boolean {
    const methods = valueOf(survey.kubevirt)?.workloadUpdateMethods ?? ["LiveMigrate"];
    return methods.includes("LiveMigrate") && (schedulableNodes(survey)?.length ?? 2) >= 2;
}

/** The nodes, and what of networks each of them has. */
export function nodeFindings(survey: ClusterSurvey): PreflightFinding[] {
    const area = "Nodes" as const;
    const { nodes, nodeInterfaces } = survey;
    const schedulable = schedulableNodes(survey);
    if (nodes.state !== "read" || schedulable === undefined) {
        const why = nodes.state === "forbidden" ? nodes.sentence : "the cluster serves no nodes";
        return [{ area, check: "schedulable", ...unknown(why, "Grant list on nodes.") }];
    }
    const nads = valueOf(survey.nads) ?? [];
    const interfaces = valueOf(nodeInterfaces);
    const wanted = wantedInterfaces(nads);
    return [
        { area, check: "schedulable", ...schedulableVerdict(schedulable, nodes.value.length) },
        ...(interfaces === undefined && wanted.size > 0
            ? [{ area, check: "bridges and uplinks", ...notSeen(nodeInterfaces.state, [...wanted.keys()]) }]
            : []),
        ...(interfaces === undefined ? [] : [...wanted]).map(([name, users]) => {
            const having = new Set(interfaces?.filter((each) => name in each.interfaces).map(({ node }) => node));
            const lacking = schedulable.map((each) => each.name).filter((node) => !having.has(node));
            return { area, check: `interface ${name}`, ...interfaceVerdict(lacking, schedulable.length, users) };
        }),
        ...resourceFindings(nads, schedulable),
        ...(valueOf(survey.sriovNodes) ?? [])
            .filter(({ syncStatus }) => syncStatus !== "Succeeded")
            .map(({ node, syncStatus, error }) => ({
                area,
                check: `SR-IOV on ${node}`,
                ...warning(
                    `the SR-IOV operator is not done with the node: ${[syncStatus, error].filter(Boolean).join(", ")}`,
                    "Wait for it, or see its SriovNetworkNodeState.",
                ),
            })),
    ];
}

function schedulableVerdict(schedulable: readonly NodeSurvey[], all: number): Verdict {
    const found = `${String(schedulable.length)} of ${count(all, "node")}`;
    const remedy = "See that nodes are Ready, not cordoned, and have the label kubevirt.io/schedulable=true.";
    switch (schedulable.length) {
        case 0:
            return missing(`${found}; no VM can run`, remedy);
        case 1:
            return warning(`${found}; no VM can migrate`, `Add a node for what takes a migration. ${remedy}`);
        default:
            return ok(found);
    }
}

/** Bridges and parents that networks name, with the networks that do. */
function wantedInterfaces(nads: readonly NadSurvey[]): Map<string, string[]> {
    const wanted = new Map<string, string[]>();
    for (const { name, config } of nads) {
        const { plugin, bridge, parentDevice } = readNadConfig(config) ?? {};
        const on = plugin === "bridge" ? bridge : parentDevice;
        if (on !== undefined) {
            wanted.set(on, [...(wanted.get(on) ?? []), name]);
        }
    }
    return wanted;
}

function notSeen(state: string, names: readonly string[]): Verdict {
    const why = state === "forbidden" ? "nmstate's view of the nodes may not be read" : "nmstate is not installed";
    return unknown(
        `${why}, so it is not known which nodes have ${listed(names)}`,
        state === "forbidden"
            ? "Grant list on nodenetworkstates.nmstate.io."
            : `Look on each node (ip link show ${names[0] ?? ""}), or install kubernetes-nmstate.`,
    );
}

/** A bridge that is missing on a node is made there by the CNI plugin, and leads nowhere. */
function interfaceVerdict(lacking: readonly string[], all: number, users: readonly string[]): Verdict {
    return lacking.length === 0
        ? ok(`on ${all === 1 ? "the one node" : `all ${String(all)} nodes`}; used by ${listed(users)}`)
        : missing(
              `not on ${listed(lacking)}; VMs of ${listed(users)} are cut off there`,
              "Make it there, with the uplink in it, such as by a NodeNetworkConfigurationPolicy of nmstate.",
          );
}

/** Devices that networks ask for: SR-IOV's virtual functions, or what marks a bridge of Open vSwitch. */
function resourceFindings(nads: readonly NadSurvey[], schedulable: readonly NodeSurvey[]): PreflightFinding[] {
    const users = new Map<string, string[]>();
    for (const { name, resourceName } of nads) {
        if (resourceName !== undefined) {
            users.set(resourceName, [...(users.get(resourceName) ?? []), name]);
        }
    }
    return [...users].map(([resource, networks]) => {
        const having = schedulable.filter(({ allocatable }) => !/^0?$/.test(allocatable[resource] ?? ""));
        const found = listed(having.map((node) => `${node.name} (${node.allocatable[resource] ?? ""})`));
        const remedy = "Have a device plugin offer it, and let its node state tell why it does not.";
        const verdict =
            having.length === 0
                ? missing(`no node offers it; VMs of ${listed(networks)} cannot start`, remedy)
                : having.length === 1
                  ? warning(`${found} only; a VM of ${listed(networks)} cannot migrate`, remedy)
                  : ok(found);
        return { area: "Nodes", check: `resource ${resource}`, ...verdict };
    });
}

function count(number: number, noun: string): string {
    return `${String(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Some names, and how many more. */
function listed(names: readonly string[], most = 5): string {
    const rest = names.length - most;
    return rest > 0 ? `${names.slice(0, most).join(", ")} and ${String(rest)} more` : names.join(", ");
}
