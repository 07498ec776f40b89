import assert from "node:assert/strict";
import { type AuditChange, watchAudit, type WatchOptions } from "../../cluster/ipam";
import { ClusterError } from "../../cluster/errors";
import { IP_RESERVATION } from "../../cluster/kinds";
import { done, seen, until } from "../support/embedded-cluster";
import { findReservation, laterClient, type LaterClient, lineOf, reservationOf } from "./audit-objects";
import { AddressRecords, ago, clearAfterwards, uniqueName } from "./query-objects";

const address = "198.18.150.5";

describe("watching for drift", function () {
    this.timeout(30_000);
    const space = uniqueName("audit-watch");
    let client: LaterClient;
    let records: AddressRecords;
    let end: AbortController;
    let watching: Promise<void>;
    let changes: AuditChange[];

    before(async () => {
        client = await laterClient();
        records = new AddressRecords(client, space);
        // There is something of the space at all times.
        await records.reserve({ address: "198.18.150.1", owner: "owner:vip" });
    });

    clearAfterwards(() => records);

    /** Watches until the end of the test. */
    const start = (options: Partial<WatchOptions> = {}): void => {
        end = new AbortController();
        changes = [];
        const everySeconds = 0.05;
        watching = watchAudit(client, { space, everySeconds, ...options }, (each) => changes.push(each), end.signal);
    };

    afterEach("end the watch", async () => {
        end.abort();
        await watching;
    });

    /** What was told, in a line for each change: `+` what appeared, `-` what is gone. */
    const told = (): string[] =>
        changes.map(({ appeared, gone, error }) =>
            [
                ...appeared.map((finding) => `+ ${lineOf(finding)}`),
                ...gone.map((finding) => `- ${lineOf(finding)}`),
                ...(error ? [error.message] : []),
            ].join(", "),
        );

    const untilTold = async (expected: string[]): Promise<void> => {
        await until(`the watch to tell ${JSON.stringify(expected)}`, async () =>
            told().length >= expected.length ? done(true) : seen(told()),
        );
        assert.deepEqual(told(), expected);
    };

    const tombstone = async (last: number): Promise<void> =>
        records.reserve({
            address: `198.18.150.${String(last)}`,
            owner: "owner:past",
            state: "Released",
            releasedAt: ago(client, 60),
            reusableAt: ago(client, 30),
        });

    const remove = async (last: number): Promise<void> => {
        const found = await findReservation(client, space, `198.18.150.${String(last)}`);
        const name = reservationOf(space, `198.18.150.${String(last)}`);
        await client.delete(IP_RESERVATION, undefined, name, { uid: found?.metadata.uid ?? "" });
    };

    it("tells what is there first, and then only what appears or goes away", async () => {
        await tombstone(6);
        start();
        await untilTold(["+ TombstoneExpired 198.18.150.6"]);
        await tombstone(5);
        await untilTold(["+ TombstoneExpired 198.18.150.6", "+ TombstoneExpired 198.18.150.5"]);
        await remove(6);
        const three = [
            "+ TombstoneExpired 198.18.150.6",
            "+ TombstoneExpired 198.18.150.5",
            "- TombstoneExpired 198.18.150.6",
        ];
        await untilTold(three);
        await remove(5);
        await untilTold([...three, "- TombstoneExpired 198.18.150.5"]);
        const now = client.serverNow().getTime();
        assert.ok(changes.every(({ at }) => Math.abs(at.getTime() - now) < 30_000));
    });

    it("tells once that nothing is wrong", async () => {
        let audits = 0;
        const list = client.list.bind(client);
        client.list = async (kind, ...rest) => {
            audits += kind === IP_RESERVATION ? 1 : 0;
            return list(kind, ...rest);
        };
        try {
            start();
            await until("three audits", async () => (audits >= 3 ? done(true) : seen(audits)));
        } finally {
            client.list = list;
        }
        assert.deepEqual(told(), [""]);
    });

    it("tells of an audit that fails, and goes on with what it knew", async () => {
        await tombstone(5);
        start();
        await untilTold([`+ TombstoneExpired ${address}`]);
        const list = client.list.bind(client);
        let failures = 1;
        client.list = async (kind, ...rest) => {
            if (kind === IP_RESERVATION && failures > 0) {
                failures -= 1;
                throw new ClusterError("unreachable", "The cluster is away.");
            }
            return list(kind, ...rest);
        };
        try {
            await untilTold([`+ TombstoneExpired ${address}`, "The cluster is away."]);
            await remove(5);
            await untilTold([`+ TombstoneExpired ${address}`, "The cluster is away.", `- TombstoneExpired ${address}`]);
        } finally {
            client.list = list;
        }
    });

    it("mends, and tells what it has mended once", async () => {
        start({ fix: true });
        await untilTold([""]);
        await tombstone(5);
        const mended = `+ TombstoneExpired ${address} fixed, - TombstoneExpired ${address} fixed`;
        await untilTold(["", mended]);
        // Nothing more comes of that: the next change is another one.
        await tombstone(6);
        await untilTold(["", mended, mended.replaceAll(address, "198.18.150.6")]);
    });

    it("refuses a period that is none", async () => {
        start();
        for (const everySeconds of [0, -1, Number.NaN, 1e9]) {
            await assert.rejects(
                watchAudit(client, { space, everySeconds }, () => undefined, end.signal),
                (error) => error instanceof ClusterError && error.reason === "invalid",
            );
        }
    });
});
