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

/**
 * A lower bound for the free hot-plug ports of a running VM. Disks share them and nothing publishes the number, so this
 * is an estimate: KubeVirt's docs/pci-topology.md (1.9), pkg/virt-launcher placeholders (before).
 * @returns undefined when the version is unreadable
 */
export function freeHotplugPorts(facts: PciFacts): number | undefined {
    void facts;
    throw new Error("not implemented");
}
