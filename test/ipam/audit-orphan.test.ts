import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import { audit, ClusterError, history } from "../../cluster/ipam";
import { release, take } from "../../cluster/ipam/ledger";
import type { PastTenancy, Reservation } from "../../cluster/ipam/objects";
import { IP_HISTORY } from "../../cluster/kinds";
import { parseAddress } from "../../core/ip";
import { Machines } from "../cluster/virtual-machines";
import { type Nic, podNic, status } from "../cluster/vm-objects";
import { done, orUndefined, seen, testKubeconfig, until, useNamespace } from "../support/embedded-cluster";
import { findReservation, found, kubeconfigAs, type LaterClient, laterClient, patchReservation } from "./audit-objects";
import { AddressRecords, ago, clearAfterwards, uniqueName } from "./query-objects";

const MINUTE = 60;

const SINCE = "vm.novasphere.dev/orphan-since";
const SINCE_PATH = "/metadata/annotations/vm.novasphere.dev~1orphan-since";

const address = "198.18.140.5";

describe("an audit of an address whose NIC is gone", function () {
    this.timeout(60_000);
    const namespace = useNamespace("audit-orphan");
    const machines = new Machines(namespace);
    const made: string[] = [];
    let client: LaterClient;
    let records: AddressRecords;

    const nic: Nic = { name: "eth1", nad: "lan", macAddress: "02:00:c6:12:8c:01" };

    before("run a VM", async () => {
        client = await laterClient();
        records = new AddressRecords(client, newSpace());
        await machines.network("lan");
        await machines.run("user", [podNic, nic], { modes: { "guest-addresses": `{"eth1": ["${address}"]}` } });
        await machines.untilVmi("user", "to report its address", (vmi) => status(vmi, "eth1")?.ipAddress === address);
    });

    clearAfterwards(
        () => records,
        () => made,
    );

    /** A space that no other test has. */
    const newSpace = (): string => {
        const space = uniqueName("audit-orphan");
        made.push(space);
        return space;
    };

    /** Reserves the address in a new space for a NIC that is gone; on another network than the VM's. */
    const orphan = async (parts: Partial<Reservation["spec"]> = {}): Promise<string> => {
        const space = newSpace();
        const owner = `${namespace.name}/gone/eth1`;
        await records.reserve({ space, address, network: `${namespace.name}/other`, ...parts, owner });
        return space;
    };

    const stateOf = async (space: string): Promise<string | undefined> =>
        (await findReservation(client, space, address))?.spec.state;

    const notedAt = async (space: string): Promise<string | undefined> =>
        (await findReservation(client, space, address))?.metadata.annotations?.[SINCE];

    /** Sets the time at which the NIC was first seen gone. */
    const backdate = async (space: string, seconds: number): Promise<void> =>
        patchReservation(client, space, address, [{ op: "replace", path: SINCE_PATH, value: ago(client, seconds) }]);

    /** Audits as if it were so much later, with `fix`. */
    const fixLater = async (space: string, seconds: number): Promise<string[]> =>
        found(await laterClient(seconds), { space, fix: true });

    /** As after an audit that saw the NIC gone 16 minutes before the time at which `fixLater(.., 2 * MINUTE)` audits. */
    const seenBefore = async (parts: Partial<Reservation["spec"]> = {}): Promise<string> => {
        const space = await orphan(parts);
        assert.ok((await fixLater(space, 2 * MINUTE)).includes(`Orphan ${address}`));
        await backdate(space, 14 * MINUTE);
        return space;
    };

    it("is noted by the first audit, with the server's time, and not released [case 59]", async () => {
        const space = await orphan();
        const later = await laterClient(2 * MINUTE);
        assert.deepEqual(await found(later, { space, fix: true }), [`Orphan ${address}`]);
        const noted = Date.parse((await notedAt(space)) ?? "");
        assert.ok(Math.abs(noted - later.serverNow().getTime()) < 5000);
        assert.equal(await stateOf(space), "Active");
        // One a little later says since when, and leaves the note as it is.
        const first = await notedAt(space);
        const [finding] = await audit(await laterClient(10 * MINUTE), { space, fix: true });
        const due = new Date(noted + 15 * MINUTE * 1000).toISOString().replace(".000Z", "Z");
        assert.ok(finding?.message.endsWith(`An audit with --fix releases it from ${due} on.`), finding?.message);
        assert.deepEqual([await notedAt(space), await stateOf(space)], [first, "Active"]);
    });

    it("is not noted without `fix`, nor while it is young", async () => {
        const space = await orphan();
        assert.deepEqual(await found(await laterClient(2 * MINUTE), { space }), [`Orphan ${address}`]);
        assert.equal(await notedAt(space), undefined);
        assert.deepEqual(await fixLater(space, 0), [`Orphan ${address}`]);
        assert.equal(await notedAt(space), undefined);
    });

    it("is released when it is still gone 15 minutes later, rests, and has a record [case 59]", async () => {
        const space = await seenBefore({ macAddress: "02:00:c6:12:8c:05" });
        assert.deepEqual(await fixLater(space, 2 * MINUTE), [`Orphan ${address} fixed`]);
        const { spec } = (await findReservation(client, space, address)) ?? assert.fail("it must not be deleted");
        assert.deepEqual([spec.state, spec.releaseReason, spec.retain], ["Released", "orphan", undefined]);
        assert.equal(Date.parse(spec.reusableAt ?? "") - Date.parse(spec.releasedAt ?? ""), 300_000);
        const { items } = await client.list<PastTenancy>(IP_HISTORY);
        const past = items.filter((each) => each.spec.space === space).map((each) => each.spec);
        assert.deepEqual(
            past.map(({ address: of, owner, macAddress, reason }) => [of, owner.key, macAddress, reason]),
            [[address, `${namespace.name}/gone/eth1`, "02:00:c6:12:8c:05", "orphan"]],
        );
        const [tenancy] = await history(client, { address, space });
        assert.deepEqual([tenancy?.state, tenancy?.reason], ["Quarantined", "orphan"]);
        assert.deepEqual(await found(client, { space }), []);
    });

    it("rests as long as its pool says, where that is longer", async () => {
        const space = newSpace();
        await records.pool(space, { space, blocks: [{ cidr: "198.18.140.0/24" }], releaseGraceSeconds: 900 });
        const owner = `${namespace.name}/gone/eth1`;
        await records.reserve({ space, address, pool: space, owner });
        await fixLater(space, 2 * MINUTE);
        await backdate(space, 14 * MINUTE);
        assert.deepEqual(
            await fixLater(space, 2 * MINUTE),
            [`Orphan ${address}`],
            "kept: used by the VM, on any network",
        );
        await patchReservation(client, space, address, [
            { op: "add", path: "/spec/network", value: `${namespace.name}/other` },
        ]);
        assert.deepEqual(await fixLater(space, 2 * MINUTE), [`Orphan ${address} fixed`]);
        const { spec } = (await findReservation(client, space, address)) ?? assert.fail("it must not be deleted");
        assert.equal(Date.parse(spec.reusableAt ?? "") - Date.parse(spec.releasedAt ?? ""), 900_000);
    });

    it("is not released while an instance reports the address [case 59]", async () => {
        const space = await seenBefore({ network: `${namespace.name}/lan` });
        const later = await laterClient(2 * MINUTE);
        const findings = await audit(later, { space, fix: true });
        assert.deepEqual(
            findings.map(({ class: kind, fixable, fixed }) => [kind, fixable, fixed]),
            [
                ["Orphan", false, undefined],
                ["OwnerMismatch", false, undefined],
            ],
        );
        assert.match(findings[0]?.message ?? "", /not released while it is used by NIC \S+\/user\/eth1\.$/);
        assert.equal(await stateOf(space), "Active");
    });

    it("is not released while a pod reports it", async () => {
        const space = await seenBefore();
        const { core } = namespace.clients;
        const entry = { name: `${namespace.name}/other`, interface: "net1", ips: [address] };
        await core.createNamespacedPod({
            namespace: namespace.name,
            body: {
                metadata: {
                    name: "pod",
                    annotations: { "k8s.v1.cni.cncf.io/network-status": JSON.stringify([entry]) },
                },
                spec: { containers: [{ name: "main", image: "none" }], nodeName: "nowhere" },
            },
        });
        try {
            const [finding] = await audit(await laterClient(2 * MINUTE), { space, fix: true });
            assert.match(finding?.message ?? "", /not released while it is used by pod \S+\/pod\.$/);
            assert.equal(await stateOf(space), "Active");
        } finally {
            // There is no kubelet that would end it.
            await core.deleteNamespacedPod({ namespace: namespace.name, name: "pod", gracePeriodSeconds: 0 });
        }
        assert.deepEqual(await fixLater(space, 2 * MINUTE), [`Orphan ${address} fixed`]);
    });

    it("is not released when its NIC comes back while others are looked at", async () => {
        const space = await seenBefore();
        const later = await laterClient(2 * MINUTE);
        const list = later.list.bind(later);
        // The VM is made when all machines have been read.
        later.list = async (kind, ...rest) => {
            const read = await list(kind, ...rest);
            if (kind.plural === "pods") {
                await machines.create("gone", [podNic, { ...nic, macAddress: "02:00:c6:12:8c:06" }], {
                    runStrategy: "Halted",
                });
            }
            return read as never;
        };
        assert.deepEqual(await found(later, { space, fix: true }), [`Orphan ${address} failed`]);
        assert.equal(await stateOf(space), "Active");
        // The next one knows, and takes the note away.
        assert.ok(await notedAt(space));
        assert.deepEqual(await fixLater(space, 2 * MINUTE), []);
        assert.equal(await notedAt(space), undefined);
        await namespace.clients.custom.deleteNamespacedCustomObject({
            group: "kubevirt.io",
            version: "v1",
            namespace: namespace.name,
            plural: "virtualmachines",
            name: "gone",
        });
        await until("the VM to be gone", async () => {
            const machine = await orUndefined(machines.vm("gone"));
            return machine === undefined ? done(true) : seen(machine.status);
        });
    });

    it("is not released when its reservation is changed while others are looked at", async () => {
        const space = await seenBefore();
        const later = await laterClient(2 * MINUTE);
        const list = later.list.bind(later);
        later.list = async (kind, ...rest) => {
            const read = await list(kind, ...rest);
            if (kind.plural === "pods") {
                await patchReservation(client, space, address, [{ op: "add", path: "/spec/retain", value: true }]);
            }
            return read as never;
        };
        assert.deepEqual(await found(later, { space, fix: true }), [`Orphan ${address} failed`]);
        assert.equal(await stateOf(space), "Active");
    });

    it("is noted anew when it has become another tenancy's", async () => {
        const space = await seenBefore();
        const parsed = parseAddress(address);
        assert.ok(parsed.ok);
        const first = await findReservation(client, space, address);
        const tenancy = { space, address: parsed.value };
        const { allocationId = "" } = first?.spec ?? {};
        await release(client, tenancy, { allocationId, reason: "test", graceSeconds: 1 });
        const owner = { key: `${namespace.name}/next/eth1`, manager: "acme/shop/prod" };
        const taken = await take(await laterClient(MINUTE), { ...tenancy, owner, origin: "Static" });
        assert.ok(taken.won);
        const old = await notedAt(space);
        assert.ok(old, "the note is still there");
        assert.deepEqual(await fixLater(space, 3 * MINUTE), [`Orphan ${address}`]);
        assert.equal(await stateOf(space), "Active");
        assert.notEqual(await notedAt(space), old);
    });

    it("is not released while a source cannot be read", async () => {
        const space = await seenBefore();
        const user = `audit-orphan-${String(process.pid)}`;
        const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
        await rbac.createClusterRole({
            body: {
                metadata: { name: user },
                rules: [
                    {
                        apiGroups: ["vm.novasphere.dev", "kubevirt.io", "networking.k8s.io"],
                        resources: ["*"],
                        verbs: ["*"],
                    },
                    { apiGroups: [""], resources: ["services", "nodes"], verbs: ["list"] },
                    { apiGroups: ["whereabouts.cni.cncf.io"], resources: ["*"], verbs: ["list"] },
                ],
            },
        });
        await rbac.createClusterRoleBinding({
            body: {
                metadata: { name: user },
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user },
                subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
            },
        });
        try {
            const limited = await laterClient(2 * MINUTE, await kubeconfigAs(user));
            const findings = await audit(limited, { space, fix: true });
            assert.deepEqual(
                findings.map(({ class: kind, fixable, source }) => [kind, fixable, source]),
                [
                    ["Orphan", false, undefined],
                    ["UnreadableSource", false, "pods"],
                ],
            );
            assert.equal(await stateOf(space), "Active");
        } finally {
            await rbac.deleteClusterRoleBinding({ name: user });
            await rbac.deleteClusterRole({ name: user });
        }
    });

    it("is not released where the cluster does not know VMs (any more)", async () => {
        const space = await seenBefore();
        const later = await laterClient(2 * MINUTE);
        const list = later.list.bind(later);
        later.list = async (kind, ...rest) => {
            if (kind.group === "kubevirt.io") {
                throw new ClusterError("not-found", `GET ${kind.plural}: the server could not find it.`);
            }
            return list(kind, ...rest);
        };
        const findings = await audit(later, { space, fix: true });
        assert.deepEqual(
            findings.map(({ class: kind, source }) => [kind, source]),
            [
                ["UnreadableSource", "virtualmachineinstances.kubevirt.io"],
                ["UnreadableSource", "virtualmachines.kubevirt.io"],
            ],
        );
        assert.equal(await stateOf(space), "Active");
    });

    it("is told where it may not be written", async () => {
        const space = await seenBefore();
        const nobody = new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig("nobody") }));
        const reader = await laterClient(2 * MINUTE);
        reader.patch = async (...args) => nobody.patch(...args) as never;
        const [finding] = await audit(reader, { space, fix: true });
        assert.deepEqual([finding?.class, finding?.fixed], ["Orphan", false]);
        assert.match(finding?.message ?? "", /That failed: The cluster at .* refused PATCH .*forbidden/);
    });
});
