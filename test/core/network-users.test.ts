import assert from "node:assert/strict";
import { networkUsers, type MachineObject, type PodObject } from "../../core/network-users";

const NOBODY = { vms: [], vmis: [], pods: [] };

const vm = (namespace: string, name: string, ...networks: string[]): MachineObject => ({
    metadata: { name, namespace },
    spec: { template: { spec: { networks: [{}, ...networks.map((networkName) => ({ multus: { networkName } }))] } } },
});

const vmi = (namespace: string, name: string, ...networks: string[]): MachineObject => ({
    metadata: { name, namespace },
    spec: { networks: networks.map((networkName) => ({ multus: { networkName } })) },
});

const pod = (annotation: string, key = "k8s.v1.cni.cncf.io/networks"): PodObject => ({
    metadata: { name: "p", namespace: "prod", annotations: { [key]: annotation } },
    status: { phase: "Running" },
});

function named(nadName: string, objects: Partial<Parameters<typeof networkUsers>[1]>): string[] {
    return networkUsers(nadName, { ...NOBODY, ...objects }).map(({ name }) => name);
}

describe("who names a network", () => {
    it("is a VM or its instance, by the name alone in the network's namespace and in full from another", () => {
        const vms = [vm("prod", "a", "lan"), vm("test", "b", "lan"), vm("test", "c", "x", "prod/lan"), vm("prod", "d")];
        const vmis = [vmi("prod", "a", "lan"), vmi("test", "b", "lan"), vmi("test", "c", "prod/lan")];
        assert.deepEqual(named("prod/lan", { vms, vmis }), ["VM prod/a", "VM test/c", "VMI prod/a", "VMI test/c"]);
        assert.deepEqual(named("test/lan", { vms, vmis }), ["VM test/b", "VMI test/b"]);
        assert.deepEqual(named("prod/la", { vms, vmis }), []);
    });

    // The forms of multus-cni's docs/how-to-use.md and of KubeVirt's launcher pods.
    for (const annotation of [
        "lan",
        "prod/lan",
        "other, lan",
        "other/x@net1,prod/lan@eth1",
        "lan@eth1",
        '[{"name":"lan"}]',
        ' [{"name":"x"},{"name":"lan","namespace":"prod","interface":"pod16477688c0e","mac":"02:00:00:00:00:01"}]',
        '[{"name":"lan","namespace":""}]',
    ]) {
        it(`is a pod with the annotation ${annotation}`, () => {
            assert.deepEqual(named("prod/lan", { pods: [pod(annotation)] }), ["pod prod/p"]);
        });
    }

    for (const annotation of ["", "lan2", "test/lan", "lan/x", '[{"name":"lan","namespace":"test"}]', "[{", "[{}]"]) {
        it(`is no pod with the annotation ${JSON.stringify(annotation)}`, () => {
            assert.deepEqual(named("prod/lan", { pods: [pod(annotation)] }), []);
        });
    }

    it("is a pod that has the network in place of the cluster's", () => {
        const inPlace = (name: string): PodObject => pod(name, "v1.multus-cni.io/default-network");
        assert.deepEqual(named("prod/lan", { pods: [inPlace("prod/lan")] }), ["pod prod/p"]);
        // A name alone is one of Multus' namespace (multus-cni, pkg/k8sclient, tryLoadK8sPodDefaultNetwork).
        assert.deepEqual(named("prod/lan", { pods: [inPlace("lan")] }), []);
        assert.deepEqual(named("kube-system/lan", { pods: [inPlace("lan")] }), ["pod prod/p"]);
    });

    it("is no pod that has ended, as the source of each live migration has", () => {
        const ended = ["Succeeded", "Failed"].map((phase) => ({ ...pod("lan"), status: { phase } }));
        assert.deepEqual(named("prod/lan", { pods: ended }), []);
        assert.deepEqual(named("prod/lan", { pods: [{ ...pod("lan"), status: { phase: "Pending" } }] }), [
            "pod prod/p",
        ]);
    });

    it("is leaving where it is being deleted", () => {
        const going = { ...pod("lan").metadata, deletionTimestamp: "2026-11-21T00:00:00Z" };
        const users = networkUsers("prod/lan", { ...NOBODY, pods: [{ metadata: going }, pod("lan")] });
        assert.deepEqual(
            users.map(({ isLeaving }) => isLeaving),
            [true, false],
        );
    });
});
