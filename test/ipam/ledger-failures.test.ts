import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { ClusterClient } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import type { Reservation } from "../../cluster/ipam/objects";
import { IP_RESERVATION } from "../../cluster/kinds";
import { newClient, TestSpaces } from "./support/cluster";
import { FaultyApiServer, type Fault } from "./support/faulty-api-server";
import { DB, ledgerSteps } from "./support/ledger-steps";
import { recordsOf, reservationsOf } from "./support/objects";

describe("the ledger of addresses, where it is refused or not answered", function () {
    this.timeout(60_000);
    const spaces = new TestSpaces("refusals");
    let client: ClusterClient;
    let space: string;

    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
    });

    const { taken, releaseOf, found, nameOf, expire } = ledgerSteps(() => ({ client, space }));

    describe("has the API server refuse", () => {
        const write = async (name: string, spec: Partial<Reservation["spec"]>): Promise<Reservation> =>
            client.create<Reservation>(IP_RESERVATION, {
                apiVersion: "vm.novasphere.dev/v1alpha1",
                kind: "IPReservation",
                metadata: { name },
                spec: {
                    address: "198.18.0.7",
                    family: "IPv4",
                    space,
                    state: "Active",
                    owner: DB,
                    allocationId: randomUUID(),
                    ...spec,
                },
            });
        const invalid =
            (message: RegExp) =>
            (error: unknown): boolean => {
                assert.ok(error instanceof ClusterError && error.reason === "invalid", String(error));
                assert.match(error.message, message);
                return true;
            };

        it("[case 51] an address in another spelling", async () => {
            for (const text of ["2001:0db8::1", "2001:DB8::1", "2001:db8:0:0:0:0:0:1"]) {
                const name = `${space}.v6-${text.toLowerCase().replaceAll(":", "-")}-z`;
                await assert.rejects(write(name, { address: text, family: "IPv6" }), invalid(/canonical/), text);
            }
            for (const text of ["198.18.0.07", "198.18.7", "198.18.0.300", "::ffff:198.18.0.7"]) {
                await assert.rejects(
                    write(`${space}.v4-${text}`, { address: text }),
                    invalid(/canonical|Invalid/),
                    text,
                );
            }
            assert.deepEqual(await reservationsOf(client, space), []);
        });

        it("[case 51] a name that is not the address's", async () => {
            const must = invalid(/name must be/);
            await assert.rejects(write(`${space}.v4-198.18.0.8`, {}), must);
            await assert.rejects(write(`${space}.v4-198.18.0.7.`, {}), invalid(/name/));
            await assert.rejects(write("anything", {}), must);
            await assert.rejects(write(`${space}-2.v4-198.18.0.7`, {}), must);
            await assert.rejects(write(`${space}.v6-198.18.0.7-z`, {}), must);
            await assert.rejects(write(`${space}.v4-198.18.0.7`, { family: "IPv6" }), invalid(/name must be|family/));
        });

        it("[case 52] another owner, address or space of what is in use", async () => {
            await taken("198.18.0.7");
            const replace = async (path: string, value: string): Promise<unknown> =>
                client.patch(IP_RESERVATION, undefined, nameOf("198.18.0.7"), [{ op: "replace", path, value }]);
            await assert.rejects(replace("/spec/owner/key", DB.key), invalid(/release it first/));
            await assert.rejects(replace("/spec/address", "198.18.0.8"), invalid(/cannot be changed/));
            await assert.rejects(replace("/spec/space", "other"), invalid(/cannot be changed/));
            await assert.rejects(replace("/spec/state", "Released"), invalid(/when it was released/));
        });

        it("[case 52] another owner of what is retained", async () => {
            await releaseOf(await taken("198.18.0.7", { retain: true }));
            const patch = client.patch(IP_RESERVATION, undefined, nameOf("198.18.0.7"), [
                { op: "replace", path: "/spec/owner/key", value: DB.key },
            ]);
            await assert.rejects(patch, invalid(/retained for its owner/));
        });
    });

    describe("over a connection that fails", () => {
        let server: FaultyApiServer;
        before(async () => (server = await FaultyApiServer.start()));
        after(async () => server.stop());

        /** The fault happens once, to the first request of a method. */
        const failOnce = (method: string, fault: Fault): void => {
            client = server.client();
            let failed = false;
            server.fault = (each) => {
                const fails = each === method && !failed;
                failed ||= fails;
                return fails ? fault : undefined;
            };
        };

        for (const fault of ["lost answer", "cut answer", "reset before", "conflict", "error"] as const) {
            it(`[case 42] takes an address once (POST: ${fault})`, async () => {
                failOnce("POST", fault);
                const held = await taken("198.18.0.7");
                assert.ok(server.happened.get(fault));
                assert.deepEqual(await reservationsOf(client, space), [held]);
            });

            it(`takes an address over once (PATCH: ${fault})`, async () => {
                await releaseOf(await taken("198.18.0.7"), { graceSeconds: 300 });
                await expire("198.18.0.7");
                failOnce("PATCH", fault);
                const held = await taken("198.18.0.7", { owner: DB });
                assert.deepEqual(await reservationsOf(client, space), [held]);
            });

            for (const [what, method, graceSeconds] of [
                ["removed", "DELETE", 0],
                ["put to rest", "PATCH", 300],
            ] as const) {
                it(`says that a tenancy has ended whose reservation is ${what} (${method}: ${fault})`, async () => {
                    const held = await taken("198.18.0.7");
                    failOnce(method, fault);
                    assert.equal(await releaseOf(held, { graceSeconds }), true);
                    assert.equal((await found("198.18.0.7"))?.spec.state, graceSeconds === 0 ? undefined : "Released");
                    assert.equal((await recordsOf(client, space)).length, 1);
                });
            }
        }
    });
});
