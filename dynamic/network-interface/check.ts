import { connectionKey } from "../../cluster/connection";
import type { ClusterClient } from "../../cluster/client";
import { NETWORK_ATTACHMENT_DEFINITION, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE } from "../../cluster/kinds";
import type { Need } from "../../cluster/preflight";
import { impactFacts } from "../../cluster/impact-facts";
import { readVm, wrongCluster, type VmView } from "../../cluster/virtual-machine";
import { networkNameProblems, podNetworkProblems, probeProblemsOfReplacement } from "../../core/admission";
import { consentProblems, type Consent } from "../../core/consent";
import { classifyChange, combined, type ImpactVerdict, type NicChange } from "../../core/impact";
import { macFor, normalizeMac } from "../../core/mac";
import { NETWORK_TYPES } from "../../core/cni-config";
import { readNadConfig } from "../../core/cni/nad-config";
import { networkSwap } from "../../core/network-swap";
import { validateNics } from "../../core/nic";
import type { Problem } from "../../core/problem";
import { listsOf } from "../../core/vm-networks";
import {
    checkWith,
    clientForCheck,
    consentOf,
    containsUnknown,
    needsOfConsent,
    type Checked,
    type CheckRequest,
} from "../handler";
import { listedNicsWithMac, nadsAnew, nadsOf, type Nad } from "../listing";
import { declarationOf, specOf, type NetworkInterfaceInputs } from "./inputs";
import { checkParent, claimParent, needsOfParent } from "./macvlan-parent";
import { hasLost, presentNic } from "./present-nic";
import { isNewVm, viewForCheck } from "./run-view";
import { announce, expectChange } from "./siblings";

/** Fields that make another NIC of it. */
export const IDENTITY = ["namespace", "vm", "nic", "type", "nadName", "macAddress", "model"] as const;

/** Fields that are changed on the NIC as it is. */
export const MUTABLE = ["linkState", "addresses"] as const;

export const check = checkWith<NetworkInterfaceInputs>(async (request) => {
    const { namespace, vm, nic, siblings = [] } = request.news;
    announce(`${namespace}/${vm}`, siblings);
    const { inputs, problems } = await checkNic(request);
    if (!request.olds) {
        expectChange(`${namespace}/${vm}`, nic);
    }
    const stored = { ...inputs };
    delete stored.siblings;
    delete stored.nadDeclared;
    delete stored.parentDevice;
    return { inputs: stored, problems };
});

