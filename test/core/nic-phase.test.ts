import assert from "node:assert/strict";
import { type InterfaceStatus, isStuck, nicPhase, type PhaseFacts, type VmiObject } from "../../core/nic-phase";
import { type InterfaceEntry } from "../../core/vm-networks";

import {
    DOMAIN,
    AGENT,
    POD_NIC,
    iface,
    net,
    vm,
    vmi,
    st,
    RED,
    ABSENT,
    NOW,
    SOON,
    FIXED,
    RESTART,
    FAILURE,
} from "./nic-phase-objects";

/** One row per line of what KubeVirt 1.6 to 1.9 show on the way; the comment names the source. */
const rows: [string, PhaseFacts, string, RegExp][] = [
    ["a VM that is off", { vm: vm([RED]) }, "staged", /off/],
    ["an instance that ended", { vm: vm([RED]), vmi: vmi([RED], [], { phase: "Succeeded" }) }, "staged", /off/],
    [
        "an instance being deleted",
        {
            vm: vm([RED]),
            vmi: {
                ...vmi([RED], [st("red", DOMAIN)]),
                metadata: { name: "web", deletionTimestamp: "2026-01-01T00:00:00Z" },
            },
        },
        "staged",
        /off/,
    ],
    ["a VM that is off with an absent NIC (clearDetachedIfacesFromVM)", { vm: vm([ABSENT]) }, "detaching", /removes/],
    ["a VM that is off without it", { vm: vm([]) }, "gone", /does not have/],
    ["no VM at all", { vm: undefined }, "gone", /does not have/],
    [
        "an instance that starts",
        { vm: vm([RED]), vmi: vmi([RED], [], { phase: "Scheduling" }) },
        "starting",
        /Scheduling/,
    ],
    ["a NIC only in the VM", { vm: vm([RED]), vmi: vmi([], []) }, "syncing", /taken it over/],
    [
        "an SR-IOV NIC only in the VM",
        { vm: vm([iface("red", { bridge: undefined, sriov: {} })]), vmi: vmi([], []) },
        "syncing",
        /taken it over/,
    ],
    [
        "a patch of the instance that failed (vm_test.go: sync fails when VMI patch returns an error)",
        { vm: vm([RED], { conditions: [FAILURE] }), vmi: vmi([], []) },
        "failed-controller",
        /server rejected/,
    ],
    [
        "a patch that the instance was too fast for, which KubeVirt tries again",
        {
            vm: vm([RED], {
                conditions: [
                    {
                        ...FAILURE,
                        message:
                            "error encountered when trying to patch vmi: " +
                            "the server rejected our request due to an error in our request",
                    },
                ],
            }),
            vmi: vmi([], []),
        },
        "syncing",
        /taken it over/,
    ],
    [
        "the same failure once it has no part in it",
        { vm: vm([RED], { conditions: [FAILURE] }), vmi: vmi([RED], [st("red", DOMAIN)]) },
        "attached",
        /guest has it/,
    ],
    [
        "a binding that is not hot-plugged (vm_test.go: binding other than bridge or SR-IOV)",
        { vm: vm([{ name: "red", binding: { name: "passt" } }]), vmi: vmi([], []) },
        "restart-required-silent",
        /restart/,
    ],
    ["a NIC the pod does not have", { vm: vm([RED]), vmi: vmi([RED], []) }, "waiting-for-pod-nic", /pod does not have/],
    [
        "a NIC the pod is given 15 s for (evaluator_test.go)",
        { vm: vm([RED]), vmi: vmi([RED], [], { conditions: [SOON] }) },
        "waiting-for-pod-nic",
        /pod does not have/,
    ],
    [
        "a required migration",
        { vm: vm([RED]), vmi: vmi([RED], [], { conditions: [NOW] }) },
        "pending-migration",
        /about to migrate/,
    ],
    [
        "a migration asked for",
        {
            vm: vm([RED]),
            vmi: vmi([RED], [], { conditions: [NOW] }),
            migrations: [{ spec: { vmiName: "web" }, status: { phase: "Pending" } }],
        },
        "migrating",
        /is migrating/,
    ],
    [
        "a migration under way",
        {
            vm: vm([RED]),
            vmi: vmi([RED], [], { conditions: [NOW], migrationState: { startTimestamp: "2026-01-01T00:00:00Z" } }),
        },
        "migrating",
        /is migrating/,
    ],
    [
        "migrations that ended, and those of others",
        {
            vm: vm([RED]),
            vmi: vmi([RED], [], { conditions: [NOW], migrationState: { startTimestamp: "t", endTimestamp: "t" } }),
            migrations: [
                { spec: { vmiName: "web" }, status: { phase: "Failed" } },
                { spec: { vmiName: "db" }, status: { phase: "Running" } },
            ],
        },
        "pending-migration",
        /about to migrate/,
    ],
    [
        "a migration that is impossible",
        { vm: vm([RED]), vmi: vmi([RED], [], { conditions: [NOW, FIXED] }) },
        "blocked",
        /DisksNotLiveMigratable: cannot migrate VMI: PVC x is not shared/,
    ],
    [
        "a migration nobody starts",
        { vm: vm([RED]), vmi: vmi([RED], [], { conditions: [NOW] }), workloadUpdateMethods: [] },
        "blocked",
        /VirtualMachineInstanceMigration/,
    ],
    [
        "a NIC in the pod",
        { vm: vm([RED]), vmi: vmi([RED], [st("red", "multus-status")]) },
        "attaching",
        /guest does not/,
    ],
    [
        "a NIC the guest refuses, in time",
        {
            vm: vm([RED]),
            vmi: vmi([RED], [st("red", "multus-status")], {
                conditions: [{ type: "Synchronized", status: "False", message: "No more available PCI slots" }],
            }),
        },
        "attaching",
        /No more available PCI slots/,
    ],
    [
        "a NIC the guest refuses, past the deadline",
        {
            vm: vm([RED]),
            vmi: vmi([RED], [st("red", "multus-status")], {
                conditions: [{ type: "Synchronized", status: "False", message: "No more available PCI slots" }],
            }),
            pastDeadline: true,
        },
        "failed-attach",
        /No more available PCI slots/,
    ],
    [
        "a slow NIC without an error, past the deadline",
        { vm: vm([RED]), vmi: vmi([RED], [st("red", "multus-status")]), pastDeadline: true },
        "attaching",
        /guest does not/,
    ],
    [
        "a NIC in the guest",
        { vm: vm([RED]), vmi: vmi([RED], [st("red", DOMAIN, { linkState: "up" })]) },
        "attached",
        /guest has it/,
    ],
    [
        "a NIC the guest agent sees",
        { vm: vm([RED]), vmi: vmi([RED], [st("red", AGENT, { ipAddresses: ["10.0.0.5", "fe80::1"] })]) },
        "guest-visible",
        /10\.0\.0\.5, fe80::1/,
    ],
    [
        "an attached NIC and an unrelated restart (kubevirt issue 18955)",
        {
            vm: vm([RED], { conditions: [RESTART] }),
            vmi: vmi([iface("red", { pciAddress: "0000:01:00.0" })], [st("red", DOMAIN)]),
        },
        "attached",
        /asks for a restart of the VM .*, which this NIC does not need/,
    ],
    [
        "a changed MAC (restart_test.go)",
        {
            vm: vm([iface("red", { macAddress: "02:4b:11:00:00:ff" })], { conditions: [RESTART] }),
            vmi: vmi([RED], [st("red", DOMAIN)]),
        },
        "restart-required",
        /macAddress/,
    ],
    [
        "a changed binding (restart_test.go)",
        {
            vm: vm([{ name: "red", sriov: {}, model: "virtio", macAddress: "02:4b:11:00:00:02" }], {
                conditions: [RESTART],
            }),
            vmi: vmi([RED], [st("red", DOMAIN)]),
        },
        "restart-required",
        /sriov/,
    ],
    [
        "a change KubeVirt has not looked at",
        { vm: vm([iface("red", { macAddress: "02:4b:11:00:00:ff" })]), vmi: vmi([RED], [st("red", DOMAIN)]) },
        "syncing",
        /macAddress/,
    ],
    [
        "a changed link state, which is no change (restart_test.go)",
        { vm: vm([iface("red", { state: "down" })], { conditions: [RESTART] }), vmi: vmi([RED], [st("red", DOMAIN)]) },
        "attached",
        /guest has it/,
    ],
    [
        "another network before KubeVirt takes it over",
        {
            vm: vm([RED], {}, [net("red", "demo/nad-2")]),
            vmi: vmi([RED], [st("red", DOMAIN)], {}, [net("red", "demo/nad-1")]),
        },
        "syncing",
        /its network/,
    ],
    [
        "another network that needs a restart",
        {
            vm: vm([RED], { conditions: [RESTART] }, [net("red", "demo/nad-2")]),
            vmi: vmi([RED], [st("red", DOMAIN)], {}, [net("red", "demo/nad-1")]),
        },
        "restart-required",
        /its network/,
    ],
    [
        "another network while the pod is on the old one (nad_live_update.go)",
        {
            vm: vm([RED], {}, [net("red", "nad-2")]),
            vmi: vmi([RED], [st("red", DOMAIN)], { conditions: [NOW] }, [net("red", "demo/nad-2")]),
            launcherPodInfo: {
                networkStatus: [
                    { name: "cbr0", interface: "eth0" },
                    { name: "demo/nad-1", interface: POD_NIC },
                ],
            },
        },
        "pending-migration",
        /still on demo\/nad-1/,
    ],
    [
        "another network once the pod is on it",
        {
            vm: vm([RED], {}, [net("red", "nad-2")]),
            vmi: vmi([RED], [st("red", DOMAIN)], {}, [net("red", "nad-2")]),
            launcherPodInfo: { networkStatus: [{ name: "demo/nad-2", interface: POD_NIC }] },
        },
        "attached",
        /guest has it/,
    ],
    [
        "an unplug not taken over",
        { vm: vm([ABSENT]), vmi: vmi([RED], [st("red", DOMAIN)]) },
        "syncing",
        /unplug is asked for/,
    ],
    [
        "an unplug from a pod with ordinal names (vm_test.go: legacy ordinal interface names)",
        { vm: vm([ABSENT]), vmi: vmi([RED], [st("red", DOMAIN, { podInterfaceName: "net1" })]) },
        "restart-required-silent",
        /net1/,
    ],
    [
        "an unplug of the first NIC before it is plugged (vm_test.go: pending hotplug without a status entry)",
        { vm: vm([ABSENT]), vmi: vmi([RED], []) },
        "syncing",
        /once a secondary NIC is in the pod/,
    ],
    [
        "an unplug the guest works on",
        { vm: vm([ABSENT]), vmi: vmi([ABSENT], [st("red", DOMAIN)]) },
        "detaching",
        /guest has not released/,
    ],
    [
        "an unplug out of the guest",
        { vm: vm([ABSENT]), vmi: vmi([ABSENT], [st("red", "multus-status")]) },
        "guest-detached",
        /released/,
    ],
    [
        "an unplug with an empty source",
        { vm: vm([ABSENT]), vmi: vmi([ABSENT], [st("red", "")]) },
        "guest-detached",
        /released/,
    ],
    ["an unplug without status", { vm: vm([ABSENT]), vmi: vmi([ABSENT], []) }, "guest-detached", /removes the entries/],
    ["an unplug out of the instance", { vm: vm([ABSENT]), vmi: vmi([], []) }, "guest-detached", /removes the entries/],
    ["an unplug out of everything", { vm: vm([]), vmi: vmi([], []) }, "gone", /neither/],
    ["a status that outlives both specs", { vm: vm([]), vmi: vmi([], [st("red", DOMAIN)]) }, "detaching", /released/],
    [
        "a status of another name (vm_test.go: interface status that does not match a spec interface)",
        { vm: vm([]), vmi: vmi([], [st("RED", DOMAIN)]) },
        "gone",
        /neither/,
    ],
    [
        "an entry deleted from the VM without unplug",
        { vm: vm([]), vmi: vmi([RED], [st("red", DOMAIN)]) },
        "restart-required-silent",
        /without an unplug/,
    ],
    [
        "a NIC wanted again during its unplug (vm_test.go: hot-unplug is underway)",
        { vm: vm([iface("red", { state: "up" })]), vmi: vmi([ABSENT], [st("red", DOMAIN)]) },
        "detaching",
        /finishes an unplug/,
    ],
];

