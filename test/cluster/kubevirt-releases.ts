import type { KubeVirtRelease } from "../../scripts/embedded-cluster/commands";
import { kubeVirtRelease } from "../support/embedded-cluster";

/** What one release of KubeVirt does and the other does not, and where the change came from. */
interface Difference<Behaviour> {
    readonly "1.6": Behaviour;
    readonly "1.9": Behaviour;
    readonly reason: string;
}

/** Everything these suites expect of one release only. Whatever is not named here holds for both. */
const differences = {
    /** What another NetworkAttachmentDefinition asks for where the VM can migrate. */
    changedNad: {
        "1.6": "RestartRequired",
        "1.9": "MigrationRequired",
        reason: "LiveUpdateNADRef changes it by migration; Beta in 1.8, without a feature gate in 1.9",
    },
    /** The same where the VM cannot migrate. */
    changedNadOfImmobile: {
        "1.6": "RestartRequired",
        "1.9": "MigrationRequired",
        reason: "1.9.0 asks for a migration that can never be; after it KubeVirt asks for a restart (kubevirt #18194)",
    },
    /** Whether taking a change back takes RestartRequired back. */
    revertClearsRestartRequired: {
        "1.6": false,
        "1.9": true,
        reason: "since 1.8 the condition goes when VM and VMI are equal again, until 1.7 it stays until the restart",
    },
    /** Whether a pod network that is added to a VM without one asks for a restart. */
    addedPodNetworkNeedsRestart: {
        "1.6": false,
        "1.9": true,
        reason: "1.6 looks at removed and changed NICs only, 1.9 knows that a pod network cannot be plugged",
    },
    /** What is said of an interface without a binding. */
    withoutBinding: {
        "1.6": undefined,
        "1.9": "logical red interface must have exactly one binding method or binding plugin",
        reason: "1.9 has a validator for it (pkg/network/admitter), 1.6 takes bridge",
    },
    /** Where the VM's start with a NetworkAttachmentDefinition that does not exist is told. */
    missingNad: {
        "1.6": "conditions of the VM",
        "1.9": "events of the pod",
        reason: "virt-controller 1.9 reads no definitions (ExternalNetResourceInjection, Beta in 1.8): Multus is the first to miss it",
    },
} as const satisfies Record<string, Difference<unknown>>;

type Expected = { readonly [Name in keyof typeof differences]: (typeof differences)[Name][KubeVirtRelease] };

/** The behaviour of the release at hand. */
export const expected = Object.fromEntries(
    Object.entries(differences).map(([name, difference]) => [name, difference[kubeVirtRelease]]),
) as Expected;
