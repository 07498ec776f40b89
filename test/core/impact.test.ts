import assert from "node:assert/strict";
import fc from "fast-check";
import { classifyChange, combined, type Impact, type ImpactFacts, type NicChange } from "../../core/impact";
import { type NicSpec } from "../../core/nic";

const BRIDGE: NicSpec = {
    name: "eth1",
    type: "bridge",
    binding: "bridge",
    nadName: "demo/lan",
    macAddress: "02:4b:11:00:00:02",
    model: "virtio",
    linkState: "up",
};
const POD: NicSpec = { ...BRIDGE, type: "pod", binding: "masquerade", nadName: undefined };
const SRIOV: NicSpec = { ...BRIDGE, type: "sriov", binding: "sriov" };

/** A cluster with everything in place. */
const GOOD: ImpactFacts = {
    vm: "running",
    isPrimary: false,
    kubevirtVersion: "v1.9.0",
    workloadUpdateMethods: ["LiveMigrate"],
    liveMigratable: { status: true },
    dynamicNetworksController: true,
    podUsesHashedNames: true,
    freeHotplugPorts: 3,
    migrationInFlight: false,
};
const UNKNOWN: ImpactFacts = { vm: "running", isPrimary: false };
const FIXED = { status: false, reason: "InterfaceNotLiveMigratable", message: "bridge on the pod network" };
const attach: NicChange = { kind: "attach", nic: BRIDGE };
const detach: NicChange = { kind: "detach", nic: BRIDGE };

