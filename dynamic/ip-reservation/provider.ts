import { randomUUID } from "node:crypto";
import { clientFor, type ClusterClient } from "../../cluster/client";
import { ClusterError, hasReason } from "../../cluster/errors";
import { identityOf } from "../../cluster/identity";
import { IP_RESERVATION } from "../../cluster/kinds";
import { parseAddress, type Address } from "../../core/ip";
import { compilePool, blockOf, planAddress, usedAddresses, arithmeticClause, type CompiledPool } from "../../core/pool";
import { hashLabel, reservationName } from "../../core/reservation";
import { containsUnknown, differs, plainErrors, storedAnew, warnOnce } from "../handler";
import { poolName } from "./check";
import { claim, claimedBy } from "./claims";
import type { IPReservationInputs, IPReservationState } from "./inputs";
import { holderOf, LABEL, ownerName, reservationsOf, resolvePool, type Reservation } from "./ledger";

export { check } from "./check";

/** Others may be faster this often, each time with another address, before the allocation is given up. */
const MAX_TRIES = 64;

export async function diff(
    _id: string,
    olds: IPReservationState,
    news: IPReservationInputs,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces: string[] = (["owner", "manager", "space"] as const).filter((field) =>
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
    const updates = (["macAddress", "prefixLength", "gateway", "dnsServers", "searchDomains"] as const).some((field) =>
        differs(olds[field], news[field]),
    );
    return Promise.resolve({
        changes: replaces.length > 0 || updates || news.lost === true || storedAnew(olds, news),
        replaces,
    });
}

/** Takes the planned address; where another writer was faster, and the program did not ask for just this one, the next. */
export async function create(inputs: IPReservationInputs): Promise<{ id: string; outs: IPReservationState }> {
    const client = clientFor(inputs.connection);
    let planned = inputs;
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
        const taken = await take(client, planned);
        if ("allocationId" in taken) {
            return { id: `${taken.space ?? ""}/${taken.address ?? ""}`, outs: taken };
        }
        if (inputs.requested !== undefined) {
            throw new ClusterError(
                "already-exists",
                `The address ${inputs.address ?? ""} for ${ownerName(inputs.owner)} was taken by ${taken.winner} in the ` +
                    `meantime. Choose another, or have its holder give it back first.`,
            );
        }
        planned = await planAnew(client, planned);
        warnOnce(
            `The address ${taken.address} that was planned for ${ownerName(inputs.owner)} went to ${taken.winner}; ` +
                `it gets ${planned.address ?? ""} instead.`,
        );
    }
    throw new ClusterError(
        "failed",
        `Others were faster ${String(MAX_TRIES)} times; no address for ${ownerName(inputs.owner)}.`,
    );
}

export async function update(
    id: string,
    olds: IPReservationState,
    news: IPReservationInputs,
): Promise<{ outs: IPReservationState }> {
    const client = clientFor(news.connection);
    const { lost: _lost, ...inputs } = news;
    const { address, cidr, allocationId, allocatedAt } = olds;
    const outs: IPReservationState = { ...inputs, allocationId, allocatedAt, ...definedAddress({ address, cidr }) };
    const held = await client.find<Reservation>(IP_RESERVATION, undefined, objectName(olds));
    if (!held && news.lost === true) {
        const taken = await take(client, outs);
        if ("allocationId" in taken) {
            return { outs: taken };
        }
    }
    if (held?.spec.allocationId !== allocationId) {
        throw new ClusterError("not-found", `The reservation ${id} is gone, or is another's. Run \`pulumi refresh\`.`);
    }
    if (held.spec.macAddress !== news.macAddress) {
        await client.patch(IP_RESERVATION, undefined, objectName(olds), [
            { op: "test", path: "/spec/allocationId", value: allocationId },
            news.macAddress === undefined
                ? { op: "remove", path: "/spec/macAddress" }
                : { op: "add", path: "/spec/macAddress", value: news.macAddress },
        ]);
    }
    return { outs };
}

export const read = plainErrors(async (id: string, props: IPReservationState) => {
    const client = clientFor(props.connection);
    await requireSameCluster(client, props);
    const held = await client.find<Reservation>(IP_RESERVATION, undefined, objectName(props));
    if (!held) {
        return { id: "", props: {} };
    }
    if (held.spec.allocationId !== props.allocationId) {
        warnOnce(`The address ${props.address ?? ""} of ${ownerName(props.owner)} is now held by ${holderOf(held)}.`);
        return { id: "", props: {} };
    }
    return { id, props };
});

