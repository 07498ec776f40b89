import type { ImpactFacts } from "../core/impact";
import { freeHotplugPorts } from "../core/pci-capacity";
import { memoryBytes } from "../core/quantity";
import type { ClusterClient } from "./client";
import { hasDynamicNetworksController } from "./dynamic-networks";
import { hasMigrationTarget } from "./migration-targets";
import {
    kubevirtFacts,
    powerOf,
    type KubeVirtFacts,
    type VirtualMachineInstance,
    type VmView,
} from "./virtual-machine";

/** What the cluster says about the cost of changes to a VM's NICs. */
export async function impactFacts(client: ClusterClient, view: VmView): Promise<Omit<ImpactFacts, "isPrimary">> {
    const kubevirt = await kubevirtFacts(client);
    // A VM that is off does not care.
    const [dynamicNetworks, migrationTarget] = view.vmi
        ? await Promise.all([hasDynamicNetworksController(client), hasMigrationTarget(client, view.vmi)])
        : [];
    return {
        ...kubevirt,
        vm: powerOf(view),
        ...(dynamicNetworks !== undefined && { dynamicNetworksController: dynamicNetworks }),
        ...(migrationTarget !== undefined && { hasMigrationTarget: migrationTarget }),
        ...(view.vmi && instanceFacts(view.vmi, kubevirt)),
    };
}

function instanceFacts(vmi: VirtualMachineInstance, { kubevirtVersion }: KubeVirtFacts): Partial<ImpactFacts> {
    const migratable = vmi.status?.conditions?.find((condition) => condition.type === "LiveMigratable");
    const migration = vmi.status?.migrationState;
    const ports = kubevirtVersion === undefined ? undefined : freePorts(vmi, kubevirtVersion);
    const podNames = (vmi.status?.interfaces ?? [])
        .map((nic) => nic.podInterfaceName)
        .filter((name) => name !== undefined);
    return {
        migrationInFlight: migration?.startTimestamp !== undefined && migration.endTimestamp === undefined,
        ...(migratable && {
            liveMigratable: {
                status: migratable.status === "True",
                ...(migratable.reason !== undefined && { reason: migratable.reason }),
                ...(migratable.message !== undefined && { message: migratable.message }),
            },
        }),
        ...(ports !== undefined && { freeHotplugPorts: ports }),
        // `net1`, `net2`, ... are the names of pods from before KubeVirt hashed them (pkg/network/namescheme).
        ...(podNames.length > 0 && { podUsesHashedNames: !podNames.some((name) => /^net\d+$/.test(name)) }),
    };
}

function freePorts(vmi: VirtualMachineInstance, kubevirtVersion: string): number | undefined {
    const nicsNow = vmi.spec?.domain?.devices?.interfaces?.length ?? 0;
    // KubeVirt writes down the slots it laid out at the start; without the note, what is there now was there then.
    const slots = Number(vmi.metadata.annotations?.["kubevirt.io/pci-interface-slot-count"] ?? nicsNow);
    return freeHotplugPorts({
        kubevirtVersion,
        nicsAtBoot: slots,
        nicsNow,
        memoryBytes: memoryBytes(vmi.spec?.domain?.memory?.guest ?? "") ?? 0n,
        ...(vmi.metadata.annotations && { annotations: vmi.metadata.annotations }),
    });
}
