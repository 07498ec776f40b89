import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ClusterClient } from "../../cluster/client";
import { release } from "../../cluster/ipam/ledger";
import type { IPReservationInputs, IPReservationState } from "../../dynamic/ip-reservation/inputs";
import { check, create, diff, update } from "../../dynamic/ip-reservation/provider";
import { testKubeconfig } from "../support/embedded-cluster";
import { newClient, TestSpaces } from "./support/cluster";
import { address as addressOf, reservationsOf } from "./support/objects";

const MAC = "02:00:00:00:33:01";

describe("an IPReservation", () => {
    const spaces = new TestSpaces("reservation");
    let client: ClusterClient;
    let kubeconfig: string;
    let space: string;

    before(async () => (kubeconfig = readFileSync(await testKubeconfig(), "utf8")));
    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
    });

    /** What an update of a stack plans, or why it is refused. */
    async function planned(
        request: Partial<IPReservationInputs>,
        olds: object = {},
    ): Promise<{ plan: IPReservationInputs; reasons: string[] }> {
        // A comment of its own makes it another connection, with a client that knows nothing of what others saw.
        const connection = { kubeconfig: `# ${randomUUID()}\n${kubeconfig}` };
        const inputs = { connection, manager: "acme/shop/prod", owner: "owner:a", space, ...request };
        const { inputs: plan, failures = [] } = await check(olds, inputs);
        return { plan: plan as IPReservationInputs, reasons: failures.map(({ reason }) => reason) };
    }

    async function made(request: Partial<IPReservationInputs>): Promise<{ id: string; outs: IPReservationState }> {
        const { plan, reasons } = await planned(request);
        assert.deepEqual(reasons, []);
        return create(plan);
    }

    const eth1Of = (vm: string): Partial<IPReservationInputs> => ({
        owner: `prod/${vm}/eth1`,
        vm: `prod/${vm}`,
        nic: "eth1",
        macAddress: MAC,
    });

    it("[case 33] is refused for a MAC address that a NIC of another VM has in the space, with the holder's name", async () => {
        await made({ ...eth1Of("db"), requested: "10.0.0.5/24" });
        const { reasons } = await planned({ ...eth1Of("web"), requested: "10.0.0.6/24" });
        assert.equal(reasons.length, 1);
        assert.match(reasons[0] ?? "", /02:00:00:00:33:01/);
        assert.match(reasons[0] ?? "", /NIC "eth1" of VM "prod\/db" of stack acme\/shop\/prod/);
        assert.deepEqual(
            (await planned({ ...eth1Of("web"), requested: "10.0.0.6/24", space: spaces.next() })).reasons,
            [],
        );
    });

    it("[case 33] keeps its address where the MAC address changes", async () => {
        const { id, outs } = await made({ ...eth1Of("db"), requested: "10.0.0.5/24" });
        const changed = { ...eth1Of("db"), macAddress: "02:00:00:00:33:02", requested: "10.0.0.5/24" };
        const { plan, reasons } = await planned({ ...changed, connection: outs.connection }, outs);
        assert.deepEqual(reasons, []);
        assert.deepEqual(await diff(id, outs, plan), { changes: true, replaces: [] });
        await update(id, outs, plan);
        const held = await reservationsOf(client, space);
        assert.deepEqual(
            held.map(({ spec }) => [spec.address, spec.macAddress, spec.allocationId]),
            [["10.0.0.5", "02:00:00:00:33:02", outs.allocationId]],
        );
    });

    it("gets its MAC address back where an interrupted update has changed it, and the program is as before", async () => {
        const { id, outs } = await made({ ...eth1Of("db"), requested: "10.0.0.5/24" });
        const { connection } = outs;
        const changed = { ...eth1Of("db"), macAddress: "02:00:00:00:33:02", requested: "10.0.0.5/24", connection };
        await update(id, outs, (await planned(changed, outs)).plan);

        const { plan } = await planned({ ...eth1Of("db"), requested: "10.0.0.5/24" }, outs);
        assert.deepEqual(await diff(id, { ...outs, connection: plan.connection }, plan), {
            changes: true,
            replaces: [],
        });
        await update(id, outs, plan);
        const held = await reservationsOf(client, space);
        assert.deepEqual(
            held.map(({ spec }) => spec.macAddress),
            [MAC],
        );
    });

    it("is taken up again where somebody else has released it, and its stack still has it", async () => {
        const { id, outs } = await made({ requested: "10.0.0.9/24" });
        const address = addressOf("10.0.0.9");
        const { allocationId } = outs;
        await release(client, { space, address }, { allocationId, reason: "orphan", graceSeconds: 300 });
        const { plan, reasons } = await planned({ requested: "10.0.0.9/24" }, outs);
        assert.deepEqual(reasons, []);
        assert.equal((await diff(id, outs, plan)).changes, true);
        await update(id, outs, plan);
        const held = await reservationsOf(client, space);
        assert.deepEqual(
            held.map(({ spec }) => [spec.address, spec.state]),
            [["10.0.0.9", "Active"]],
        );
    });

    it("is refused beside another of the same owner, also where only one of them names the family", async () => {
        const pool = { name: space, space, blocks: [{ cidr: "10.0.0.0/24" }] };
        const connection = { kubeconfig };
        assert.deepEqual((await planned({ pool, connection, resource: "one" })).reasons, []);
        const { reasons } = await planned({ pool, connection, resource: "two", family: "IPv4" });
        assert.match(reasons.join(), /an owner has one address of a family in the space/);
        assert.deepEqual((await planned({ pool, connection, resource: "three", owner: "owner:b" })).reasons, []);
    });

    // A dynamic resource cannot be imported, the engine has no way to ask for it: `adopt` is what does it instead.
    it("[case 48] is taken over from another stack by `adopt`, where it is the same owner's, and by nobody without", async () => {
        await made({ requested: "10.0.0.9/24", manager: "acme/old/prod" });
        const { reasons } = await planned({ requested: "10.0.0.9/24" });
        assert.match(reasons.join(), /10\.0\.0\.9.*"a" of stack acme\/old\/prod/);
        await made({ requested: "10.0.0.9/24", adopt: true });
        const held = await reservationsOf(client, space);
        assert.deepEqual(
            held.map(({ spec }) => [spec.address, spec.owner.manager]),
            [["10.0.0.9", "acme/shop/prod"]],
        );
    });

    it("[case 48] is not taken over by `adopt` where another owner has it, who is named", async () => {
        await made({ requested: "10.0.0.9/24", owner: "owner:b" });
        const { reasons } = await planned({ requested: "10.0.0.9/24", adopt: true });
        assert.match(reasons.join(), /10\.0\.0\.9.*"b" of stack acme\/shop\/prod/);
    });
});
