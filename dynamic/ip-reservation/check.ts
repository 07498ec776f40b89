import type { ClusterClient } from "../../cluster/client";
import { identityOf } from "../../cluster/identity";
import { IP_POOL, IP_RESERVATION } from "../../cluster/kinds";
import type { Need } from "../../cluster/preflight";
import { parseInterfaceAddress, parseAddress, type Address } from "../../core/ip";
import { validateIpConfig } from "../../core/ip-config";
import {
    arithmeticClause,
    blockOf,
    checkStaticAddress,
    compilePool,
    planAddress,
    usedAddresses,
    validatePool,
    type CompiledPool,
} from "../../core/pool";
import { errorsOf } from "../../core/problem";
import { checkWith, clientForCheck, containsUnknown, type Checked, type CheckRequest } from "../handler";
import type { IPReservationInputs } from "./inputs";
import { claim, claimedBy, rivalOf } from "./claims";
import { holderOf, ownerName, reservationsOf, resolvePool, type Reservation } from "./ledger";
import { at, placeOf, type AddressPlace } from "./place";

/** What an address is asked for and by whom, once everything is known. */
interface Request {
    readonly inputs: IPReservationInputs;
    readonly olds: IPReservationInputs | undefined;
    readonly place: AddressPlace;
    readonly space: string;
    readonly pool: CompiledPool | undefined;
    /** What the cluster holds; undefined where a preview cannot reach it. */
    readonly held: readonly Reservation[] | undefined;
}

export const check = checkWith<IPReservationInputs>(async (request) => {
    const { inputs, problems } = await checkReservation(request);
    const { resource: _resource, ...stored } = inputs;
    return { inputs: stored, problems };
});

async function checkReservation({
    olds,
    news,
}: CheckRequest<IPReservationInputs>): Promise<Checked<IPReservationInputs>> {
    if (containsUnknown(news)) {
        return { inputs: carriedOver(olds, news), problems: [] };
    }
    const place = placeOf(news);
    const needs: Need[] = [{ kind: IP_RESERVATION, verbs: ["get", "list", "create", "patch", "delete"] }];
    if (typeof news.pool === "string") {
        needs.push({ kind: IP_POOL, verbs: ["get", "list"] });
    }
    const declared = typeof news.pool === "object" ? [{ kind: IP_POOL }] : [];
    const client = await clientForCheck(news, `the address of ${ownerName(news.owner)}`, needs, declared);
    const pool = news.pool === undefined ? undefined : await resolvePool(client, news.pool, place);
    if (pool !== undefined && "rule" in pool) {
        return { inputs: news, problems: [pool] };
    }
    if (news.pool !== undefined && pool === undefined) {
        return { inputs: carriedOver(olds, news), problems: [] };
    }
    const problems = pool ? errorsOf(validatePool(pool)) : [];
    const space = pool?.space ?? news.space ?? "";
    if (problems.length > 0) {
        return { inputs: news, problems };
    }
    const rival = rivalOf(space, news);
    if (rival !== undefined) {
        const rule = `an owner has one address in the space "${space}"`;
        const remedy = "give each reservation an owner of its own";
        return {
            inputs: news,
            problems: [{ ...place, field: "owner", value: news.owner, rule, holder: rival, remedy }],
        };
    }
    const cluster = client && (await identityOf(client));
    const request: Request = {
        inputs: { ...news, ...(cluster !== undefined && { cluster }) },
        olds,
        place,
        space,
        pool: pool && compilePool(pool),
        held: client && (await heldIn(client, space)),
    };
    return news.requested === undefined ? checkAutomatic(request) : checkStatic(request, news.requested);
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
    const holder = request.held?.find(({ spec }) => spec.address === address.text && !isOwn(request, spec.owner));
    const claimant = claim(space, address.text, inputs);
    const taken = holder ? holderOf(holder) : claimant;
    if (taken !== undefined) {
        return {
            inputs,
            problems: [
                ...problems,
                {
                    ...at(place, "address"),
                    value: requested,
                    rule: `in the space "${space}" an address is given out once`,
                    holder: taken,
                    remedy: "choose another address, or have its holder give it back first",
                },
            ],
        };
    }
    return { inputs: filled(request, address), problems };
}