describe("nic phase", () => {
    for (const [what, facts, phase, message] of rows) {
        it(`${phase}: ${what}`, () => {
            const verdict = nicPhase("red", facts);
            assert.equal(verdict.phase, phase, verdict.message);
            assert.match(verdict.message, message);
        });
    }

    it("knows the pod NIC, which Multus never reports", () => {
        const starting = { ...vmi([], []), status: { phase: "Running", interfaces: [] } };
        assert.equal(nicPhase("default", { vm: vm([]), vmi: starting }).phase, "attaching");
        assert.equal(nicPhase("default", { vm: vm([]), vmi: vmi([], []) }).phase, "attached");
    });

    it("follows the stages of a hot-plug and an unplug as KubeVirt 1.6 writes them", () => {
        const phases = (
            steps: [InterfaceEntry[], InterfaceEntry[], InterfaceStatus[], VmiObject["status"]?][],
        ): string[] =>
            steps.map(
                ([inVm, inVmi, statuses, rest]) =>
                    nicPhase("red", { vm: vm(inVm), vmi: vmi(inVmi, statuses, rest) }).phase,
            );
        assert.deepEqual(
            phases([
                [[RED], [], []],
                [[RED], [RED], []],
                [[RED], [RED], [], { conditions: [SOON] }],
                [[RED], [RED], [st("red", "multus-status")]],
                [[RED], [RED], [st("red", DOMAIN)]],
                [[RED], [RED], [st("red", AGENT)]],
            ]),
            ["syncing", "waiting-for-pod-nic", "waiting-for-pod-nic", "attaching", "attached", "guest-visible"],
        );
        assert.deepEqual(
            phases([
                [[ABSENT], [RED], [st("red", DOMAIN)]],
                [[ABSENT], [ABSENT], [st("red", DOMAIN)]],
                [[ABSENT], [ABSENT], [st("red", "multus-status")]],
                [[ABSENT], [ABSENT], [st("red", "multus-status")], { conditions: [SOON] }],
                [[ABSENT], [ABSENT], [st("red", "")]],
                [[ABSENT], [ABSENT], []],
                [[ABSENT], [], []],
                [[], [], []],
            ]),
            [
                "syncing",
                "detaching",
                "guest-detached",
                "guest-detached",
                "guest-detached",
                "guest-detached",
                "guest-detached",
                "gone",
            ],
        );
    });

    it("tells the phases that need somebody's help", () => {
        assert.deepEqual(
            ["blocked", "failed-attach", "attaching", "gone", "restart-required"].map((phase) =>
                isStuck(phase as "gone"),
            ),
            [true, true, false, false, true],
        );
    });
});
