import { isAtLeast } from "./version";

/** What decides how many PCIe ports a running VM has left for hot-plug. */
export interface PciFacts {
    /** `1.6.0` or `v1.6.0`. */
    readonly kubevirtVersion: string;
    /** NICs the VM was started with. */
    readonly nicsAtBoot: number;
    /** NICs it has now, those being plugged included. */
    readonly nicsNow: number;
    /** Guest memory in bytes. */
    readonly memoryBytes: bigint;
    /** Annotations of the instance. */
    readonly annotations?: Readonly<Record<string, string>>;
}

/** `hotplugLargeMemoryThreshold` of pkg/virt-launcher/virtwrap/manager.go. */
const LARGE_MEMORY = 2n * 1024n ** 3n;
const ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex";
const SLOT_COUNT = "kubevirt.io/pci-interface-slot-count";

/**
 * A lower bound for the free hot-plug ports of a running VM (q35 or virt machine type). Nothing publishes the number,
 * it depends on the devices in use, and hot-plugged disks share the ports, so this counts only what KubeVirt keeps free
 * at least: before 1.6 four NICs in all; since 1.6 three ports, or six above 2 GiB of memory; since 1.8 also the rest
 * of four NICs (KubeVirt's docs/pci-topology.md, pkg/virt-launcher/virtwrap/manager.go).
 * @returns undefined when the version is unreadable
 */
export function freeHotplugPorts(facts: PciFacts): number | undefined {
    const since16 = isAtLeast(facts.kubevirtVersion, 1, 6);
    const since18 = isAtLeast(facts.kubevirtVersion, 1, 8);
    if (since16 === undefined || since18 === undefined) {
        return undefined;
    }
    const onRootComplex = facts.annotations?.[ROOT_COMPLEX] === "true";
    const scaled = since16 && !onRootComplex ? (facts.memoryBytes > LARGE_MEMORY ? 6 : 3) : 0;
    const held = since18 || !since16 ? placeholders(facts, onRootComplex) : 0;
    const plugged = Math.max(0, facts.nicsNow - facts.nicsAtBoot);
    return Math.max(0, Math.max(scaled, held) - plugged);
}

/** Ports KubeVirt holds by placeholder NICs when it starts the VM. */
function placeholders({ nicsAtBoot, annotations }: PciFacts, onRootComplex: boolean): number {
    const slots = annotations?.[SLOT_COUNT];
    if (slots !== undefined && /^[0-9]+$/.test(slots)) {
        return Math.max(0, Number(slots) - nicsAtBoot);
    }
    return nicsAtBoot === 0 || onRootComplex ? 0 : Math.max(0, 4 - nicsAtBoot);
}