const rows: [string, NicChange, Partial<ImpactFacts>, Impact, RegExp][] = [
    ["a NIC of a VM to be made", attach, { vm: "absent" }, "boot", /made with it/],
    ["a NIC of a VM that is off", attach, { vm: "stopped" }, "boot", /next start/],
    ["any change of a VM that is off", { kind: "mac", nic: BRIDGE }, { vm: "stopped" }, "boot", /next start/],
    ["a bridge NIC", attach, {}, "live", /^attached to the running VM$/],
    ["a bridge NIC of a VM that starts", attach, { vm: "starting" }, "live", /waits until the VM runs/],
    ["a bridge NIC during a migration", attach, { migrationInFlight: true }, "live", /present migration ends/],
    [
        "a bridge NIC without the controller",
        attach,
        { dynamicNetworksController: false },
        "live-migration",
        /no multus-dynamic-networks-controller/,
    ],
    [
        "a bridge NIC without the controller, VM fixed to its node",
        attach,
        { dynamicNetworksController: false, liveMigratable: FIXED },
        "restart",
        /InterfaceNotLiveMigratable: bridge on the pod network/,
    ],
    [
        "a bridge NIC without the controller, nobody starts migrations",
        attach,
        { dynamicNetworksController: false, workloadUpdateMethods: [] },
        "live-migration",
        /create a VirtualMachineInstanceMigration/,
    ],
    [
        "a bridge NIC without the controller on KubeVirt 1.5",
        attach,
        { dynamicNetworksController: false, kubevirtVersion: "v1.5.2" },
        "live-migration",
        /before 1\.6/,
    ],
    [
        "a bridge NIC that gets the VM evicted",
        attach,
        { dynamicNetworksController: false, liveMigratable: FIXED, workloadUpdateMethods: ["LiveMigrate", "Evict"] },
        "refused",
        /shut it down.*Evict.*InterfaceNotLiveMigratable/,
    ],
    [
        "a bridge NIC that gets a migratable VM evicted",
        attach,
        { dynamicNetworksController: false, workloadUpdateMethods: ["Evict"] },
        "refused",
        /not LiveMigrate/,
    ],
    [
        "a bridge NIC that may get the VM evicted",
        attach,
        { dynamicNetworksController: undefined, liveMigratable: FIXED, workloadUpdateMethods: ["Evict"] },
        "refused",
        /not checked/,
    ],
    [
        "a bridge NIC in place, however the VM may be evicted otherwise",
        attach,
        { liveMigratable: FIXED, workloadUpdateMethods: ["Evict"] },
        "live",
        /attached/,
    ],
    ["a bridge NIC without a free port", attach, { freeHotplugPorts: 0 }, "restart", /PCI port/],
    ["a bridge NIC that is not virtio", { kind: "attach", nic: { ...BRIDGE, model: "e1000" } }, {}, "restart", /e1000/],
    ["a pod NIC", { kind: "attach", nic: POD }, {}, "restart", /bridge or SR-IOV/],
    [
        "an SR-IOV NIC, controller or not",
        { kind: "attach", nic: SRIOV },
        {},
        "live-migration",
        /SR-IOV NICs by live migration/,
    ],
    [
        "an SR-IOV NIC of a fixed VM",
        { kind: "attach", nic: SRIOV },
        { liveMigratable: FIXED },
        "restart",
        /cannot migrate/,
    ],
    ["an unplug", detach, {}, "live", /^unplugged from the running VM$/],
    [
        "an unplug without the controller",
        detach,
        { dynamicNetworksController: false },
        "live-migration",
        /live migration/,
    ],
    ["an unplug of the primary NIC", detach, { isPrimary: true }, "refused", /primary NIC/],
    [
        "an unplug of the primary NIC of a VM that is off",
        detach,
        { isPrimary: true, vm: "stopped" },
        "refused",
        /primary NIC/,
    ],
    ["an unplug of the pod NIC", { kind: "detach", nic: POD }, {}, "restart", /masquerade/],
    ["an unplug of an SR-IOV NIC", { kind: "detach", nic: SRIOV }, {}, "restart", /sriov/],
    ["an unplug from an old pod", detach, { podUsesHashedNames: false }, "restart", /net1/],
    ["a link switch", { kind: "link", nic: BRIDGE, to: "down" }, {}, "live", /switched/],
    [
        "a link switch of the primary NIC",
        { kind: "link", nic: POD, to: "down" },
        { isPrimary: true },
        "live",
        /switched/,
    ],
    ["a link switch of SR-IOV", { kind: "link", nic: SRIOV, to: "down" }, {}, "refused", /SR-IOV/],
    [
        "a link switch on KubeVirt 1.4",
        { kind: "link", nic: BRIDGE, to: "down" },
        { kubevirtVersion: "1.4.0" },
        "refused",
        /since 1\.5.*1\.4\.0/,
    ],
    [
        "another network on 1.9",
        { kind: "nad", nic: BRIDGE },
        {},
        "live-migration",
        /another network by live migration$/,
    ],
    [
        "another network on 1.8",
        { kind: "nad", nic: BRIDGE },
        { kubevirtVersion: "v1.8.2" },
        "live-migration",
        /not checked: feature gate LiveUpdateNADRef/,
    ],
    [
        "an attach by migration, on the only node",
        attach,
        { dynamicNetworksController: false, hasMigrationTarget: false },
        "restart",
        /, and no other node takes VMs$/,
    ],
    ["another network on 1.6", { kind: "nad", nic: BRIDGE }, { kubevirtVersion: "v1.6.0" }, "restart", /since 1\.8/],
    [
        "another network of a fixed VM",
        { kind: "nad", nic: BRIDGE },
        { liveMigratable: FIXED },
        "restart",
        /cannot migrate/,
    ],
    ["another MAC", { kind: "mac", nic: BRIDGE }, {}, "restart", /MAC address of a plugged NIC/],
    ["another model", { kind: "model", nic: BRIDGE }, {}, "restart", /model of a plugged NIC/],
    ["another binding", { kind: "binding", nic: BRIDGE }, {}, "restart", /binding of a plugged NIC/],
    ["another address", { kind: "address", nic: BRIDGE }, {}, "first-boot-only", /first boot/],
    [
        "another address of a VM that is off",
        { kind: "address", nic: BRIDGE },
        { vm: "stopped" },
        "first-boot-only",
        /first boot/,
    ],
    ["another address of a VM to be made", { kind: "address", nic: BRIDGE }, { vm: "absent" }, "boot", /made with it/],
];

