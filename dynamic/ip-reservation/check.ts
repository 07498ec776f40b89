import { allocationNeeds } from "../../cluster/ipam/needs";
import { AddressSpace } from "../../cluster/ipam/space";
import { planFor } from "../../cluster/ipam/allocate";
import { addressOfReservation, holderOf, isOpenTo, ownerName } from "../../cluster/ipam/ledger";
import type { Reservation } from "../../cluster/ipam/objects";
import { compiledPool } from "../../cluster/ipam/pools";
import { addressConflicts } from "../../core/conflicts";
import type { ClusterClient } from "../../cluster/client";
import { connectionKey } from "../../cluster/connection";
import { identityOf } from "../../cluster/identity";
import { parseInterfaceAddress, parseAddress, type Address, type Family } from "../../core/ip";
import { validateIpConfig } from "../../core/ip-config";
import {
    blockOf,
    checkStaticAddress,
    defaultFamily,
    validatePool,
    whyNoAddress,
    type CompiledPool,
} from "../../core/pool";
import { errorsOf, type Problem } from "../../core/problem";
import { nicOfOwner } from "../../core/reservation";
import { checkWith, clientForCheck, containsUnknown, type Checked, type CheckRequest } from "../handler";
import { foreignView, type ForeignView } from "./foreign";
import { rivalOf } from "./rivals";
import type { EarlierRequest, IPReservationInputs } from "./inputs";
import { at, placeOf, type AddressPlace } from "./place";
import { resolvePool } from "./resolve-pool";

/** What an address is asked for and by whom, once everything is known. */
interface Request {
    readonly inputs: IPReservationInputs;
    readonly olds: IPReservationInputs | undefined;
    readonly place: AddressPlace;
    readonly pool: CompiledPool | undefined;
    readonly space: AddressSpace;
    /** Whether the cluster was asked what it holds. */
    readonly reached: boolean;
    /** Who uses addresses without a reservation; nobody where the address has been the owner's before. */
    readonly foreign: ForeignView;
}

export const check = checkWith<IPReservationInputs>(async (request) => {
    const { inputs, problems } = await checkReservation(request);
    const { resource: _resource, earlier: _earlier, ...stored } = inputs;
    return { inputs: stored, problems };
});

async function checkReservation({
    olds,
    news,
}: CheckRequest<IPReservationInputs>): Promise<Checked<IPReservationInputs>> {
    const { earlier, ...declared } = news;
    if (containsUnknown(declared)) {
        return { inputs: carriedOver(olds, news), problems: [] };
    }
    const place = placeOf(news);
    const what = `the address of ${ownerName(news.owner)}`;
    const client = await clientForCheck(news, what, ...allocationNeeds(news.pool));
    const spec = news.pool === undefined ? undefined : await resolvePool(client, news.pool, place);
    if (spec !== undefined && "rule" in spec) {
        return { inputs: news, problems: [spec] };
    }
    if (news.pool !== undefined && spec === undefined) {
        return { inputs: carriedOver(olds, news), problems: [] };
    }
    const problems = spec ? errorsOf(validatePool(spec)) : [];
    const name = spec?.space ?? news.space ?? "";
    if (problems.length > 0) {
        return { inputs: news, problems };
    }
    const pool = spec && compiledPool(spec);
    const asked = addressIn(news.requested ?? "");
    const rival = rivalOf(name, news, asked?.family ?? (pool && familyOf(news.family, pool)));
    if (rival !== undefined) {
        const rule = `an owner has one address of a family in the space "${name}"`;
        const remedy = "give each reservation an owner of its own";
        return {
            inputs: news,
            problems: [{ ...place, field: "owner", value: news.owner, rule, holder: rival, remedy }],
        };
    }
    const cluster = client && (await identityOf(client));
    const space = client
        ? await AddressSpace.of(client, name)
        : AddressSpace.unreachable(connectionKey(news.connection), name);
    const request: Request = {
        inputs: { ...news, ...(cluster !== undefined && { cluster }) },
        olds,
        place,
        pool,
        space,
        reached: client !== undefined,
        foreign:
            client && !hasAddress(space, news, olds)
                ? await foreignView(client, space, pool, news.network)
                : { holders: new Map(), problems: [] },
    };
    await settleEarlier(request, client, earlier);
    const checked = news.requested === undefined ? checkAutomatic(request) : checkStatic(request, news.requested);
    return { ...checked, problems: [...checked.problems, ...macProblems(request), ...request.foreign.problems] };
}