/** Gives the address back, unless it has become another's. */
const remove = plainErrors(async (_id: string, props: IPReservationState): Promise<void> => {
    const client = clientFor(props.connection);
    await requireSameCluster(client, props);
    const held = await client.find<Reservation>(IP_RESERVATION, undefined, objectName(props));
    if (held?.spec.allocationId === props.allocationId) {
        await client.delete(IP_RESERVATION, undefined, held.metadata.name, held.metadata.uid ?? "");
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

/** The reservation, or who has the address. */
async function take(
    client: ClusterClient,
    inputs: IPReservationInputs,
): Promise<IPReservationState | { address: string; winner: string }> {
    const { address = "", space = "", owner, manager, macAddress } = inputs;
    const parsed = parsedAddress(address);
    const allocationId = randomUUID();
    const pool = poolName(inputs);
    const name = objectName(inputs);
    try {
        const made = await client.create<Reservation>(IP_RESERVATION, {
            apiVersion: `${IP_RESERVATION.group}/${IP_RESERVATION.version}`,
            kind: IP_RESERVATION.kind,
            metadata: { name, labels: labelsOf(inputs) },
            spec: {
                address,
                family: parsed.family === 4 ? "IPv4" : "IPv6",
                space,
                origin: inputs.requested === undefined ? "Auto" : "Static",
                allocationId,
                owner: { key: owner, manager },
                ...(pool !== undefined && { pool }),
                ...(macAddress !== undefined && { macAddress }),
            },
        });
        return { ...inputs, allocationId, allocatedAt: made.metadata.creationTimestamp ?? "" };
    } catch (error) {
        if (!hasReason(error, "already-exists")) {
            throw error;
        }
    }
    const held = await client.get<Reservation>(IP_RESERVATION, undefined, name);
    if (held.spec.owner.key !== owner || held.spec.owner.manager !== manager) {
        return { address, winner: holderOf(held) };
    }
    // Made by an earlier run that could not record it, or by the resource that this one replaces: a new id makes it
    // this one's, and the other's delete leaves it alone.
    await client.patch(IP_RESERVATION, undefined, name, [
        { op: "test", path: "/spec/allocationId", value: held.spec.allocationId },
        { op: "replace", path: "/spec/allocationId", value: allocationId },
    ]);
    return { ...inputs, allocationId, allocatedAt: held.metadata.creationTimestamp ?? "" };
}

/** Labels by which an owner's or a stack's reservations are listed. */
function labelsOf({ space = "", owner, manager }: IPReservationInputs): Record<string, string> {
    return { [LABEL.space]: space, [LABEL.owner]: hashLabel(owner), [LABEL.manager]: hashLabel(manager) };
}

/** The inputs with another address, chosen from what the cluster holds now. */
async function planAnew(client: ClusterClient, inputs: IPReservationInputs): Promise<IPReservationInputs> {
    const space = inputs.space ?? "";
    const pool = await compiledPool(client, inputs);
    const held = await reservationsOf(client, space);
    const used = usedAddresses(pool, [...held.map(({ spec }) => spec.address), ...claimedBy(space, inputs)]);
    const address = planAddress(pool, used, inputs.owner);
    if (!address) {
        throw new ClusterError(
            "failed",
            `IPPool "${pool.spec.name}" has no address left for ${ownerName(inputs.owner)}: ${arithmeticClause(pool, used)}. ` +
                `Widen the pool's ranges, or release addresses.`,
        );
    }
    claim(space, address.text, inputs);
    const block = blockOf(pool, address);
    const prefixLength = block?.subnet.prefixLength ?? inputs.prefixLength ?? 0;
    const gateway = block?.gateway?.text ?? inputs.declaredGateway ?? "";
    return { ...inputs, address: address.text, prefixLength, cidr: `${address.text}/${String(prefixLength)}`, gateway };
}

async function compiledPool(client: ClusterClient, { pool, owner }: IPReservationInputs): Promise<CompiledPool> {
    const spec = pool === undefined ? undefined : await resolvePool(client, pool, {});
    if (!spec || "rule" in spec) {
        throw new ClusterError("failed", `The pool of ${ownerName(owner)} is gone from the cluster.`);
    }
    return compilePool(spec);
}

function objectName({ space, address }: IPReservationInputs): string {
    return reservationName(space ?? "", parsedAddress(address ?? ""));
}

function parsedAddress(text: string): Address {
    const address = parseAddress(text);
    if (!address.ok) {
        throw new ClusterError("invalid", `"${text}" is no address: ${address.rule}.`);
    }
    return address.value;
}

function definedAddress<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
