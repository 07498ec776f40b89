import type { ClusterClient } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { INGRESS, NETWORK_POLICY, SERVICE } from "../../cluster/kinds";
import { MANAGER_ANNOTATION } from "../../core/manager";
import type { Problem } from "../../core/problem";
import {
    clusterIpTaken,
    collisions,
    nameTaken,
    outsideServiceCidrs,
    type Holdings,
    type Subject,
} from "../../core/service/claims";
import { holdingsOf } from "../../core/service/objects";
import { checkWith, clientForCheck, containsUnknown } from "../handler";
import type { ServiceClaimInputs, StoredClaim } from "./inputs";
import { addressHolder, serviceCidrs, services } from "./listing";
import { checkPolicies, claimPolicy } from "./policies";
import { machineProblems } from "./machines";

export const check = checkWith<StoredClaim>(async ({ olds, news }) => {
    const { connection, namespace, service } = news;
    const problems = containsUnknown(news) ? [] : await claimProblems(olds, news as ServiceClaimInputs);
    return { inputs: { connection, namespace, service }, problems };
});

async function claimProblems(olds: StoredClaim | undefined, news: ServiceClaimInputs): Promise<Problem[]> {
    const wanted = holdings(news);
    const at = placeOf(news);
    const problems: Problem[] = [...claimInProgram(news, wanted, at), ...claimPolicy(news, at)];
    const { namespace } = news;
    const client = await clientForCheck(
        news,
        `Service ${namespace}/${news.service}`,
        [{ kind: SERVICE, namespace, verbs: ["list"] }],
        [
            { kind: SERVICE, namespace },
            ...(news.hasIngress ? [{ kind: INGRESS, namespace }] : []),
            ...(news.isRestricted ? [{ kind: NETWORK_POLICY, namespace }] : []),
        ],
    );
    if (client && problems.length === 0) {
        problems.push(...(await checkInCluster(client, olds, news, wanted)));
    }
    return problems.map((problem) => inField(problem, news));
}

function holdings({ namespace, service, ports, clusterIP, loadBalancerIP, ...inputs }: ServiceClaimInputs): Holdings {
    const { exposure, declaredBy, annotations = {} } = inputs;
    const declared = declaredBy
        ? `NIC "${declaredBy.nic}" of VM "${namespace}/${declaredBy.vm}"`
        : `ServiceExposure "${exposure}"`;
    return {
        ...{ namespace, name: service, ports, annotations },
        holder: `Service ${namespace}/${service} of ${declared} in this program`,
        clusterIPs: clusterIP === undefined || clusterIP === "None" ? [] : [clusterIP],
        loadBalancerIPs: loadBalancerIP === undefined ? [] : [loadBalancerIP],
    };
}

/** What the Services of this program ask for, by cluster and name. */
const claimed = new Map<string, Map<string, Holdings>>();

/** Whoever is looked at first has what both want. */
function claimInProgram({ connection }: ServiceClaimInputs, wanted: Holdings, at: Subject): Problem[] {
    const cluster = connectionKey(connection);
    const ofCluster = claimed.get(cluster) ?? new Map<string, Holdings>();
    claimed.set(cluster, ofCluster);
    const name = `${wanted.namespace}/${wanted.name}`;
    const same = ofCluster.get(name);
    if (same && same.holder !== wanted.holder) {
        return [
            {
                ...at,
                field: "serviceName",
                value: name,
                rule: "each Service has a name of its own",
                holder: same.holder,
                remedy: "choose another serviceName for one of them",
            },
        ];
    }
    const problems = collisions(wanted, [...ofCluster.values()], at);
    if (problems.length === 0) {
        ofCluster.set(name, wanted);
    }
    return problems;
}

async function checkInCluster(
    client: ClusterClient,
    olds: StoredClaim | undefined,
    news: ServiceClaimInputs,
    wanted: Holdings,
): Promise<Problem[]> {
    const at = placeOf(news);
    const found = await services(client, news.namespace);
    const problems = collisions(wanted, found.map(holdingsOf), at);
    const own = found.find(({ metadata }) => metadata.namespace === wanted.namespace && metadata.name === wanted.name);
    const owner = own?.metadata.annotations?.[MANAGER_ANNOTATION];
    const isNew = olds?.namespace !== news.namespace || olds.service !== news.service;
    if (own && isNew && owner !== news.manager) {
        problems.push(nameTaken(wanted, owner, at));
    }
    const isHeld = wanted.clusterIPs.every((address) => own?.spec?.clusterIPs?.includes(address));
    for (const address of isHeld ? [] : wanted.clusterIPs) {
        const outside = outsideServiceCidrs(address, await serviceCidrs(client), at);
        const holder = problems.length + outside.length > 0 ? undefined : await addressHolder(client, address);
        problems.push(...outside, ...(holder === undefined ? [] : [clusterIpTaken(address, holder, at)]));
    }
    return [...problems, ...(await machineProblems(client, news, at)), ...(await checkPolicies(client, news, at))];
}

function placeOf({ exposure, declaredBy, namespace }: ServiceClaimInputs): Subject {
    return declaredBy
        ? { vm: `${namespace}/${declaredBy.vm}`, nic: declaredBy.nic }
        : { subject: `ServiceExposure "${exposure}"` };
}

/** The field of a NIC's exposure is below that of the NIC. */
function inField(problem: Problem, { declaredBy }: ServiceClaimInputs): Problem {
    return declaredBy ? { ...problem, field: `${declaredBy.field}.${problem.field}` } : problem;
}
