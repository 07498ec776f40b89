import type { ClusterClient } from "../../cluster/client";
import { impactFacts } from "../../cluster/impact-facts";
import { SECRET, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../../cluster/kinds";
import { readVm, type VmView } from "../../cluster/virtual-machine";
import { classifyChange } from "../../core/impact";
import { bindingOf, validateNics, type NicDeclaration, type NicSpec } from "../../core/nic";
import { errorsOf, type Problem } from "../../core/problem";
import {
    checkWith,
    clientForCheck,
    containsUnknown,
    tell,
    warnOnce,
    type Checked,
    type CheckRequest,
} from "../handler";
import { doable } from "../network-interface/check";
import { MANAGER_ANNOTATION, type Leftovers, type PlannedNic, type PowerStateInputs } from "./inputs";
import { findLeftovers } from "./leftovers";

export const check = checkWith<PowerStateInputs>(checkPowerState);

async function checkPowerState({ olds, news }: CheckRequest<PowerStateInputs>): Promise<Checked<PowerStateInputs>> {
    const { vmUid, ...declared } = news;
    if (containsUnknown(declared)) {
        return { inputs: news, problems: [] };
    }
    if (!olds && news.preview === true) {
        // The uid of a dry run is none that the VM will have.
        delete news.vmUid;
    }
    const vm = `${news.namespace}/${news.vm}`;
    const before = olds?.namespace === news.namespace && olds.vm === news.vm ? olds.networks : undefined;
    const problems: (Problem | string)[] = [
        ...errorsOf(validateNics(vm, Object.entries(news.networks).map(declarationOf))),
        ...(before ? primaryKept(vm, before, news.networks) : []),
    ];
    if (problems.length > 0) {
        return { inputs: news, problems };
    }
    const { namespace } = news;
    const client = await clientForCheck(
        news,
        `VM ${vm}`,
        [
            { kind: VIRTUAL_MACHINE, namespace, verbs: ["get", "list", "watch", "patch"] },
            { kind: VIRTUAL_MACHINE_INSTANCE, namespace, verbs: ["get", "list", "watch"] },
        ],
        [
            { kind: VIRTUAL_MACHINE, namespace },
            { kind: SECRET, namespace },
        ],
    );
    const view = client && (await readVm(client, namespace, news.vm));
    if (!olds && view) {
        problems.push(...strangers(news, vmUid, view));
    }
    const detached = client && view ? await detaches(client, view, vm, before ?? {}, news.networks) : undefined;
    problems.push(...(detached?.problems ?? []));
    const left = client && view ? await removals(client, view, news, before ?? {}) : undefined;
    const changes = [
        ...attaches(before ?? {}, news.networks),
        ...(detached?.lines ?? unplanned(before, news.networks)),
        ...(left?.lines ?? []),
    ];
    if (news.preview === true && problems.length === 0) {
        changes.forEach((line) => {
            tell(`VM ${vm}: ${line}`);
        });
    }
    const told = changes.length > 0 || !before ? changes : olds?.changes;
    const inputs = { ...news, ...(told && { changes: told }), ...(left && { leftovers: left.leftovers }) };
    return { inputs, problems };
}

function declarationOf([name, nic]: [string, PlannedNic]): NicDeclaration {
    const [address] = nic.addresses;
    return {
        name,
        type: nic.type,
        primary: nic.primary,
        macAddress: nic.macAddress,
        model: nic.model,
        linkState: nic.linkState,
        ...(nic.nadName !== undefined && { nadName: nic.nadName }),
        ...(address !== undefined && { ipConfig: { mode: "static", address } }),
    };
}

/** KubeVirt unplugs no primary NIC, and what is primary is settled when the VM starts. */
function primaryKept(vm: string, before: PowerStateInputs["networks"], after: PowerStateInputs["networks"]): Problem[] {
    const [nic] = Object.entries(before).find(([, each]) => each.primary) ?? [];
    if (nic === undefined || after[nic]?.primary === true) {
        return [];
    }
    const gone = after[nic] === undefined;
    return [
        {
            vm,
            nic,
            field: "networks",
            rule: gone
                ? "the primary NIC cannot be removed while the VM exists"
                : "a VM keeps its primary NIC as long as it exists",
            remedy: gone
                ? "put the NIC back into the program, or replace the VM by giving it another name"
                : "set primary: true on it again, or replace the VM by giving it another name",
        },
    ];
}

/** A VM of the name that another one made: the kubernetes provider would tell only when it has written half. */
function strangers(
    { namespace, vm, manager, preview }: PowerStateInputs,
    vmUid: string | undefined,
    { vm: found }: VmView,
): Problem[] {
    const owner = found?.metadata.annotations?.[MANAGER_ANNOTATION];
    if (!found || owner === manager || (preview !== true && found.metadata.uid === vmUid)) {
        return [];
    }
    return [
        {
            vm: `${namespace}/${vm}`,
            field: "name",
            rule: "the cluster has a VM of that name already",
            holder: owner === undefined ? "nobody's stack (it was made by hand)" : `stack ${owner}`,
            remedy: "choose another name, or delete that VM",
        },
    ];
}

function attaches(before: PowerStateInputs["networks"], after: PowerStateInputs["networks"]): string[] {
    return Object.entries(after)
        .filter(([name, nic]) => !sameNic(before[name], nic))
        .map(([name, nic]) => {
            const verdict = { impact: nic.impact ?? UNKNOWN_IMPACT, reason: nic.reason ?? NOT_REACHED };
            return planLine(before[name] ? "change" : "attach", name, nic, verdict);
        });
}

async function detaches(
    client: ClusterClient,
    view: VmView,
    vm: string,
    before: PowerStateInputs["networks"],
    after: PowerStateInputs["networks"],
): Promise<{ lines: string[]; problems: Problem[] }> {
    const facts = await impactFacts(client, view);
    const lines: string[] = [];
    const problems: Problem[] = [];
    for (const [name, nic] of Object.entries(before).filter(([name]) => after[name] === undefined)) {
        const change = { kind: "detach", nic: specOf(name, nic) } as const;
        const verdict = doable(change, classifyChange(change, { ...facts, isPrimary: nic.primary }));
        lines.push(planLine("detach", name, nic, verdict));
        if (verdict.impact === "refused") {
            const remedy = "leave the NIC in the program";
            problems.push({ vm, nic: name, field: "networks", rule: verdict.reason, remedy });
        }
    }
    return { lines, problems };
}

/** What an interrupted update has left over and this one removes; what cannot be removed now is only warned of. */
async function removals(
    client: ClusterClient,
    view: VmView,
    inputs: PowerStateInputs,
    before: PowerStateInputs["networks"],
): Promise<{ lines: string[]; leftovers: Leftovers } | undefined> {
    const { nics, reservations, verdicts } = await findLeftovers(client, inputs, before, view);
    const removable = nics.filter(({ name }) => verdicts[name]?.impact !== "refused");
    for (const { name } of nics.filter((nic) => !removable.includes(nic))) {
        const reason = verdicts[name]?.reason ?? "";
        warnOnce(`NIC "${name}" of VM "${inputs.namespace}/${inputs.vm}" ${LEFT_OVER} and stays: ${reason}.`);
    }
    if (removable.length === 0 && reservations.length === 0) {
        return undefined;
    }
    const lines = [
        ...removable.map(({ name, nadName = "pod network", macAddress }) => {
            const { impact = UNKNOWN_IMPACT, reason = "" } = verdicts[name] ?? {};
            return `detach ${name} (${nadName}, MAC ${macAddress}), which ${LEFT_OVER}: ${impact}, ${reason}`;
        }),
        ...reservations.map(({ address, space }) => `release ${address} (space ${space}), which ${LEFT_OVER}`),
    ];
    return { lines, leftovers: { nics: removable, reservations } };
}

const LEFT_OVER = "an interrupted update left behind";

/** The detaches of a preview that cannot reach the cluster. */
function unplanned(before: PowerStateInputs["networks"] | undefined, after: PowerStateInputs["networks"]): string[] {
    return Object.entries(before ?? {})
        .filter(([name]) => after[name] === undefined)
        .map(([name, nic]) => planLine("detach", name, nic, { impact: UNKNOWN_IMPACT, reason: NOT_REACHED }));
}

const UNKNOWN_IMPACT = "impact unknown";
const NOT_REACHED = "the cluster was not reached";

/** What happens to a NIC, which one it is, and what that costs, as a preview shows it. */
function planLine(
    action: "attach" | "change" | "detach",
    name: string,
    { nadName, macAddress, addresses }: PlannedNic,
    { impact, reason }: { readonly impact: string; readonly reason: string },
): string {
    const network = nadName ?? "pod network";
    const address = addresses.join(", ") || "DHCP";
    return `${action} ${name} (${network}, MAC ${macAddress}, ${address}): ${impact}, ${reason}`;
}

function specOf(name: string, nic: PlannedNic): NicSpec {
    const { type, macAddress, nadName, model, linkState } = nic;
    return {
        name,
        type,
        binding: bindingOf(type),
        macAddress,
        model,
        linkState,
        ...(nadName !== undefined && { nadName }),
    };
}

/** Whether the NICs are declared as they were; what they cost then is no part of that. */
export function samePlan(before: PowerStateInputs["networks"], after: PowerStateInputs["networks"]): boolean {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].every((name) => sameNic(before[name], after[name]));
}

function sameNic(before: PlannedNic | undefined, after: PlannedNic | undefined): boolean {
    const declared = (nic: PlannedNic | undefined): unknown =>
        nic && [nic.type, nic.primary, nic.macAddress, nic.nadName, nic.model, nic.linkState, nic.addresses];
    return JSON.stringify(declared(before)) === JSON.stringify(declared(after));
}
