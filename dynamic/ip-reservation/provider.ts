import { clientFor, type ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { identityOf } from "../../cluster/identity";
import { allocate, userMeanwhile } from "../../cluster/ipam/allocate";
import { amend, holderOf, ownerName, release, take, type Claim } from "../../cluster/ipam/ledger";
import type { Reservation } from "../../cluster/ipam/objects";
import { compiledPool, graceOf } from "../../cluster/ipam/pools";
import { AddressSpace } from "../../cluster/ipam/space";
import { IP_RESERVATION } from "../../cluster/kinds";
import { parseAddress, type Address } from "../../core/ip";
import { blockOf, type CompiledPool } from "../../core/pool";
import { reservationName } from "../../core/reservation";
import { containsUnknown, differs, plainErrors, storedAnew, warnOnce } from "../handler";
import { poolName } from "./check";
import { foreignUser } from "./confirm";
import type { IPReservationInputs, IPReservationState } from "./inputs";
import { resolvePool } from "./resolve-pool";

export { check } from "./check";

/** Changed with the reservation as it is. */
const MUTABLE = ["manager", "macAddress", "network", "retain"] as const;

/** What follows from pool and address, and is only stored. */
const DERIVED = ["prefixLength", "gateway", "dnsServers", "searchDomains"] as const;

export async function diff(
    _id: string,
    olds: IPReservationState,
    news: IPReservationInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces: string[] = (["owner", "space", "family"] as const).filter((field) =>
        differs(olds[field], news[field]),
    );
    if (olds.cluster !== undefined && news.cluster !== undefined && olds.cluster !== news.cluster) {
        replaces.push("connection");
    }
    if (differs(poolName(olds), containsUnknown(news.pool) ? news.pool : poolName(news))) {
        replaces.push("pool");
    }
    // An address that was chosen stays when the program comes to name it, and when it ceases to.
    if (news.requested !== undefined && differs(olds.address, news.address)) {
        replaces.push("requested");
    }
    const updates = [...MUTABLE, ...DERIVED].some((field) => differs(olds[field], news[field]));
    return Promise.resolve({
        changes: replaces.length > 0 || updates || news.lost === true || storedAnew(olds, news),
        replaces,
    });
}

/** Takes the planned address; where another writer was faster, and the program did not ask for just this one, the next. */
export async function create(inputs: IPReservationInputs): Promise<{ id: string; outs: IPReservationState }> {
    const client = clientFor(inputs.connection);
    const outs = inputs.requested === undefined ? await takeAny(client, inputs) : await takeThis(client, inputs);
    return { id: `${outs.space ?? ""}/${outs.address ?? ""}`, outs };
}

export async function update(
    id: string,
    olds: IPReservationState,
    news: IPReservationInputs,
): Promise<{ outs: IPReservationState }> {
    const client = clientFor(news.connection);
    const { lost, ...inputs } = news;
    const { address, cidr, allocationId, allocatedAt } = olds;
    const outs: IPReservationState = { ...inputs, allocationId, allocatedAt, ...definedAddress({ address, cidr }) };
    const amended = await amend(client, tenancyOf(olds), claimOf(news));
    if (!amended && lost === true) {
        return { outs: await takeThis(client, outs) };
    }
    if (!amended) {
        throw new ClusterError("not-found", `The reservation ${id} is gone, or is another's. Run \`pulumi refresh\`.`);
    }
    return { outs };
}

export const read = plainErrors(async (id: string, props: IPReservationState) => {
    const client = clientFor(props.connection);
    await requireSameCluster(client, props);
    const { space: name, address } = tenancyOf(props);
    // A refresh reads many: one list serves them all.
    const held = (await AddressSpace.of(client, name)).reservationOf(address);
    if (!held) {
        return { id: "", props: {} };
    }
    if (held.spec.allocationId !== props.allocationId || held.spec.state === "Released") {
        warnOnce(`The address ${address.text} of ${ownerName(props.owner)} is now held by ${holderOf(held)}.`);
        return { id: "", props: {} };
    }
    return { id, props };
});

/** Gives the address back, unless it has become another's. */
const remove = plainErrors(async (_id: string, props: IPReservationState): Promise<void> => {
    const client = clientFor(props.connection);
    await requireSameCluster(client, props);
    const { allocationId, ...tenancy } = tenancyOf(props);
    const graceSeconds = await graceOf(client, poolName(props));
    const ended = await release(client, tenancy, { allocationId, reason: "released by its stack", graceSeconds });
    if (!ended) {
        const held = await client.find<Reservation>(
            IP_RESERVATION,
            undefined,
            reservationName(tenancy.space, tenancy.address),
        );
        if (held && held.spec.owner.key !== props.owner) {
            warnOnce(
                `The address ${tenancy.address.text} is no more ${ownerName(props.owner)}'s, and stays with ${holderOf(held)}.`,
            );
        }
    }
});
export { remove as delete };

/** In another cluster nothing is found, and nothing found would read as given back. */
async function requireSameCluster(client: ClusterClient, props: IPReservationState): Promise<void> {
    const found = props.cluster === undefined ? undefined : await identityOf(client);
    if (found !== undefined && found !== props.cluster) {
        throw new ClusterError(
            "failed",
            `The address ${props.address ?? ""} of ${ownerName(props.owner)} was reserved in another cluster than the one ` +
                `at ${client.server}. Check that KUBECONFIG (or the Cluster) names the same cluster as before.`,
        );
    }
}

/** Takes the address that the program or the state names. */
async function takeThis(client: ClusterClient, inputs: IPReservationInputs): Promise<IPReservationState> {
    const conflicts = inputs.pool === undefined ? undefined : (await poolOf(client, inputs)).spec.conflicts;
    const taken = await take(client, claimOf(inputs));
    const { won, reservation } = taken;
    const userOf = async (each: Reservation): Promise<string | undefined> => foreignUser(client, conflicts, each);
    const user = won ? await userMeanwhile(client, taken, userOf) : undefined;
    if (!won || user !== undefined) {
        throw new ClusterError(
            "already-exists",
            `The address ${inputs.address ?? ""} for ${ownerName(inputs.owner)} was taken by ` +
                `${user ?? holderOf(reservation)} in the meantime. Choose another, or have its holder give it back first.`,
        );
    }
    return stateOf(inputs, reservation);
}

/** Takes the planned address of the pool, or another one where that is gone, with a warning that names the winner. */
async function takeAny(client: ClusterClient, inputs: IPReservationInputs): Promise<IPReservationState> {
    const pool = await poolOf(client, inputs);
    const { owner: key, manager, family, macAddress, network, retain, adopt } = inputs;
    const losses: string[] = [];
    const reservation = await allocate(
        client,
        {
            pool,
            owner: { key, manager },
            ...(family !== undefined && { family: family === "IPv4" ? 4 : 6 }),
            ...(macAddress !== undefined && { macAddress }),
            ...(network !== undefined && { network }),
            ...(retain !== undefined && { retain }),
            ...(adopt !== undefined && { adopt }),
            userOf: async (reservation) => foreignUser(client, pool.spec.conflicts, reservation),
        },
        (address, why) => losses.push(`The address ${address.text} that was planned for ${ownerName(key)} ${why}`),
    );
    const got = addressOf(reservation.spec.address);
    losses.forEach((loss) => {
        warnOnce(`${loss}; it gets ${got.text} instead.`);
    });
    const block = blockOf(pool, got);
    const prefixLength = block?.subnet.prefixLength ?? inputs.prefixLength ?? 0;
    const cidr = `${got.text}/${String(prefixLength)}`;
    const gateway = block?.gateway?.text ?? inputs.declaredGateway ?? "";
    return stateOf({ ...inputs, address: got.text, prefixLength, cidr, gateway }, reservation);
}

function stateOf(inputs: IPReservationInputs, { spec, metadata }: Reservation): IPReservationState {
    const allocatedAt = spec.allocatedAt ?? metadata.creationTimestamp ?? "";
    return { ...inputs, allocationId: spec.allocationId, allocatedAt };
}

function claimOf(inputs: IPReservationInputs): Claim {
    const { space = "", address = "", owner: key, manager, requested, macAddress, network, retain, adopt } = inputs;
    const pool = poolName(inputs);
    return {
        space,
        address: addressOf(address),
        owner: { key, manager },
        origin: requested === undefined ? "Auto" : "Static",
        ...(pool !== undefined && { pool }),
        ...(macAddress !== undefined && { macAddress }),
        ...(network !== undefined && { network }),
        ...(retain !== undefined && { retain }),
        ...(adopt !== undefined && { adopt }),
    };
}

function tenancyOf({ space = "", address = "", allocationId }: IPReservationState): {
    space: string;
    address: Address;
    allocationId: string;
} {
    return { space, address: addressOf(address), allocationId };
}

async function poolOf(client: ClusterClient, { pool, owner }: IPReservationInputs): Promise<CompiledPool> {
    const spec = pool === undefined ? undefined : await resolvePool(client, pool, {});
    if (!spec || "rule" in spec) {
        throw new ClusterError("failed", `The pool of ${ownerName(owner)} is gone from the cluster, or going.`);
    }
    return compiledPool(spec);
}

function addressOf(text: string): Address {
    const address = parseAddress(text);
    if (!address.ok) {
        throw new ClusterError("invalid", `"${text}" is no address: ${address.rule}.`);
    }
    return address.value;
}

function definedAddress<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
