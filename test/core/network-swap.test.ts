import assert from "node:assert/strict";
import type { ImpactFacts } from "../../core/impact";
import { networkSwap } from "../../core/network-swap";
import type { NicSpec } from "../../core/nic";

const BRIDGE: NicSpec = {
    name: "eth1",
    type: "bridge",
    binding: "bridge",
    nadName: "demo/lan",
    macAddress: "02:00:00:00:00:01",
    model: "virtio",
    linkState: "up",
};

/** KubeVirt moves the NIC of such a VM. */
const GOOD: ImpactFacts = {
    vm: "running",
    isPrimary: false,
    kubevirtVersion: "v1.9.0",
    workloadUpdateMethods: ["LiveMigrate"],
    liveMigratable: { status: true },
    dynamicNetworksController: true,
};

describe("another network for a NIC, by migration", () => {
    const MOVED: [string, Partial<ImpactFacts>][] = [
        ["with KubeVirt 1.9", {}],
        ["with KubeVirt 1.8", { kubevirtVersion: "v1.8.1", disabledFeatureGates: [] }],
        ["where the update asks for the migration", { workloadUpdateMethods: [], requestsMigration: true }],
        ["once the VM has started", { vm: "starting" }],
    ];
    for (const [what, facts] of MOVED) {
        it(`is what it comes to ${what}`, () => {
            assert.equal(networkSwap(BRIDGE, { ...GOOD, ...facts }, "wait")?.impact, "live-migration");
        });
    }

    const REPLUGGED: [string, Partial<ImpactFacts>][] = [
        ["before KubeVirt 1.8", { kubevirtVersion: "v1.7.3" }],
        [
            "with the feature gate of 1.8 disabled",
            { kubevirtVersion: "v1.8.1", disabledFeatureGates: ["LiveUpdateNADRef"] },
        ],
        ["with a KubeVirt of unknown version", { kubevirtVersion: undefined }],
        ["where the VM cannot migrate", { liveMigratable: { status: false } }],
        ["where the VM would be evicted", { liveMigratable: { status: false }, workloadUpdateMethods: ["Evict"] }],
        ["where nobody starts the migration", { workloadUpdateMethods: [] }],
        ["where it is not known whether somebody does", { workloadUpdateMethods: undefined }],
        ["with a VM that is off", { vm: "stopped" }],
    ];
    for (const [what, facts] of REPLUGGED) {
        it(`is not the way ${what}`, () => {
            assert.equal(networkSwap(BRIDGE, { ...GOOD, ...facts }, "wait"), undefined);
        });
    }

    it("is not the way where the VM's owner refuses migrations", () => {
        assert.equal(networkSwap(BRIDGE, GOOD, "refuse"), undefined);
    });

    it("is not the way for an SR-IOV NIC, which has no bridge binding", () => {
        assert.equal(networkSwap({ ...BRIDGE, type: "sriov", binding: "sriov" }, GOOD, "wait"), undefined);
    });
});
