import { runStrategyProblems } from "../../core/admission";
import type { ClusterClient } from "../../cluster/client";
import { impactFacts } from "../../cluster/impact-facts";
import { SECRET, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../../cluster/kinds";
import { powerOf, type VmView } from "../../cluster/virtual-machine";
import { consentProblems } from "../../core/consent";
import { classifyChange, type ImpactVerdict } from "../../core/impact";
import { nicPhase } from "../../core/nic-phase";
import { bindingOf, validateNics, type NicDeclaration, type NicSpec } from "../../core/nic";
import { MANAGER_ANNOTATION } from "../../core/manager";
import { describeChange, nicChange, NOT_REACHED, type PlannedChange } from "../../core/plan/change";
import { errorsOf, type Problem } from "../../core/problem";
import {
    checkWith,
    clientForCheck,
    consentOf,
    containsUnknown,
    needsOfConsent,
    tell,
    warnOnce,
    type Checked,
    type CheckRequest,
} from "../handler";
import { doable } from "../network-interface/check";
import { viewForCheck } from "../network-interface/run-view";
import { factsOf } from "../network-interface/vm-state";
import type { Leftovers, PlannedNic, PowerStateInputs } from "./inputs";
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
        ...runStrategyProblems(vm, news.runStrategy),
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
            ...needsOfConsent(news),
        ],
        [
            { kind: VIRTUAL_MACHINE, namespace },
            { kind: SECRET, namespace },
        ],
    );
    // Where a restart is agreed to, it depends on what the NICs of this run have come to.
    const same =
        before !== undefined &&
        samePlan(before, news.networks) &&
        olds?.vmUid === vmUid &&
        news.onRestartRequired !== "restart";
    const view = client && (await viewForCheck(client, { ...news, vmUid }, same));
    if (!olds && view) {
        problems.push(...strangers(news, vmUid, view));
    }
    const detached = client && view ? await detaches(client, view, news, before ?? {}) : undefined;
    problems.push(...(detached?.problems ?? []));
    const left = client && view ? await removals(client, view, news, before ?? {}) : undefined;
    const changes: PlannedChange[] = [
        ...attaches(before ?? {}, news.networks),
        ...(detached?.changes ?? unplanned(before, news.networks)),
        ...(left?.changes ?? []),
    ];
    const restart = view && plannedRestart(view, news, changes);
    changes.push(...(restart ? [restart.change] : []));
    if (news.preview === true && problems.length === 0) {
        changes.forEach((change) => {
            tell(`VM ${vm}: ${describeChange(change)}`);
        });
    }
    const told = changes.length > 0 || !before ? changes : olds?.changes;
    const inputs: PowerStateInputs = {
        ...news,
        ...(told && { changes: told }),
        ...(left && { leftovers: left.leftovers }),
        ...(restart?.byPowerState && { restart: restart.nics }),
    };
    return { inputs, problems };
}

/** The restart that the plan comes to, where the VM's owner agrees to it: a detach that needs one brings its own. */
function plannedRestart(
    view: VmView,
    news: PowerStateInputs,
    changes: readonly PlannedChange[],
): { change: PlannedChange; nics: string[]; byPowerState: boolean } | undefined {
    if (news.onRestartRequired !== "restart" || powerOf(view) !== "running") {
        return undefined;
    }
    const planned = changes.filter(({ impact }) => impact === "restart");
    const waiting = Object.keys(news.networks).filter((nic) => awaitsRestart(view, nic));
    const nics = [...new Set([...planned.flatMap(({ nic = [] }) => nic), ...waiting])].sort();
    if (nics.length === 0) {
        return undefined;
    }
    const reason = `once and last, for ${nics.join(", ")}`;
    const byPowerState = !planned.some(({ action }) => action === "detach");
    return { change: { action: "restart", impact: "restart", reason }, nics, byPowerState };
}

/** Whether the running VM has the NIC, as it is declared. */
export function isInForce(view: VmView, nic: string): boolean {
    const { phase } = nicPhase(nic, factsOf(view, {}));
    return phase === "attached" || phase === "guest-visible";
}

