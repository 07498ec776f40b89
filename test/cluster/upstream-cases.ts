/**
 * KubeVirt's own functional and unit cases about interfaces are numbered F1 to F28 in these suites, in the order of
 * upstream's files: tests/network/hotplug_bridge.go (F1-F10), hotplug_sriov.go (F11), link_state.go (F12-F14),
 * nad_live_update.go (F15, F16), vmi_infosource.go (F17), then pkg/network/controllers/vm_test.go (F18-F23),
 * pkg/network/vmliveupdate/restart_test.go (F24, F25), pkg/network/migration/evaluator_test.go (F26),
 * pkg/network/controllers/vm_test.go (F27) and vmi_test.go (F28).
 */
export const upstreamCases = Array.from({ length: 28 }, (_, index) => `F${index + 1}`);

/**
 * The cases no test replays, and why. Of two others a part is left out: the carrier F7 sees inside the guest, which needs
 * an operating system, and the ordinal interface names of F22, which only pods of earlier versions have.
 */
export const casesWithoutTest = {
    F6: "A ping between two guests over the secondary network needs guests with an operating system and a data path.",
    F17: "Renaming, adding and moving interfaces happens inside a guest with an operating system; what is reported of it, a program meets.",
};

/** The cases that no program brings about, and why. */
export const casesWithoutProgram: Readonly<Record<string, string>> = {
    F6: casesWithoutTest.F6,
};
