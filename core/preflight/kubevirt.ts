import { isAtLeast } from "../version";
import { missing, ok, type PreflightFinding, unknown, type Verdict, warning } from "./finding";
import type { ClusterSurvey, KubeVirtSurvey } from "./survey";

const area = "KubeVirt" as const;
const INSTALL = "Install KubeVirt (1.6 or later): https://kubevirt.io/user-guide/cluster_admin/installation/.";

/** KubeVirt itself and those of its settings that decide how NICs change. */
export function kubevirtFindings({ kubevirt }: Pick<ClusterSurvey, "kubevirt">): PreflightFinding[] {
    const present = (verdict: Verdict): PreflightFinding[] => [{ area, check: "version", ...verdict }];
    switch (kubevirt.state) {
        case "unserved":
            return present(missing("KubeVirt is not installed", INSTALL));
        case "forbidden":
            return present(unknown(kubevirt.sentence, "Grant list on kubevirts.kubevirt.io in all namespaces."));
        case "read":
    }
    const { value } = kubevirt;
    if (value === undefined) {
        return present(missing("there is no KubeVirt object, so nothing runs VMs", INSTALL));
    }
    const gate = liveNadGate(value);
    return [
        ...present(versionVerdict(value)),
        { area, check: "workloadUpdateMethods", ...methodsVerdict(value) },
        { area, check: "vmRolloutStrategy", ...rolloutVerdict(value) },
        ...(gate ? [{ area, check: "LiveUpdateNADRef", ...gate }] : []),
    ];
}

function versionVerdict({ version, phase, name }: KubeVirtSurvey): Verdict {
    const since16 = version === undefined ? undefined : isAtLeast(version, 1, 6);
    if (version === undefined || since16 === undefined) {
        return unknown(
            `the KubeVirt object ${name} tells no version`,
            `See whether its operator is at work: kubectl describe kubevirt -A.`,
        );
    }
    if (!since16) {
        const lacks =
            "before 1.6 KubeVirt starts no migration for a NIC, and keeps no PCI ports free for more than four";
        return missing(`${version}; ${lacks}`, "Upgrade KubeVirt to 1.6 or later.");
    }
    if (phase !== "Deployed") {
        return warning(
            `${version}, in phase ${phase ?? "unknown"}; it starts no migrations until it is Deployed`,
            "Wait for the operator, or see what stops it: kubectl describe kubevirt -A.",
        );
    }
    return ok(`${version}${laterGains(version)}`);
}

/** What a newer version would change for NICs. */
function laterGains(version: string): string {
    if (isAtLeast(version, 1, 8) !== true) {
        return "; from 1.8 on a plugged NIC moves to another network by live migration, and RestartRequired clears by itself";
    }
    return isAtLeast(version, 1, 9) === true ? "" : "; from 1.9 on LiveUpdateNADRef needs no feature gate";
}

/** `spec.workloadUpdateStrategy` decides over migrations for NICs, whatever the rollout strategy (kubevirt issue 17329). */
function methodsVerdict({ workloadUpdateMethods: methods, name }: KubeVirtSurvey): Verdict {
    const remedy = `Allow it: ${patchOf(name, { workloadUpdateStrategy: { workloadUpdateMethods: ["LiveMigrate"] } })}.`;
    const listed = methods.length === 0 ? "none" : methods.join(", ");
    if (!methods.includes("LiveMigrate")) {
        return methods.includes("Evict")
            ? missing(`${listed}; a VM whose NIC change takes a migration would be shut down, and is refused`, remedy)
            : warning(`${listed}; KubeVirt starts no migration for a NIC, somebody has to`, remedy);
    }
    return methods.includes("Evict")
        ? warning(`${listed}; a NIC change that a VM cannot migrate for would shut it down, and is refused`, remedy)
        : ok(listed);
}

/** NIC changes go into force in either strategy (kubevirt issue 17328). */
function rolloutVerdict({ vmRolloutStrategy = "LiveUpdate", name }: KubeVirtSurvey): Verdict {
    return vmRolloutStrategy === "LiveUpdate"
        ? ok(vmRolloutStrategy)
        : warning(
              `${vmRolloutStrategy}; NICs are changed on the running VM all the same, CPU and memory at its next start`,
              `Where these are to change live, too: ${patchOf(name, { configuration: { vmRolloutStrategy: "LiveUpdate" } })}.`,
          );
}

/** Moving a plugged NIC to another network: no such thing before 1.8, behind a gate that is on in 1.8, always since 1.9. */
function liveNadGate({ version, featureGates, disabledFeatureGates, name }: KubeVirtSurvey): Verdict | undefined {
    const gated = version !== undefined && isAtLeast(version, 1, 8) === true && isAtLeast(version, 1, 9) === false;
    if (!gated) {
        return undefined;
    }
    const disabled = disabledFeatureGates.includes("LiveUpdateNADRef") && !featureGates.includes("LiveUpdateNADRef");
    const remaining = disabledFeatureGates.filter((gate) => gate !== "LiveUpdateNADRef");
    const spec = { configuration: { developerConfiguration: { disabledFeatureGates: remaining } } };
    return disabled
        ? warning("disabled; a plugged NIC does not move to another network", `Enable it: ${patchOf(name, spec)}.`)
        : ok("enabled");
}

/** A command that changes the KubeVirt object. Its names come from the cluster, where they are DNS labels. */
function patchOf(name: string, spec: object): string {
    const [namespace = "", object = ""] = name.split("/");
    return `kubectl patch kubevirt ${object} -n ${namespace} --type=merge -p '${JSON.stringify({ spec })}'`;
}