async function checkNic({
    olds,
    news,
}: CheckRequest<NetworkInterfaceInputs>): Promise<Checked<NetworkInterfaceInputs>> {
    const inputs = withDefaults(news);
    // The VM's uid is not known before the VM is: everything else is checked without it.
    const { vmUid, ...declared } = inputs;
    if (!olds && inputs.preview === true) {
        // The uid of a dry run is none that the VM will have.
        delete inputs.vmUid;
    }
    if (containsUnknown(declared)) {
        return { inputs, problems: [] };
    }
    const place = { vm: `${inputs.namespace}/${inputs.vm}`, nic: inputs.nic };
    const declaration = declarationOf(inputs);
    const problems = [...validateNics(place.vm, [declaration]), ...networkNameProblems(place, declaration)];
    if (problems.length > 0) {
        return { inputs, problems };
    }
    problems.push(...claimMac(inputs, place), ...claimParent(inputs, place));
    const client = await clientForCheck(inputs, `NIC ${inputs.nic} of VM ${place.vm}`, needsOf(inputs));
    if (!client) {
        return { inputs: unclassified(inputs, olds), problems };
    }
    const same = olds !== undefined && sameFields(olds, inputs);
    const first = await viewForCheck(client, { ...inputs, vmUid }, same && olds.vmUid === vmUid);
    // What is about to be mended is looked at as it is now.
    const view = same && hasLost(first, inputs) ? await readVm(client, inputs.namespace, inputs.vm) : first;
    // A NIC that goes along to another VM is looked for in that one.
    const stays = olds?.namespace === inputs.namespace && olds.vm === inputs.vm;
    const stranger = foreignVm(client, inputs, stays ? olds.vmUid : undefined, vmUid, view);
    if (stranger !== undefined) {
        return { inputs, problems: [...problems, stranger] };
    }
    problems.push(...podNetworkProblems(place, declaration, listsOf(view.vm ?? {}), inputs.siblings ?? []));
    problems.push(...(await checkNad(client, inputs, place)), ...(await checkMacInCluster(client, inputs, place)));
    problems.push(...(problems.length > 0 ? [] : await checkParent(client, inputs, place)));
    const lost = olds !== undefined && hasLost(view, inputs);
    const found = presentNic(view, inputs);
    const interrupted = same && found?.isLeftOver === true;
    if (same && !lost && !interrupted) {
        return { inputs: { ...inputs, ...verdictOf(olds) }, problems };
    }
    if (stays && !lost && olds.type === "pod" && isReplaced(olds, inputs)) {
        problems.push(...probeProblemsOfReplacement(place, templateSpecOf(view)));
    }
    const present = isKnown(olds, inputs) && !interrupted ? undefined : found;
    if (present?.conflict !== undefined && !present.isLeftOver) {
        problems.push({
            ...place,
            field: "name",
            rule: present.conflict,
            remedy: "declare the NIC as the VM has it to take it over, or choose another name",
        });
        return { inputs, problems };
    }
    const before = present ? { ...inputs, ...present.fields, addresses: interrupted ? inputs.addresses : [] } : olds;
    const { swap, ...cost } = await classify(client, lost ? undefined : before, inputs, view);
    const verdict = present && cost.impact === "none" ? { ...cost, reason: "the VM has it already" } : cost;
    problems.push(...consentProblems(verdict, consentOf(inputs), { ...place, field: "networks" }));
    if (verdict.impact === "refused") {
        problems.push({
            ...place,
            field: "networks",
            rule: verdict.reason,
            remedy: "remove what is in the way, or leave the NIC as it is",
        });
    }
    const done = { ...(lost && { lost }), ...(interrupted && { interrupted }), ...(swap && { swap }) };
    return { inputs: { ...inputs, ...verdict, ...done }, problems };
}

/** NICs that are in the state: the engine checks one that it replaces again, as if it were new. */
const inState = new Set<string>();

function isKnown(olds: NetworkInterfaceInputs | undefined, { namespace, vm, nic }: NetworkInterfaceInputs): boolean {
    const key = `${namespace}/${vm}/${nic}`;
    if (olds) {
        inState.add(key);
    }
    return inState.has(key);
}

function withDefaults(news: NetworkInterfaceInputs): NetworkInterfaceInputs {
    const inputs = { ...news };
    const given = news.macAddress;
    if (given === undefined && !containsUnknown([news.namespace, news.vm, news.nic])) {
        inputs.macAddress = macFor(news.namespace, news.vm, news.nic);
    } else if (given !== undefined && !containsUnknown(given)) {
        const mac = normalizeMac(given);
        inputs.macAddress = mac.ok ? mac.value : given;
    }
    return inputs;
}

/** What this noun does in the NIC's namespace. */
function needsOf(inputs: NetworkInterfaceInputs): Need[] {
    const { namespace, nadName } = inputs;
    const needs: Need[] = [
        { kind: VIRTUAL_MACHINE, namespace, verbs: ["get", "list", "watch", "patch"] },
        { kind: VIRTUAL_MACHINE_INSTANCE, namespace, verbs: ["get", "list", "watch"] },
        ...needsOfConsent(inputs),
    ];
    const nadNamespace = nadName?.split("/")[0];
    return nadNamespace === undefined
        ? needs
        : [
              ...needs,
              { kind: NETWORK_ATTACHMENT_DEFINITION, namespace: nadNamespace, verbs: ["list"] },
              ...needsOfParent(inputs),
          ];
}

type Place = Required<Pick<Problem, "vm" | "nic">>;

/** MAC addresses that the NICs of this program have, and whose they are. */
const claimed = new Map<string, string>();