describe("impact", () => {
    for (const [what, change, facts, impact, reason] of rows) {
        it(`${impact}: ${what}`, () => {
            const verdict = classifyChange(change, { ...GOOD, ...facts });
            assert.equal(verdict.impact, impact, verdict.reason);
            assert.match(verdict.reason, reason);
        });
    }

    it("says what it did not check", () => {
        const { impact, reason } = classifyChange(attach, UNKNOWN);
        assert.equal(impact, "live");
        assert.match(reason, /not checked: multus-dynamic-networks-controller.*PCI ports/);
        assert.match(classifyChange(detach, UNKNOWN).reason, /not checked: .*names of the NICs/);
        assert.match(classifyChange({ kind: "nad", nic: BRIDGE }, UNKNOWN).reason, /not checked: KubeVirt's version/);
        assert.match(
            classifyChange({ kind: "link", nic: BRIDGE, to: "up" }, UNKNOWN).reason,
            /not checked: KubeVirt's version/,
        );
        assert.match(
            classifyChange({ kind: "attach", nic: SRIOV }, UNKNOWN).reason,
            /not checked: whether the VM can migrate, KubeVirt's workloadUpdateMethods/,
        );
        assert.doesNotMatch(classifyChange(attach, GOOD).reason, /not checked/);
    });

    it("never lets a NIC shut the VM down", () => {
        const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
        const facts = fc.record({
            vm: fc.constantFrom("starting" as const, "running" as const),
            isPrimary: fc.boolean(),
            kubevirtVersion: maybe(fc.constantFrom("v1.4.0", "v1.6.0", "v1.8.0", "v1.9.0")),
            workloadUpdateMethods: maybe(fc.subarray(["LiveMigrate", "Evict"])),
            liveMigratable: maybe(fc.record({ status: fc.boolean() })),
            dynamicNetworksController: maybe(fc.boolean()),
            podUsesHashedNames: maybe(fc.boolean()),
            freeHotplugPorts: maybe(fc.nat(3)),
        });
        const change = fc.constantFrom(
            attach,
            detach,
            { kind: "attach" as const, nic: SRIOV },
            { kind: "nad" as const, nic: BRIDGE },
        );
        fc.assert(
            fc.property(change, facts, (of, known) => {
                // getUpdateData of KubeVirt's workload updater, asked once the condition MigrationRequired is true.
                const evicts =
                    known.workloadUpdateMethods?.includes("Evict") === true &&
                    !(known.workloadUpdateMethods.includes("LiveMigrate") && known.liveMigratable?.status !== false);
                const inPlace =
                    of.nic.binding === "bridge" && of.kind !== "nad" && known.dynamicNetworksController === true;
                const { impact } = classifyChange(of, known);
                if (evicts && !inPlace) {
                    assert.ok(impact === "refused" || impact === "restart", impact);
                }
            }),
            { numRuns: 1000 },
        );
    });

    it("adds up: the heaviest first, then what is lighter, each once", () => {
        const restart = { impact: "restart", reason: "no port" } as const;
        const live = { impact: "live", reason: "unplugged" } as const;
        const told = { impact: "first-boot-only", reason: "cloud-init" } as const;
        const nothing = { impact: "none", reason: "same" } as const;
        assert.deepEqual(combined([]), { impact: "none", reason: "nothing changes" });
        assert.deepEqual(combined([live, restart, nothing, live]), {
            impact: "restart",
            reason: "no port; live: unplugged",
        });
        assert.deepEqual(combined([told, live, live]), {
            impact: "live",
            reason: "unplugged; first-boot-only: cloud-init",
        });
    });
});
