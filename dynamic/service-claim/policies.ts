import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { NETWORK_POLICY } from "../../cluster/kinds";
import { MANAGER_ANNOTATION } from "../../core/manager";
import type { Problem } from "../../core/problem";
import type { Subject } from "../../core/service/claims";
import { matchesSelector, type LabelSelector } from "../../core/service/selector";
import type { ServiceClaimInputs } from "./inputs";
import { listedOf } from "./listing";

interface NetworkPolicy extends KubernetesObject {
    readonly spec?: { readonly podSelector?: LabelSelector; readonly policyTypes?: readonly string[] };
}

/** Which Service of this program limits who may come to a VM, by cluster and VM. */
const restricted = new Map<string, string>();

/** The rules of NetworkPolicies add up: each of two that limit a VM's ports would open those of the other. */
export function claimPolicy(
    { namespace, service, vms, selector, isRestricted, connection }: ServiceClaimInputs,
    at: Subject,
): Problem[] {
    if (!isRestricted) {
        return [];
    }
    const own = `Service ${namespace}/${service}`;
    const targets = vms?.map(({ name }) => `VM ${name}`) ?? [`selector ${JSON.stringify(selector)}`];
    return targets.flatMap((target) => {
        const key = `${connectionKey(connection)} ${namespace} ${target}`;
        const holder = restricted.get(key) ?? own;
        restricted.set(key, holder);
        return holder === own ? [] : [twicePolicied(holder, at)];
    });
}

function twicePolicied(holder: string, at: Subject): Problem {
    return {
        ...at,
        field: "sourceRanges",
        rule: "NetworkPolicies add up, so that of two which limit ports of a VM each opens those of the other",
        holder,
        remedy: "put the ports into one exposure, or expose them with dataplane wukong",
    };
}

/** Policies of others on the same pods: what they close is opened, but for the exposed ports. */
export async function checkPolicies(
    client: ClusterClient,
    { namespace, service, vms, selector, isRestricted, manager }: ServiceClaimInputs,
    at: Subject,
): Promise<Problem[]> {
    if (!isRestricted) {
        return [];
    }
    const policies = (await listedOf<NetworkPolicy>(client, NETWORK_POLICY, namespace)) ?? [];
    const pods = vms?.map(({ labels }) => labels) ?? [selector];
    return policies
        .filter(
            ({ metadata, spec }) =>
                metadata.name !== service &&
                (spec?.policyTypes ?? ["Ingress"]).includes("Ingress") &&
                pods.some((labels) => matchesSelector(spec?.podSelector ?? {}, labels)),
        )
        .map(({ metadata }) => {
            const name = `NetworkPolicy ${namespace}/${metadata.name}`;
            return metadata.annotations?.[MANAGER_ANNOTATION] === manager
                ? twicePolicied(name, at)
                : {
                      ...at,
                      field: "sourceRanges",
                      rule: `${name} limits what reaches these VMs as well, and policies add up: the one for sourceRanges opens all other ports`,
                      remedy: "say it all in one policy, or leave sourceRanges out and limit the ports in yours",
                      severity: "warning" as const,
                  };
        });
}