/** Whether the owner has an address of the space already, so that nothing is chosen or asked for anew. */
function hasAddress(
    space: AddressSpace,
    { owner, requested }: IPReservationInputs,
    olds: IPReservationInputs | undefined,
): boolean {
    const asked = addressIn(requested ?? olds?.address ?? "");
    return space.holdingsOf(owner).some(({ spec }) => spec.address === asked?.text);
}

/** Plans what the program asked for before this, as its own checks do or will: their order in a run decides nothing. */
async function settleEarlier(
    { space, pool, inputs }: Request,
    client: ClusterClient | undefined,
    earlier: IPReservationInputs["earlier"],
): Promise<void> {
    if (earlier === undefined || containsUnknown(earlier)) {
        return;
    }
    const requests = JSON.parse(earlier) as EarlierRequest[];
    if (client && requests.some(({ owner }) => space.holdingsOf(owner).length === 0)) {
        // What others use is not chosen for these either. What is wrong with the sources, their own checks tell.
        await foreignView(client, space, pool, inputs.network);
    }
    for (const { owner: key, requested, family } of requests) {
        const asked = addressIn(requested ?? "");
        if (asked) {
            space.claim(asked, key);
        } else if (pool && !space.planOf(key, familyOf(family, pool))) {
            planFor(space, { pool, owner: { key, manager: inputs.manager }, family: familyOf(family, pool) });
        }
    }
}

function checkStatic(request: Request, requested: string): Checked<IPReservationInputs> {
    const { inputs, pool, place, space } = request;
    const gateway = inputs.declaredGateway;
    const problems = pool
        ? checkStaticAddress(pool, requested, at(place, "address"))
        : validateIpConfig("", "", "bridge", {
              mode: "static",
              address: requested,
              ...(gateway !== undefined && { gateway }),
          }).map(({ vm: _vm, nic: _nic, field, ...problem }) => ({
              ...problem,
              ...at(place, field === "ipConfig.gateway" ? "gateway" : "address"),
          }));
    const address = addressIn(requested);
    if (errorsOf(problems).length > 0 || !address) {
        return { inputs, problems };
    }
    problems.push(...addressConflicts(request.foreign.holders, requested, at(place, "address"), inputs.owner));
    const holder = space.holding(address);
    const claimant = space.claim(address, inputs.owner);
    const taken =
        holder && !isOwn(request, holder)
            ? holderOf(holder)
            : claimant === inputs.owner
              ? undefined
              : `${ownerName(claimant)} of this program`;
    if (taken !== undefined) {
        return {
            inputs,
            problems: [
                ...problems,
                {
                    ...at(place, "address"),
                    value: requested,
                    rule: `in the space "${space.name}" an address is given out once`,
                    holder: taken,
                    remedy: "choose another address, or have its holder give it back first",
                },
            ],
        };
    }
    return { inputs: filled(request, address), problems };
}

function checkAutomatic(request: Request): Checked<IPReservationInputs> {
    const { inputs, olds, pool, place, space } = request;
    if (!pool) {
        const remedy = "name an address, or a pool to take one from";
        return { inputs, problems: [{ ...at(place, "address"), rule: "there is none", remedy }] };
    }
    const family = familyOf(inputs.family, pool);
    const kept = keptAddress(request, pool);
    const holder = kept && space.holding(kept);
    if (kept && holder && !isOwn(request, holder)) {
        const rule = "the reservation was removed from the cluster, and its address given to another";
        const remedy = "run `pulumi refresh`; the next update takes another address";
        const field = at(place, "address");
        return { inputs, problems: [{ ...field, value: kept.text, rule, holder: holderOf(holder), remedy }] };
    }
    const adopt = inputs.adopt === true && { adopt: true };
    const owner = { key: inputs.owner, manager: olds?.manager ?? inputs.manager };
    const planned = kept ?? planFor(space, { pool, owner, family, ...adopt });
    if (!planned) {
        const why = whyNoAddress(pool, space.usedIn(pool), family);
        return { inputs, problems: [{ ...at(place, "pool"), value: pool.spec.name, ...why }] };
    }
    const outside = kept ? checkStaticAddress(pool, kept.text, at(place, "pool")) : [];
    if (errorsOf(outside).length > 0) {
        return { inputs, problems: outside };
    }
    space.plan(inputs.owner, planned);
    return { inputs: filled(request, planned), problems: [] };
}

/**
 * The address that the state has, where the same is asked for again. Another owner (a VM that moves to another namespace)
 * is another reservation, made before the old one goes. What is held counts for more than what was planned: another may
 * have been faster then.
 */
