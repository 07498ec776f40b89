import type { ClusterClient, KubernetesObject } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { NETWORK_POLICY } from "../../cluster/kinds";
import { MANAGER_ANNOTATION } from "../../core/manager";
import type { Problem } from "../../core/problem";
import type { Subject } from "../../core/service/claims";
import { matches, matchesSelector, type LabelSelector } from "../../core/service/selector";
import type { ServiceClaimInputs } from "./inputs";
import { listedOf } from "./listing";

interface NetworkPolicy extends KubernetesObject {
    readonly spec?: { readonly podSelector?: LabelSelector; readonly policyTypes?: readonly string[] };
}

/** A Service that limits who may come, with what its NetworkPolicy selects. */
interface Restriction {
    readonly service: string;
    readonly selector: Labels;
    /** Labels of the pods that it is known to select. */
    readonly pods: readonly Labels[];
}

type Labels = Readonly<Record<string, string>>;

/** Those of this program, by cluster and namespace. */
const restrictions = new Map<string, Restriction[]>();

/** The rules of NetworkPolicies add up: each of two that limit a VM's ports would open those of the other. */
export function claimPolicy(inputs: ServiceClaimInputs, at: Subject): Problem[] {
    const { namespace, selector, isRestricted, connection } = inputs;
    if (!isRestricted) {
        return [];
    }
    const own: Restriction = { service: `Service ${namespace}/${inputs.service}`, selector, pods: podsOf(inputs) };
    const key = `${connectionKey(connection)} ${namespace}`;
    const others = (restrictions.get(key) ?? []).filter(({ service }) => service !== own.service);
    const holder = others.find((other) => meet(other, own) || meet(own, other));
    restrictions.set(key, holder ? others : [...others, own]);
    return holder ? [twicePolicied(holder.service, at)] : [];
}

function meet({ selector }: Restriction, { pods }: Restriction): boolean {
    return pods.some((labels) => matches(selector, labels));
}

/** Labels of the pods behind a Service; where no VM is named those at least that it selects by. */
function podsOf({ vms, selector }: ServiceClaimInputs): readonly Labels[] {
    return vms?.map(({ labels }) => labels) ?? [selector];
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
    inputs: ServiceClaimInputs,
    at: Subject,
): Promise<Problem[]> {
    const { namespace, isRestricted, manager } = inputs;
    if (!isRestricted) {
        return [];
    }
    const policies = (await listedOf<NetworkPolicy>(client, NETWORK_POLICY, namespace)) ?? [];
    return policies
        .filter(
            ({ metadata, spec }) =>
                // Those of this program have been held against each other, as they will be.
                metadata.annotations?.[MANAGER_ANNOTATION] !== manager &&
                (spec?.policyTypes ?? ["Ingress"]).includes("Ingress") &&
                podsOf(inputs).some((labels) => matchesSelector(spec?.podSelector ?? {}, labels)),
        )
        .map(({ metadata }) => ({
            ...at,
            field: "sourceRanges",
            rule:
                `NetworkPolicy ${namespace}/${metadata.name} limits what reaches these VMs as well, and policies add up: ` +
                `the one for sourceRanges opens all other ports`,
            remedy: "say it all in one policy, or leave sourceRanges out and limit the ports in yours",
            severity: "warning" as const,
        }));
}