function awaitsRestart(view: VmView, nic: string): boolean {
    const { phase } = nicPhase(nic, factsOf(view, {}));
    return phase === "restart-required" || phase === "restart-required-silent";
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
    { namespace, vm, manager, preview, adopt }: PowerStateInputs,
    vmUid: string | undefined,
    { vm: found }: VmView,
): Problem[] {
    const owner = found?.metadata.annotations?.[MANAGER_ANNOTATION];
    if (!found && adopt === true) {
        return [
            {
                vm: `${namespace}/${vm}`,
                field: "adopt",
                rule: "the cluster has no VM of that name to take over",
                remedy: "check namespace and vmName, or leave adopt out to have it made",
            },
        ];
    }
    if (
        !found ||
        owner === manager ||
        (owner === undefined && adopt === true) ||
        (preview !== true && found.metadata.uid === vmUid)
    ) {
        return [];
    }
    return [
        {
            vm: `${namespace}/${vm}`,
            field: "name",
            rule: "the cluster has a VM of that name already",
            holder: owner === undefined ? "nobody's stack (it was made by hand)" : `stack ${owner}`,
            remedy:
                owner === undefined
                    ? "choose another name, or take that VM over (wukong import vm prints a program that does)"
                    : "choose another name, or delete that VM",
        },
    ];
}

function attaches(before: PowerStateInputs["networks"], after: PowerStateInputs["networks"]): PlannedChange[] {
    return Object.entries(after)
        .filter(([name, nic]) => !sameNic(before[name], nic))
        .map(([name, nic]) => {
            const { impact, reason = "" } = nic;
            const added = impact === "none" ? "adopt" : "attach";
            return nicChange(before[name] ? "change" : added, name, nic, impact ? { impact, reason } : NOT_REACHED);
        });
}

async function detaches(
    client: ClusterClient,
    view: VmView,
    news: PowerStateInputs,
    before: PowerStateInputs["networks"],
): Promise<{ changes: PlannedChange[]; problems: Problem[] }> {
    const consent = consentOf(news);
    const facts = {
        ...(await impactFacts(client, view)),
        requestsMigration: consent.onMigrationRequired === "request",
    };
    const changes: PlannedChange[] = [];
    const problems: Problem[] = [];
    for (const [name, nic] of Object.entries(before).filter(([name]) => news.networks[name] === undefined)) {
        const change = { kind: "detach", nic: specOf(name, nic) } as const;
        const verdict = doable(change, classifyChange(change, { ...facts, isPrimary: nic.primary }), consent);
        const place = { vm: `${news.namespace}/${news.vm}`, nic: name, field: "networks" };
        changes.push(nicChange("detach", name, nic, verdict));
        problems.push(...consentProblems(verdict, consent, place));
        if (verdict.impact === "refused") {
            problems.push({ ...place, rule: verdict.reason, remedy: "leave the NIC in the program" });
        }
    }
    return { changes, problems };
}

/** What an interrupted update has left over and this one removes; what cannot be removed now is only warned of. */
async function removals(
    client: ClusterClient,
    view: VmView,
    inputs: PowerStateInputs,
    before: PowerStateInputs["networks"],
): Promise<{ changes: PlannedChange[]; leftovers: Leftovers } | undefined> {
    const { nics, reservations, verdicts } = await findLeftovers(client, inputs, before, view);
    const removable = nics.filter(({ name }) => verdicts[name]?.impact !== "refused");
    for (const { name } of nics.filter((nic) => !removable.includes(nic))) {
        const reason = verdicts[name]?.reason ?? "";
        warnOnce(`NIC "${name}" of VM "${inputs.namespace}/${inputs.vm}" ${LEFT_OVER} and stays: ${reason}.`);
    }
    if (removable.length === 0 && reservations.length === 0) {
        return undefined;
    }
    const changes: PlannedChange[] = [
        ...removable.map((nic) => {
            const { impact, reason } = verdicts[nic.name] ?? NOT_REACHED;
            const verdict = { impact, reason: `${LEFT_OVER}; ${reason}` } as ImpactVerdict;
            return nicChange("detach", nic.name, { ...nic, addresses: [] }, verdict);
        }),
        ...reservations.map(({ address, space }): PlannedChange => ({
            action: "release",
            addresses: [address],
            impact: "none",
            reason: `${LEFT_OVER}, in the space ${space}`,
        })),
    ];
    return { changes, leftovers: { nics: removable, reservations } };
}

const LEFT_OVER = "an interrupted update left it behind";

/** The detaches of a preview that cannot reach the cluster. */
function unplanned(
    before: PowerStateInputs["networks"] | undefined,
    after: PowerStateInputs["networks"],
): PlannedChange[] {
    return Object.entries(before ?? {})
        .filter(([name]) => after[name] === undefined)
        .map(([name, nic]) => nicChange("detach", name, nic, NOT_REACHED));
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