function keptAddress({ inputs, olds, space }: Request, pool: CompiledPool): Address | undefined {
    const same = olds?.owner === inputs.owner && olds.requested === undefined && poolName(olds) === pool.spec.name;
    const kept = same ? addressIn(olds.address ?? "") : undefined;
    const held = space
        .holdingsOf(inputs.owner)
        .filter(({ spec }) => spec.pool === pool.spec.name)
        .map(addressOfReservation)
        .filter(({ family }) => family === kept?.family);
    return held.length === 0 || held.some(({ text }) => text === kept?.text) ? kept : undefined;
}

/** A MAC address belongs to one NIC of a space; the further addresses of a NIC share it. */
function macProblems({ inputs, space, place }: Request): Problem[] {
    const { macAddress, owner } = inputs;
    if (macAddress === undefined) {
        return [];
    }
    const holder = space
        .holdingsWith(macAddress)
        .find(({ spec }) => spec.state === "Active" && !isSameNic(spec.owner.key, owner));
    return holder
        ? [
              {
                  ...place,
                  field: "macAddress",
                  value: macAddress,
                  rule: `in the space "${space.name}" a MAC address belongs to one NIC`,
                  holder: holderOf(holder),
                  remedy: "choose another, or leave macAddress out to get one of the NIC's own",
              },
          ]
        : [];
}

function isSameNic(key: string, other: string): boolean {
    const nics = [nicOfOwner(key), nicOfOwner(other)];
    return key === other || (nics[0] !== undefined && JSON.stringify(nics[0]) === JSON.stringify(nics[1]));
}

/** Inputs that cannot be planned now, with what was planned before where the same is asked for. */
function carriedOver(olds: IPReservationInputs | undefined, news: IPReservationInputs): IPReservationInputs {
    const same =
        olds && JSON.stringify([poolName(olds), olds.requested]) === JSON.stringify([poolName(news), news.requested]);
    if (!same) {
        return news;
    }
    const { space, address, cidr, prefixLength, gateway, dnsServers, searchDomains, cluster } = olds;
    const planned = { space, address, cidr, prefixLength, gateway, dnsServers, searchDomains, cluster };
    return { ...Object.fromEntries(Object.entries(planned).filter(([, value]) => value !== undefined)), ...news };
}

/** The inputs with what the address brings along. */
function filled(request: Request, address: Address): IPReservationInputs {
    const { inputs, pool, space } = request;
    const block = pool && blockOf(pool, address);
    const own = parseInterfaceAddress(inputs.requested ?? "");
    const prefixLength = block?.subnet.prefixLength ?? (own.ok ? own.value.subnet.prefixLength : undefined);
    // A preview takes an output without a value for one that is not known yet.
    const gateway = block?.gateway?.text ?? inputs.declaredGateway ?? "";
    return {
        ...inputs,
        space: space.name,
        address: address.text,
        ...(prefixLength !== undefined && { prefixLength, cidr: `${address.text}/${String(prefixLength)}` }),
        gateway,
        dnsServers: [...(pool?.spec.dnsServers ?? [])],
        searchDomains: [...(pool?.spec.searchDomains ?? [])],
        ...((isLost(request, address) || isLeftOver(request, address)) && { lost: true as const }),
    };
}

/** Whether an interrupted update has written whose the address is otherwise than state and program have it. */
function isLeftOver(request: Request, address: Address): boolean {
    const { inputs, olds, space } = request;
    const held = space.reservationOf(address);
    const isSame = (["macAddress", "network"] as const).every((field) => olds?.[field] === inputs[field]);
    return (
        isSame &&
        olds?.address === address.text &&
        held !== undefined &&
        isOwn(request, held) &&
        (held.spec.macAddress !== inputs.macAddress || held.spec.network !== inputs.network)
    );
}

/** Whether the state has the reservation and the cluster, which was asked, has it no more, or as one that was released. */
function isLost({ olds, space, reached }: Request, address: Address): boolean {
    return reached && olds?.address === address.text && space.reservationOf(address)?.spec.state !== "Active";
}

/** Whether a reservation is this request's, also from before its stack got another name. */
function isOwn({ inputs, olds }: Request, held: Reservation): boolean {
    const { owner: key, manager, adopt = false } = inputs;
    return [manager, olds?.manager ?? manager].some((each) =>
        isOpenTo(held, { owner: { key, manager: each }, adopt }, new Date(0)),
    );
}

function familyOf(family: EarlierRequest["family"], pool: CompiledPool): Family {
    return family === undefined ? defaultFamily(pool) : family === "IPv4" ? 4 : 6;
}

export function poolName(inputs: Pick<IPReservationInputs, "pool"> | undefined): string | undefined {
    return typeof inputs?.pool === "object" ? inputs.pool.name : inputs?.pool;
}

function addressIn(text: string): Address | undefined {
    const address = parseAddress(text.split("/")[0] ?? "");
    return address.ok ? address.value : undefined;
}
