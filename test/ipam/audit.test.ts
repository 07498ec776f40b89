import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { audit, ClusterError, FINDING_CLASSES, type Finding } from "../../cluster/ipam";
import { IN_USE } from "../../cluster/ipam/objects";
import { wukongHere } from "../cli/wukong";
import { Machines } from "../cluster/virtual-machines";
import { type Nic, podNic, status } from "../cluster/vm-objects";
import { useNamespace } from "../support/embedded-cluster";
import { deletedPool, freePool, kubeconfigAs, laterClient, type LaterClient } from "./audit-objects";
import { AddressRecords, ago, clearAfterwards, recordingClient, uniqueName } from "./query-objects";

const DAY = 24 * 3600;

/** How long records are kept, where that matters: another suite removes those that are older than the default. */
const DAYS = 70;

/** One of a Service, which uses it in every space: that of another run at the same time is another one. */
const last = (process.pid % 65_000) + 1;
const EXTERNAL = `198.19.${String(last >> 8)}.${String(last & 255)}`;

/** The NICs of the VM `web`, each on a network and in a space of its own, with what its guest reports there. */
const REPORTED: Record<string, string[]> = {
    healthy: ["198.18.130.10", "198.18.130.11", "fe80::10"],
    missing: ["198.18.130.12"],
    duplicate: ["198.18.130.13"],
    mismatch: ["198.18.130.14"],
    mac: ["198.18.130.15"],
    outside: ["198.18.130.16"],
    drifted: ["198.18.130.99"],
    external: [EXTERNAL],
};