function claimMac({ macAddress, ...inputs }: NetworkInterfaceInputs, place: Place): Problem[] {
    if (macAddress === undefined || containsUnknown(inputs.connection)) {
        return [];
    }
    const owner = `NIC "${inputs.nic}" of VM "${inputs.namespace}/${inputs.vm}"`;
    const key = `${connectionKey(inputs.connection)} ${macAddress}`;
    const holder = claimed.get(key) ?? owner;
    claimed.set(key, holder);
    return holder === owner ? [] : [macTaken(macAddress, place, holder)];
}

function macTaken(macAddress: string, place: Place, holder: string): Problem {
    return {
        ...place,
        field: "macAddress",
        value: macAddress,
        rule: "a MAC address belongs to one NIC",
        holder,
        remedy: "choose another, or leave macAddress out to get one of the NIC's own",
    };
}

async function checkMacInCluster(
    client: ClusterClient,
    { namespace, vm, macAddress = "" }: NetworkInterfaceInputs,
    place: Place,
): Promise<Problem[]> {
    const nics = await listedNicsWithMac(client, namespace, macAddress);
    const other = nics.find((each) => each.vm !== vm);
    return other
        ? [macTaken(macAddress, place, `NIC "${other.nic}" of VM "${namespace}/${other.vm}" in the cluster`)]
        : [];
}

async function checkNad(client: ClusterClient, inputs: NetworkInterfaceInputs, place: Place): Promise<Problem[]> {
    if (inputs.nadName === undefined || (inputs.nadDeclared === true && inputs.preview === true)) {
        return [];
    }
    const [namespace = "", name = ""] = inputs.nadName.split("/");
    const judge = (nads: readonly Nad[]): Problem[] => {
        const found = nads.find((nad) => nad.metadata.name === name);
        if (found) {
            return pluginProblems(readNadConfig(found.spec?.config)?.plugin, inputs, place);
        }
        const known = nads.map((nad) => nad.metadata.name);
        return [
            {
                ...place,
                field: "nadName",
                value: inputs.nadName,
                rule: `the cluster has no such NetworkAttachmentDefinition; namespace ${namespace} has ${known.join(", ") || "none"}`,
                remedy: "name one that exists, or declare a Network",
            },
        ];
    };
    const problems = judge(await nadsOf(client, namespace));
    // An update may have made it, or changed it, since it began.
    return problems.length > 0 && inputs.preview !== true ? judge(await nadsAnew(client, namespace)) : problems;
}

/** The type of the NIC decides on its binding, which fits one kind of plugin; of others nothing is known. */
function pluginProblems(
    plugin: string | undefined,
    { type, nadName }: NetworkInterfaceInputs,
    place: Place,
): Problem[] {
    const wanted = NETWORK_TYPES.find((each) => each === plugin);
    return wanted === undefined || wanted === type
        ? []
        : [
              {
                  ...place,
                  field: "type",
                  value: type,
                  rule: `the NetworkAttachmentDefinition ${nadName ?? ""} is for the CNI plugin ${wanted}`,
                  remedy: `write type: "${wanted}", or name another network`,
              },
          ];
}

/**
 * The sentence for a VM that is not the stack's: state and cluster disagree about its uid. In an update the uid of the
 * declared VM (which may have been replaced a moment ago) counts as well; in a preview it says nothing.
 */
function foreignVm(
    client: ClusterClient,
    { namespace, vm, preview }: NetworkInterfaceInputs,
    known: string | undefined,
    declared: string | undefined,
    view: VmView,
): string | undefined {
    const expected = [known, preview === true || containsUnknown(declared) ? undefined : declared].filter(
        (uid) => uid !== undefined,
    );
    const found = view.vm?.metadata.uid;
    const [first] = expected;
    if (first === undefined || (found !== undefined && expected.includes(found))) {
        return undefined;
    }
    const said = found === undefined ? "has no VM of that name" : `has another VM of that name, with uid ${found}`;
    return wrongCluster(client, namespace, vm, first, said);
}

