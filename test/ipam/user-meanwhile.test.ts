import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { V1Service } from "@kubernetes/client-node";
import { check, create, delete as remove } from "../../dynamic/ip-reservation/provider";
import type { IPReservationInputs, IPReservationState } from "../../dynamic/ip-reservation/inputs";
import type { PoolSpec } from "../../core/pool";
import { IP_ADDRESS, type ResourceKind } from "../../cluster/kinds";
import { ClusterClient, type KubernetesObject } from "../../cluster/client";
import { ClusterError } from "../../cluster/errors";
import { guardAgainstServices } from "../../cluster/ipam/service-guard";
import { done, orUndefined, seen, testClients, testKubeconfig, until, useNamespace } from "../support/embedded-cluster";
import { makeWhereaboutsObject, useWhereaboutsKinds } from "../support/whereabouts";
import { newClient, TestSpaces } from "./support/cluster";
import { reservationsOf } from "./support/objects";

/** Of the embedded cluster's ServiceCIDR, 10.96.0.0/16, from the band that Services get only where they ask for it. */
const OF_SERVICES = "10.96.0.192/29";

describe("an address that somebody gets between plan and reservation", function () {
    this.timeout(120_000);
    const spaces = new TestSpaces("meanwhile");
    const namespace = useNamespace("meanwhile");
    let client: ClusterClient;
    let space: string;
    let inputs: Omit<IPReservationInputs, "owner">;

    beforeEach(async () => {
        client = await newClient();
        space = spaces.next();
        const kubeconfig = readFileSync(await testKubeconfig(), "utf8");
        // Another comment is another connection, with a client that knows nothing of what the last test saw.
        inputs = { connection: { kubeconfig: `# ${randomUUID()}\n${kubeconfig}` }, manager: "a/b/c" };
    });

    const poolOf = (cidr: string): PoolSpec => ({ name: space, space, blocks: [{ cidr, allocateReserved: true }] });

    /** What an update plans for an owner. */
    async function planned(
        request: Pick<IPReservationInputs, "owner" | "pool" | "requested">,
    ): Promise<IPReservationInputs> {
        const { inputs: plan, failures } = await check({}, { ...inputs, ...request });
        assert.deepEqual(failures, []);
        return plan as IPReservationInputs;
    }

    const addressesHeld = async (): Promise<string[]> =>
        (await reservationsOf(client, space)).map((each) => each.spec.address);

    describe("Whereabouts", () => {
        useWhereaboutsKinds();

        const givenTo = async (address: string): Promise<void> =>
            makeWhereaboutsObject("overlappingrangeipreservations", namespace.name, address, { podref: "prod/p" });

        it("[case 56] is left with it, and the owner gets the next one", async () => {
            const plan = await planned({ owner: "owner:a", pool: poolOf("100.115.0.0/29") });
            await givenTo(plan.address ?? "");
            const { outs } = await create(plan);
            assert.notEqual(outs.address, plan.address);
            assert.deepEqual(await addressesHeld(), [outs.address]);
        });

        it("[case 56] is named where the program asked for just this one", async () => {
            const plan = await planned({ owner: "owner:a", pool: poolOf("100.115.1.0/29"), requested: "100.115.1.3" });
            await givenTo("100.115.1.3");
            await assert.rejects(create(plan), /100\.115\.1\.3 for "a" was taken by Whereabouts reservation .*prod\/p/);
            assert.deepEqual(await addressesHeld(), []);
        });

        it("[case 56] does not matter to a pool that looks at others only", async () => {
            const pool: PoolSpec = { ...poolOf("100.115.2.0/29"), conflicts: { sources: ["Nodes"] } };
            const plan = await planned({ owner: "owner:a", pool });
            await givenTo(plan.address ?? "");
            assert.equal((await create(plan)).outs.address, plan.address);
        });
    });

    describe("a Service", () => {
        const serviceWith = async (name: string, clusterIP?: string): Promise<V1Service> => {
            const { core } = await testClients();
            const spec = { ports: [{ port: 80 }], ...(clusterIP !== undefined && { clusterIP }) };
            return core.createNamespacedService({ namespace: namespace.name, body: { metadata: { name }, spec } });
        };

        const guardOf = async (address = ""): Promise<string | undefined> =>
            (await client.find<{ metadata: { name: string } }>(IP_ADDRESS, undefined, address))?.metadata.name;

        const untilUnguarded = async ({ address = "" }: IPReservationState): Promise<void> =>
            until(`the IPAddress ${address} to go with its reservation`, async () => {
                const guard = await guardOf(address);
                return guard === undefined ? done(undefined) : seen(guard);
            });

        it("[case 57] cannot have it once it is reserved, and can when it is given back", async () => {
            const { id, outs } = await create(await planned({ owner: "owner:a", pool: poolOf(OF_SERVICES) }));
            await assert.rejects(serviceWith("refused", outs.address), /provided IP is already allocated/);
            await remove(id, outs);
            await untilUnguarded(outs);
            const { spec } = await serviceWith("taken", outs.address);
            assert.equal(spec?.clusterIP, outs.address);
        });

        it("[case 57] is left with it, and the owner gets the next one", async () => {
            const plan = await planned({ owner: "owner:b", pool: poolOf(OF_SERVICES) });
            await serviceWith("faster", plan.address);
            const { id, outs } = await create(plan);
            assert.notEqual(outs.address, plan.address);
            assert.equal(await guardOf(outs.address), outs.address);
            await remove(id, outs);
            await untilUnguarded(outs);
        });

        it("[case 57] is named where the program asked for just this address", async () => {
            const plan = await planned({ owner: "owner:c", pool: poolOf(OF_SERVICES), requested: "10.96.0.197" });
            await serviceWith("holder", "10.96.0.197");
            await assert.rejects(create(plan), new RegExp(`taken by Service ${namespace.name}/holder \\(clusterIP\\)`));
            assert.deepEqual(await addressesHeld(), []);
        });

        it("[case 57] is kept off by the reservations of two spaces until the last of them goes", async () => {
            const request = { owner: "owner:f", pool: poolOf(OF_SERVICES), requested: "10.96.0.198" };
            const one = await create(await planned(request));
            space = spaces.next();
            const other = await create(await planned({ ...request, pool: poolOf(OF_SERVICES) }));
            await remove(one.id, one.outs);
            await until("the guard to be the other reservation's alone", async () => {
                const guard = await client.find<KubernetesObject>(IP_ADDRESS, undefined, "10.96.0.198");
                const owners = guard?.metadata.ownerReferences ?? [];
                return guard && owners.length === 1 ? done(undefined) : seen(owners);
            });
            await assert.rejects(serviceWith("refused-too", "10.96.0.198"), /provided IP is already allocated/);
            await remove(other.id, other.outs);
            await untilUnguarded(other.outs);
        });

        it("[case 57] is kept off by a new guard where the one that was there has just gone", async () => {
            /** Says of the first object that there is one already, when there is none any more. */
            class LateClient extends ClusterClient {
                private isFirst = true;
                public override async create<T extends KubernetesObject>(kind: ResourceKind, object: T): Promise<T> {
                    if (this.isFirst) {
                        this.isFirst = false;
                        throw new ClusterError("already-exists", "there is one");
                    }
                    return super.create(kind, object);
                }
            }
            const { id, outs } = await create(await planned({ owner: "owner:g", pool: poolOf("100.115.5.0/29") }));
            const [reservation] = await reservationsOf(client, space);
            assert.equal(await guardAgainstServices(new LateClient(client.kubeConfig), reservation!), undefined);
            assert.equal(await guardOf(outs.address), outs.address);
            await remove(id, outs);
            await untilUnguarded(outs);
        });

        it("[case 57] is kept off though the API server repairs its addresses ten times", async () => {
            const { id, outs } = await create(await planned({ owner: "owner:d", pool: poolOf(OF_SERVICES) }));
            for (let repair = 1; repair <= 10; repair += 1) {
                // The same, but said to be the API server's own, which it removes: its are of Services.
                const stale = `10.96.0.${String(200 + repair)}`;
                await client.create(IP_ADDRESS, {
                    apiVersion: "networking.k8s.io/v1",
                    kind: "IPAddress",
                    metadata: {
                        name: stale,
                        labels: {
                            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
                            "ipaddress.kubernetes.io/ip-family": "IPv4",
                        },
                    },
                    spec: {
                        parentRef: {
                            group: "vm.novasphere.dev",
                            resource: "ipreservations",
                            name: `stale-${String(repair)}`,
                        },
                    },
                } as never);
                await until(`the API server to remove ${stale}`, async () => {
                    const left = await guardOf(stale);
                    return left === undefined ? done(undefined) : seen(left);
                });
            }
            assert.equal(await guardOf(outs.address), outs.address);
            await remove(id, outs);
            await untilUnguarded(outs);
        });

        it("[case 57] has nothing to do with addresses of other networks", async () => {
            const { id, outs } = await create(await planned({ owner: "owner:e", pool: poolOf("100.115.4.0/29") }));
            assert.equal(await orUndefined(guardOf(outs.address)), undefined);
            await remove(id, outs);
        });
    });
});