describe("an audit of a cluster", function () {
    this.timeout(60_000);
    const namespace = useNamespace("audit");
    const machines = new Machines(namespace);
    const spaces = Object.fromEntries(
        [...Object.keys(REPORTED), "orphan", "tombstone", "deleting", "history"].map((name) => [
            name,
            uniqueName(`audit-${name}`),
        ]),
    );
    const spaceOf = (name: string): string => spaces[name] ?? "";
    const limited = `audit-${String(process.pid)}`;
    let client: LaterClient;
    let records: AddressRecords;
    let limitedKubeconfig: string;

    const macOf = (name: string): string => `02:00:c6:12:82:0${String(Object.keys(REPORTED).indexOf(name))}`;

    /** Reserves an address of a NIC of `web` on the network of a space. */
    const reserve = async (name: string, address: string, parts: object = {}): Promise<void> =>
        records.reserve({
            space: spaceOf(name),
            address,
            pool: spaceOf(name),
            network: `${namespace.name}/${name}`,
            owner: `${namespace.name}/web/${name}`,
            macAddress: macOf(name),
            ...parts,
        });

    before("run a VM with a NIC for each case", async () => {
        client = await laterClient();
        records = new AddressRecords(client, spaceOf("healthy"));
        const nics = Object.keys(REPORTED).map((name): Nic => ({ name, nad: name, macAddress: macOf(name) }));
        for (const { name } of nics) {
            await machines.network(name);
        }
        const modes = { "guest-addresses": JSON.stringify(REPORTED) };
        await machines.run("web", [podNic, ...nics], { modes });
        const other: Nic = { name: "duplicate", nad: "duplicate", macAddress: "02:00:c6:12:83:01" };
        const silent: Nic = { name: "mismatch", nad: "mismatch", macAddress: "02:00:c6:12:83:02" };
        const networkData = `{version: 2, ethernets: {x: {match: {macaddress: "${other.macAddress ?? ""}"}, addresses: [198.18.130.13/24]}}}`;
        await machines.create("other", [podNic, other, silent], {
            runStrategy: "Halted",
            volumes: [{ name: "cloudinit", cloudInitNoCloud: { networkData } }],
        });
        await machines.untilVmi("web", "to report its addresses", (vmi) =>
            nics.every(({ name }) => status(vmi, name)?.ipAddress !== undefined),
        );
    });

    before("reserve the addresses", async () => {
        for (const name of Object.keys(REPORTED)) {
            const exclude = name === "outside" ? { exclude: ["198.18.130.16"] } : {};
            const block = { cidr: "198.18.130.0/24", ranges: ["198.18.130.1-198.18.130.20"], ...exclude };
            const blocks = [name === "external" ? { cidr: "198.19.0.0/16" } : block];
            await records.pool(spaceOf(name), { space: spaceOf(name), blocks });
        }
        await reserve("healthy", "198.18.130.10");
        await reserve("healthy", "198.18.130.11", { owner: `${namespace.name}/web/healthy#1` });
        await reserve("healthy", "198.18.130.2", { owner: "owner:vip" });
        const released = { state: "Released", releasedAt: ago(client, 60), releaseReason: "deleted" };
        await reserve("healthy", "198.18.130.3", { ...released, owner: "gone/vm/eth1", retain: true });
        await reserve("healthy", "198.18.130.4", { ...released, reusableAt: ago(client, -3600) });
        await records.past({
            address: "198.18.130.5",
            owner: "owner:past",
            from: ago(client, 100 * DAY),
            to: ago(client, 89 * DAY),
        });

        await reserve("missing", "198.18.130.1", { owner: "owner:vip" });
        await reserve("duplicate", "198.18.130.13");
        await reserve("mismatch", "198.18.130.14", {
            owner: `${namespace.name}/other/mismatch`,
            macAddress: "02:00:c6:12:83:02",
        });
        await reserve("mac", "198.18.130.15", { macAddress: "02:00:c6:12:83:03" });
        await reserve("outside", "198.18.130.16");
        await reserve("drifted", "198.18.130.17");
        await reserve("external", EXTERNAL);
        await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: { metadata: { name: "edge" }, spec: { ports: [{ port: 80 }], externalIPs: [EXTERNAL] } },
        });
        await records.reserve({
            space: spaceOf("orphan"),
            address: "198.18.130.19",
            owner: `${namespace.name}/web/eth9`,
        });
        await records.reserve({
            space: spaceOf("tombstone"),
            address: "198.18.130.20",
            owner: "owner:past",
            state: "Released",
            releasedAt: ago(client, 60),
            reusableAt: ago(client, 30),
        });
        const blocks = [{ cidr: "198.18.131.0/24" }];
        await deletedPool(records, spaceOf("deleting"), { space: spaceOf("deleting"), blocks }, [IN_USE]);
        const past = { space: spaceOf("history"), address: "198.18.130.21", owner: "owner:past" };
        await records.past({ ...past, from: ago(client, 100 * DAY), to: ago(client, DAYS * DAY + 60) });
        await records.past({ ...past, from: ago(client, 200 * DAY), to: ago(client, 80 * DAY) });
        await records.past({ ...past, from: ago(client, 90 * DAY), to: ago(client, DAYS * DAY - 600) });
    });

    before("let a user see all but nodes", async () => {
        const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
        const read = (apiGroups: string[], resources: string[]): k8s.V1PolicyRule => ({
            apiGroups,
            resources,
            verbs: ["get", "list"],
        });
        const rules = [
            read(["vm.novasphere.dev", "kubevirt.io", "whereabouts.cni.cncf.io"], ["*"]),
            read([""], ["services", "pods"]),
            read(["networking.k8s.io"], ["servicecidrs"]),
        ];
        await rbac.createClusterRole({ body: { metadata: { name: limited }, rules } });
        await rbac.createClusterRoleBinding({
            body: {
                metadata: { name: limited },
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: limited },
                subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: limited }],
            },
        });
        limitedKubeconfig = await kubeconfigAs(limited);
    });

    after("take that back, and let the pool go", async () => {
        const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
        await rbac.deleteClusterRoleBinding({ name: limited });
        await rbac.deleteClusterRole({ name: limited });
        await freePool(client, spaceOf("deleting"));
    });

    clearAfterwards(
        () => records,
        () => Object.values(spaces),
    );

    it("finds nothing wrong where nothing is, and ends with 0 [case 58]", async () => {
        assert.deepEqual(await audit(client, { space: spaceOf("healthy") }), []);
        const table = await wukongHere(["ipam", "audit", "--space", spaceOf("healthy")]);
        assert.deepEqual(table, { code: 0, stdout: "0 drift\n", stderr: "" });
        const json = await wukongHere(["ipam", "audit", "--space", spaceOf("healthy"), "-o", "json"]);
        assert.deepEqual(json, { code: 0, stdout: "[]\n", stderr: "" });
    });

    const INJECTED: [string, Omit<Finding, "message">, RegExp][] = [
        [
            "missing",
            { class: "Missing", address: "198.18.130.12", owner: "ns/web/missing", pool: "missing", fixable: false },
            /^NIC missing of VM ns\/web uses the address \(status\), and it is not reserved\./,
        ],
        [
            "duplicate",
            {
                class: "Duplicate",
                address: "198.18.130.13",
                owner: "ns/web/duplicate",
                pool: "duplicate",
                fixable: false,
            },
            /^NIC duplicate of VM ns\/other \(cloud-init\) and NIC duplicate of VM ns\/web \(status\) use one address\./,
        ],
        [
            "orphan",
            { class: "Orphan", address: "198.18.130.19", owner: "ns/web/eth9", fixable: true },
            /^NIC eth9 of VM ns\/web is gone, and stack acme\/shop\/prod has not released its address\./,
        ],
        [
            "mismatch",
            {
                class: "OwnerMismatch",
                address: "198.18.130.14",
                owner: "ns/other/mismatch",
                pool: "mismatch",
                fixable: false,
            },
            /^NIC mismatch of VM ns\/web uses the address \(status\), which is reserved for NIC mismatch of VM ns\/other/,
        ],
        [
            "mac",
            { class: "MacMismatch", address: "198.18.130.15", owner: "ns/web/mac", pool: "mac", fixable: false },
            /^The reservation has the MAC address 02:00:c6:12:83:03, and the NIC 02:00:c6:12:82:04\./,
        ],
        [
            "outside",
            { class: "Outside", address: "198.18.130.16", owner: "ns/web/outside", pool: "outside", fixable: false },
            /would not give the address out any more: it is excluded from 198\.18\.130\.0\/24\./,
        ],
        [
            "drifted",
            { class: "Drifted", address: "198.18.130.17", owner: "ns/web/drifted", pool: "drifted", fixable: false },
            /^The guest agent reports 198\.18\.130\.99 for the NIC, not the reserved address\./,
        ],
        [
            "external",
            {
                class: "ExternalConflict",
                address: EXTERNAL,
                owner: "ns/web/external",
                pool: "external",
                fixable: false,
            },
            /^The address is used by Service ns\/edge \(externalIP\), and reserved for NIC external of VM ns\/web\./,
        ],
        [
            "tombstone",
            { class: "TombstoneExpired", address: "198.18.130.20", owner: "owner:past", fixable: true },
            /^The address is free since \S+Z\./,
        ],
        [
            "deleting",
            { class: "PoolDeleting", pool: "deleting", fixable: true },
            /^The pool is being deleted since \S+Z, and nothing of it is reserved\./,
        ],
        [
            "history",
            { class: "HistoryExpired", fixable: true },
            /^2 records tell of tenancies that ended more than 70 days ago\./,
        ],
    ];
    for (const [name, expected, message] of INJECTED) {
        it(`finds exactly ${expected.class}, and ends with 2 [case 58]`, async () => {
            const args = ["ipam", "audit", "--space", spaceOf(name), "--history-days", String(DAYS), "-o", "json"];
            const call = await wukongHere(args);
            assert.deepEqual([call.code, call.stderr], [2, ""]);
            const findings = JSON.parse(call.stdout) as Finding[];
            assert.deepEqual(findings, await audit(client, { space: spaceOf(name), historyDays: DAYS }));
            assert.equal(findings.length, 1);
            const { message: said, ...rest } = findings[0]!;
            assert.match(said.replaceAll(namespace.name, "ns"), message);
            assert.deepEqual(rest, {
                ...expected,
                space: spaceOf(name),
                ...(expected.pool !== undefined && { pool: spaceOf(name) }),
                ...(expected.owner !== undefined && { owner: expected.owner.replace(/^ns\//, `${namespace.name}/`) }),
            });
        });
    }

    it("finds exactly UnreadableSource, and ends with 2 [case 58]", async () => {
        const args = ["ipam", "audit", "--space", spaceOf("healthy"), "-o", "json"];
        const call = await wukongHere(args, limitedKubeconfig);
        assert.deepEqual([call.code, call.stderr], [2, ""]);
        const findings = JSON.parse(call.stdout) as Finding[];
        const { message, ...rest } = findings[0]!;
        assert.deepEqual(
            [rest, findings.slice(1)],
            [{ class: "UnreadableSource", source: "nodes", fixable: false }, []],
        );
        assert.match(message, /^Addresses in use cannot be told: cannot list nodes: The cluster at .* forbidden/);
    });

    it("has injected each class once [case 58]", () => {
        const classes = [...INJECTED.map(([, finding]) => finding.class), "UnreadableSource"];
        assert.deepEqual(classes.sort(), [...FINDING_CLASSES].sort());
    });

    it("finds the pool in a network of Services", async () => {
        const networking = namespace.clients.config.makeApiClient(k8s.NetworkingV1Api);
        const { spec } = await networking.readServiceCIDR({ name: "kubernetes" });
        const cidr = spec?.cidrs?.[0] ?? "";
        const space = uniqueName("audit-services");
        await records.pool(space, { space, blocks: [{ cidr }] });
        const findings = await audit(client, { space });
        assert.deepEqual(
            findings.map(({ class: kind, pool, address }) => [kind, pool, address]),
            [["ExternalConflict", space, undefined]],
        );
        assert.match(findings[0]?.message ?? "", /ServiceCIDR "kubernetes"/);
    });

    // The audit sees what the VM's own volumes say; what was set inside a guest without an agent stays unseen.
    it("does not see what was set by hand in a guest without an agent [case 60]", async () => {
        const nic: Nic = { name: "healthy", nad: "healthy", macAddress: "02:00:c6:12:83:04" };
        const modes = { "guest-agent": "off", "guest-addresses": '{"healthy": ["198.18.130.10"]}' };
        await machines.run("silent", [podNic, nic], { modes });
        assert.deepEqual(await audit(client, { space: spaceOf("healthy") }), []);
        const { stdout } = await wukongHere(["ipam", "audit", "--help"]);
        assert.match(stdout, /given by hand is seen only where its guest agent reports it/);
    });

    it("reads each kind of object once, and writes nothing", async () => {
        const recording = await recordingClient();
        await audit(recording, { space: spaceOf("healthy") });
        const lists = recording.asked.map(({ request }) => request.replace(/\?.*$/, "")).sort();
        assert.deepEqual(
            lists.filter((request) => !request.includes("whereabouts")),
            [
                "GET /api/v1/nodes",
                "GET /api/v1/services",
                "GET /apis/kubevirt.io/v1/virtualmachineinstances",
                "GET /apis/kubevirt.io/v1/virtualmachines",
                "GET /apis/networking.k8s.io/v1/servicecidrs",
                "GET /apis/vm.novasphere.dev/v1alpha1/iphistories",
                "GET /apis/vm.novasphere.dev/v1alpha1/ippools",
                "GET /apis/vm.novasphere.dev/v1alpha1/ipreservations",
            ],
        );
        assert.equal(new Set(lists).size, lists.length);
        // There are more records than anything else: the API server leaves out what is of other spaces.
        assert.ok(recording.asked.some(({ request, objects }) => request.includes("iphistories?") && objects === 1));
    });

    it("refuses what cannot be audited", async () => {
        const REFUSED: [Parameters<typeof audit>[1], string, RegExp][] = [
            [{ space: "A_b" }, "invalid", /^The space "A_b" cannot be audited: a space is a DNS label/],
            [{ historyDays: -1 }, "invalid", /^Records cannot be kept for -1 days: choose 0 or more\.$/],
            [{ space: "no-such-space" }, "not-found", /^There is no address space "no-such-space" on the cluster at /],
        ];
        for (const [options, reason, message] of REFUSED) {
            await assert.rejects(audit(client, options), (error) => {
                assert.ok(error instanceof ClusterError);
                assert.equal(error.reason, reason);
                assert.match(error.message, message);
                return true;
            });
        }
    });
});
