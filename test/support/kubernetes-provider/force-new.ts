import { annotationOf, gvkOf, nameOf, namespaceOf } from "./kube-object";
import { isObject, type Json, type JsonObject } from "./values";

export interface MutabilityOptions {
    enableSecretMutable: boolean;
    enableConfigMapMutable: boolean;
}

// Fields of the kinds this package uses whose change makes upstream replace the object instead of updating it.
const BY_KIND: Record<string, string[]> = {
    "/Service": ["spec.clusterIP"],
    "/Secret": ["type"],
    "apps/DaemonSet": ["spec.selector"],
    "apps/Deployment": ["spec.selector"],
    "apps/StatefulSet": [
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ],
    "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
    "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
};

/** The paths whose change replaces the object. */
export function forceNewPaths(inputs: JsonObject, options: MutabilityOptions): string[][] {
    const { group, kind } = gvkOf(inputs);
    const paths = ["metadata.name", "metadata.namespace"];
    const immutable = inputs.immutable === true;
    if (group === "" && kind === "Secret" && (!options.enableSecretMutable || immutable)) {
        paths.push("type", "stringData", "data");
    } else if (group === "" && kind === "ConfigMap" && (!options.enableConfigMapMutable || immutable)) {
        paths.push("data", "binaryData");
    } else {
        paths.push(...(BY_KIND[`${group}/${kind}`] ?? []));
    }
    return paths.map((path) => path.split("."));
}

/** Whether a change of `path` to `value` touches one of the paths: at it, below it, or above it with a value that has it. */
export function touches(path: readonly (string | number)[], value: Json | undefined, forced: string[][]): boolean {
    return forced.some((target) => {
        const shared = Math.min(path.length, target.length);
        if (!target.slice(0, shared).every((key, i) => key === path[i])) {
            return false;
        }
        let current = value;
        for (const key of target.slice(shared)) {
            if (!isObject(current) || !(key in current)) {
                return false;
            }
            current = current[key];
        }
        return true;
    });
}

/** A replaced object must go first when its successor has the same name, given by the user, in the same namespace. */
export function mustDeleteFirst(newInputs: JsonObject, oldLive: JsonObject): boolean {
    return (
        nameOf(newInputs) !== "" &&
        annotationOf(newInputs, "pulumi.com/autonamed") !== "true" &&
        nameOf(newInputs) === nameOf(oldLive) &&
        namespaceOf(newInputs) === namespaceOf(oldLive)
    );
}
