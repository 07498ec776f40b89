import assert from "node:assert/strict";
import type { ClusterClient } from "../../../cluster/client";
import { release, take, type Claim, type Release } from "../../../cluster/ipam/ledger";
import type { Reservation } from "../../../cluster/ipam/objects";
import { IP_RESERVATION } from "../../../cluster/kinds";
import { address, ownerOf } from "./objects";

export const WEB = ownerOf("prod/web/eth1");
export const DB = ownerOf("prod/db/eth1");

export interface LedgerSteps {
    readonly claimOf: (text: string, more?: Partial<Claim>) => Claim;
    /** Takes an address that nobody else has. */
    readonly taken: (text: string, more?: Partial<Claim>) => Promise<Reservation>;
    readonly releaseOf: (held: Reservation, more?: Partial<Release>) => Promise<boolean>;
    readonly idOf: (spec: Reservation["spec"]) => { allocationId: string };
    readonly found: (text: string) => Promise<Reservation | undefined>;
    readonly nameOf: (text: string) => string;
    /** Has the address rested: writes that its time is over. */
    readonly expire: (text: string) => Promise<void>;
}

/** What tests of the ledger do, by the client and in the space that they have at the moment. */
export function ledgerSteps(current: () => { client: ClusterClient; space: string }): LedgerSteps {
    const claimOf = (text: string, more: Partial<Claim> = {}): Claim => ({
        space: current().space,
        address: address(text),
        owner: WEB,
        origin: "Static",
        ...more,
    });

    const taken = async (text: string, more: Partial<Claim> = {}): Promise<Reservation> => {
        const { won, reservation } = await take(current().client, claimOf(text, more));
        assert.ok(won);
        return reservation;
    };

    const releaseOf = async ({ spec }: Reservation, more: Partial<Release> = {}): Promise<boolean> =>
        release(
            current().client,
            { space: current().space, address: address(spec.address) },
            { ...idOf(spec), reason: "deleted", ...more },
        );
    const idOf = ({ allocationId }: Reservation["spec"]): { allocationId: string } => ({ allocationId });

    const found = async (text: string): Promise<Reservation | undefined> =>
        current().client.find<Reservation>(IP_RESERVATION, undefined, nameOf(text));
    const nameOf = (text: string): string =>
        text.includes(":") ? `${current().space}.v6-${text.replaceAll(":", "-")}-z` : `${current().space}.v4-${text}`;

    async function expire(text: string): Promise<void> {
        await current().client.patch(IP_RESERVATION, undefined, nameOf(text), [
            { op: "replace", path: "/spec/reusableAt", value: "2026-01-01T00:00:00Z" },
        ]);
    }

    return { claimOf, taken, releaseOf, idOf, found, nameOf, expire };
}