/** Whether the NIC is declared as it was. */
export function sameFields(olds: NetworkInterfaceInputs, news: NetworkInterfaceInputs): boolean {
    return [...IDENTITY, ...MUTABLE].every((field) => JSON.stringify(olds[field]) === JSON.stringify(news[field]));
}

function verdictOf({ impact, reason }: NetworkInterfaceInputs): Partial<ImpactVerdict> {
    return { ...(impact !== undefined && { impact }), ...(reason !== undefined && { reason }) };
}

/** A preview without the cluster says nothing of the cost. */
function unclassified(
    inputs: NetworkInterfaceInputs,
    olds: NetworkInterfaceInputs | undefined,
): NetworkInterfaceInputs {
    return olds && sameFields(olds, inputs) ? { ...inputs, ...verdictOf(olds) } : inputs;
}

/** What the change from `olds` to `inputs` costs the VM as it is now; `swap` where KubeVirt moves the NIC to its network. */
async function classify(
    client: ClusterClient,
    olds: NetworkInterfaceInputs | undefined,
    inputs: NetworkInterfaceInputs,
    view: VmView,
): Promise<ImpactVerdict & { swap?: true }> {
    const known = await impactFacts(client, view);
    const consent = consentOf(inputs);
    const facts: typeof known = {
        ...known,
        ...(isNewVm(view) && { vm: "absent" }),
        requestsMigration: consent.onMigrationRequired === "request",
    };
    const moved =
        olds &&
        changesNetworkAlone(olds, inputs) &&
        networkSwap(specOf(inputs), { ...facts, isPrimary: inputs.primary }, consent.onMigrationRequired);
    const changes = changesBetween(moved ? { ...olds, nadName: inputs.nadName } : olds, inputs);
    const verdicts = changes.map((change) => {
        // A NIC that is taken off to be attached anew is not removed, so its being primary is no obstacle.
        const isPrimary = inputs.primary && change.kind !== "detach";
        return doable(change, classifyChange(change, { ...facts, isPrimary }), consent);
    });
    verdicts.push(...(moved ? [moved] : []));
    return { ...combined(verdicts), ...(moved && { swap: true }) };
}

function isReplaced(olds: NetworkInterfaceInputs, news: NetworkInterfaceInputs): boolean {
    return IDENTITY.some((field) => olds[field] !== news[field]);
}

function templateSpecOf({ vm }: VmView): Readonly<Record<string, unknown>> | undefined {
    return vm?.spec?.template?.spec;
}

function changesNetworkAlone(olds: NetworkInterfaceInputs, news: NetworkInterfaceInputs): boolean {
    const changed = IDENTITY.filter((field) => olds[field] !== news[field]);
    return changed.length === 1 && changed[0] === "nadName";
}

/**
 * An unplug that only a restart would bring is made only together with the restart: else KubeVirt drops the NIC from the VM
 * and keeps it in the guest.
 */
export function doable(change: NicChange, verdict: ImpactVerdict, { onRestartRequired }: Consent): ImpactVerdict {
    return change.kind === "detach" && verdict.impact === "restart" && onRestartRequired !== "restart"
        ? {
              impact: "refused",
              reason: `${verdict.reason}; stop the VM first (runStrategy: "Halted"), or set onRestartRequired: "restart"`,
          }
        : verdict;
}

function changesBetween(olds: NetworkInterfaceInputs | undefined, news: NetworkInterfaceInputs): NicChange[] {
    const nic = specOf(news);
    const told: NicChange[] = news.addresses.length > 0 ? [{ kind: "address", nic }] : [];
    if (!olds || olds.namespace !== news.namespace || olds.vm !== news.vm || olds.nic !== news.nic) {
        return [{ kind: "attach", nic }, ...told];
    }
    if (isReplaced(olds, news)) {
        return [{ kind: "detach", nic: specOf(olds) }, { kind: "attach", nic }, ...told];
    }
    const readdressed = JSON.stringify(olds.addresses) !== JSON.stringify(news.addresses);
    return [
        ...(olds.linkState === news.linkState ? [] : [{ kind: "link", nic, to: news.linkState } as const]),
        ...(readdressed ? [{ kind: "address", nic } as const] : []),
    ];
}