function checkAutomatic(request: Request): Checked<IPReservationInputs> {
    const { inputs, olds, pool, place, space, held } = request;
    if (!pool) {
        const remedy = "name an address, or a pool to take one from";
        return { inputs, problems: [{ ...at(place, "address"), rule: "there is none", remedy }] };
    }
    // Another owner (a VM that moves to another namespace) is another reservation, made before the old one goes.
    const same = olds?.owner === inputs.owner && olds.requested === undefined && poolName(olds) === pool.spec.name;
    const kept = same ? olds.address : undefined;
    const taken = held?.find(({ spec }) => spec.address === kept && !isOwn(request, spec.owner));
    const left = held?.find(({ spec }) => isOwn(request, spec.owner) && spec.pool === pool.spec.name);
    // What is held counts for more than what was planned: another may have been faster then.
    const known = addressIn(left?.spec.address ?? kept ?? "");
    const used = usedAddresses(pool, [...(held ?? []).map(({ spec }) => spec.address), ...claimedBy(space, inputs)]);
    const planned = known ?? planAddress(pool, used, inputs.owner);
    if (!planned) {
        return {
            inputs,
            problems: [
                {
                    ...at(place, "pool"),
                    value: pool.spec.name,
                    rule: `the pool is full (${arithmeticClause(pool, used)})`,
                    remedy: "widen the pool's ranges, or release addresses",
                },
            ],
        };
    }
    if (known && taken && !left) {
        const rule = "the reservation was removed from the cluster, and its address given to another";
        const remedy = "run `pulumi refresh`; the next update takes another address";
        const field = at(place, "address");
        return { inputs, problems: [{ ...field, value: known.text, rule, holder: holderOf(taken), remedy }] };
    }
    const outside = known ? checkStaticAddress(pool, known.text, at(place, "pool")) : [];
    if (errorsOf(outside).length > 0) {
        return { inputs, problems: outside };
    }
    claim(space, planned.text, inputs);
    return { inputs: filled(request, planned), problems: [] };
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
function filled({ inputs, olds, pool, space, held }: Request, address: Address): IPReservationInputs {
    const block = pool && blockOf(pool, address);
    const own = parseInterfaceAddress(inputs.requested ?? "");
    const prefixLength = block?.subnet.prefixLength ?? (own.ok ? own.value.subnet.prefixLength : undefined);
    // A preview takes an output without a value for one that is not known yet.
    const gateway = block?.gateway?.text ?? inputs.declaredGateway ?? "";
    return {
        ...inputs,
        space,
        address: address.text,
        ...(prefixLength !== undefined && { prefixLength, cidr: `${address.text}/${String(prefixLength)}` }),
        gateway,
        dnsServers: [...(pool?.spec.dnsServers ?? [])],
        searchDomains: [...(pool?.spec.searchDomains ?? [])],
        ...(isLost(olds, held, address) && { lost: true as const }),
    };
}

/** Whether the state has the reservation and the cluster, which was asked, has it no more. */
function isLost(olds: IPReservationInputs | undefined, held: Request["held"], address: Address): boolean {
    return (
        olds?.address === address.text && held !== undefined && !held.some(({ spec }) => spec.address === address.text)
    );
}

/** Reservations of a space, read once in a run; `create` reads anew where it finds them changed. */
const heldSpaces = new Map<string, Promise<Reservation[]>>();

async function heldIn(client: ClusterClient, space: string): Promise<Reservation[]> {
    const key = `${client.server} ${space}`;
    const held = heldSpaces.get(key) ?? reservationsOf(client, space);
    heldSpaces.set(key, held);
    return held;
}

function isOwn({ inputs }: Pick<Request, "inputs">, owner: Reservation["spec"]["owner"]): boolean {
    return owner.key === inputs.owner && owner.manager === inputs.manager;
}

export function poolName(inputs: Pick<IPReservationInputs, "pool"> | undefined): string | undefined {
    return typeof inputs?.pool === "object" ? inputs.pool.name : inputs?.pool;
}

function addressIn(text: string): Address | undefined {
    const address = parseAddress(text.split("/")[0] ?? "");
    return address.ok ? address.value : undefined;
}
